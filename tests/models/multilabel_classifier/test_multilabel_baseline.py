import keras
import numpy as np
import pytest

from kclip.models import ImageEncoder
from kclip.models.multilabel_classifier.multilabel_baseline import MultiLabelBaseline

IMAGES = np.random.default_rng(0).uniform(0, 255, (6, 32, 32, 3)).astype("float32")
LABELS = np.array([[1, 0, 1], [0, 1, 1]] * 3, "float32")


def baseline(**kwargs):
    keras.utils.set_random_seed(0)
    tower = ImageEncoder("small_cnn", image_size=32, name="image_encoder")
    return MultiLabelBaseline(tower, ["cat", "dog", "tree"], **kwargs)


def test_each_class_has_a_logit_of_the_pooled_features():
    model = baseline()
    features = np.asarray(model.image_encoder(IMAGES))
    kernel, bias = model.classifier.get_weights()
    np.testing.assert_allclose(np.asarray(model(IMAGES)), features @ kernel + bias, atol=1e-4)


def test_images_are_changed_in_training_alone():
    # Without its own noise the tower tells whether its input was changed.
    model = baseline()
    model.image_encoder.trainable = False
    in_use = np.asarray(model(IMAGES))
    np.testing.assert_allclose(np.asarray(model(IMAGES, training=False)), in_use, atol=1e-5)
    assert np.abs(np.asarray(model(IMAGES, training=True)) - in_use).max() > 1e-3


def test_it_learns():
    model = baseline(rotation=0.0, zoom=0.0)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    losses = model.fit(IMAGES, LABELS, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_it_survives_its_file(tmp_path):
    model = baseline(rotation=0.1, zoom=0.2, dtype="mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.rotation, loaded.zoom, loaded.class_names[2]) == (0.1, 0.2, "tree")
    assert loaded(IMAGES).dtype == model(IMAGES).dtype
    np.testing.assert_allclose(np.asarray(loaded(IMAGES)), np.asarray(model(IMAGES)), atol=1e-3)


def test_a_model_folder_gives_it_back(tmp_path):
    model = baseline()
    model.save_to_preset(str(tmp_path / "model"))
    loaded = MultiLabelBaseline.from_preset(tmp_path / "model")
    np.testing.assert_allclose(np.asarray(loaded(IMAGES)), np.asarray(model(IMAGES)), atol=1e-5)


@pytest.mark.parametrize(("backbone", "features"), [("vgg16", 512), ("resnet101", 2048)])
def test_the_papers_networks(backbone, features):
    model = MultiLabelBaseline(ImageEncoder(backbone, image_size=32), ["cat", "dog"])
    assert model.classifier.kernel.shape == (features, 2)
    assert model.output_shape == (None, 2)
