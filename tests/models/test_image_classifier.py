import json

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_models import randomize, tiny_dual_encoder

from kclip.errors import UserError
from kclip.models import DualEncoder, ImageClassifier, ImageEncoder

NAMES = ["cat", "dog", "fox"]
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")


def tiny_classifier(dtype="float32", **options):
    encoder = ImageEncoder("small_cnn", image_size=32, dtype=dtype, name="image_encoder")
    model = ImageClassifier(encoder, NAMES, dtype=dtype, **options)
    randomize(model)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model, folder = tiny_classifier(dropout=0.4, resize="crop"), tmp_path_factory.mktemp("model")
    model.save_to_preset(str(folder))
    return model, folder


def test_probabilities_are_the_softmax_of_one_layer_on_the_features():
    model = tiny_classifier()
    features = np.asarray(model.image_encoder.predict(IMAGES, verbose=0), np.float64)
    kernel, bias = (np.asarray(weight, np.float64) for weight in model.probabilities.weights)
    exponents = np.exp(features @ kernel + bias - (features @ kernel + bias).max(axis=1)[:, None])
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    assert np.asarray(model.predict(IMAGES, verbose=0)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_probabilities_are_float32_under_any_policy(dtype):
    model = tiny_classifier(dtype)
    probabilities = model(IMAGES)
    assert keras.backend.standardize_dtype(probabilities.dtype) == "float32"
    assert np.asarray(probabilities).sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert model.image_encoder.compute_dtype == dtype.removeprefix("mixed_")


def test_reloading_gives_the_same_probabilities(saved):
    model, folder = saved
    again = ImageClassifier.from_preset(folder)
    assert again.class_names == NAMES
    assert (again.dropout.rate, again.resize_mode) == (0.4, "crop")
    assert np.array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_a_model_trained_in_half_precision_is_loaded_in_float32(tmp_path):
    tiny_classifier("mixed_bfloat16").save_to_preset(str(tmp_path))
    again = ImageClassifier.from_preset(tmp_path, dtype="float32")
    assert again.image_encoder.compute_dtype == "float32"


def test_images_of_any_shape_are_brought_to_its_size():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :10] = pixels[:, -10:] = 255  # what the middle square leaves out
    image = Image.fromarray(pixels)
    squashed = tiny_classifier().prepare(image)
    cropped = tiny_classifier(resize="crop").prepare(image)
    assert squashed.shape == cropped.shape == (32, 32, 3)
    assert squashed.max() == 255 and cropped.max() == 0


def test_dropout_acts_in_training_alone():
    model = tiny_classifier(dropout=0.9)
    model.image_encoder.trainable = False
    still = [np.asarray(model(IMAGES, training=False)) for _ in range(2)]
    moving = [np.asarray(model(IMAGES, training=True)) for _ in range(2)]
    assert np.array_equal(*still) and not np.array_equal(*moving)


def test_a_folder_of_another_kind(tmp_path, saved):
    tiny_dual_encoder().save_to_preset(str(tmp_path))
    with pytest.raises(UserError, match="holds kclip>DualEncoder, not a kclip image classifier"):
        ImageClassifier.from_preset(tmp_path)
    with pytest.raises(UserError, match="holds kclip>ImageClassifier, not a kclip dual encoder"):
        DualEncoder.from_preset(saved[1])
    with pytest.raises(UserError, match="give the model/ folder that train_classifier wrote"):
        ImageClassifier.from_preset(tmp_path / "none")


def test_a_config_that_names_another_class_is_not_loaded(tmp_path):
    tiny_classifier().save_to_preset(str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text())
    config["config"]["image_encoder"] = {
        "module": "os", "class_name": "system", "config": {}, "registered_name": None
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="names the class 'os.system'"):
        ImageClassifier.from_preset(tmp_path)
