import keras
import numpy as np
import pytest
from class_folders import write_class_folders

from kclip.config.classifier import ClassifierSettings
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.features import FeatureStore
from kclip.models import ImageClassifier, ImageEncoder
from kclip.models.pretrained.image_towers import load_image_encoder
from kclip.training.classifier.fine_tuning import train_classifier, unfreeze
from kclip.training.classifier.frozen_features import frozen_features
from kclip.training.classifier.image_batches import ImageBatches
from kclip.training.common.run import Run


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return read_labelled_folder(write_class_folders(tmp_path_factory.mktemp("images"), per_class=5))


def small_classifier(weights=None):
    encoder = ImageEncoder("small_cnn", image_size=32, weights=weights, name="image_encoder")
    return ImageClassifier(encoder, ["blue", "green", "red"])


def batches(images, model, **options):
    return ImageBatches(images.images, images.class_indices, model.prepare, batch_size=4, **options)


def epoch_of(batches, epoch=0, first_batch=0):
    batches.set_position(epoch, first_batch)
    return list(batches.dataset().as_numpy_iterator())


def test_the_last_layers_of_a_transformer_are_unfrozen(goldens):
    """Its blocks are layers: the last one and the norm behind it are trained, no weight before."""
    encoder = load_image_encoder(str(goldens / "hf_vit_tiny"))
    unfreeze(encoder, 2, pretrained=True)
    trained = {id(weight) for weight in encoder.trainable_weights}
    last = [*encoder.transformer_blocks[-1].weights, *encoder.output_norm.weights]
    assert trained == {id(weight) for weight in last}


def test_batches_hold_every_image_once_and_its_own_label(images):
    shuffled = batches(images, small_classifier(), shuffle=True)
    seen = epoch_of(shuffled)
    assert len(seen) == shuffled.batches_per_epoch == 4
    pictures, labels = (np.concatenate(part) for part in zip(*seen, strict=True))
    assert pictures.shape == (15, 32, 32, 3) and pictures.dtype == np.float32
    assert np.bincount(labels).tolist() == [5, 5, 5]
    strongest = pictures.mean(axis=(1, 2)).argmax(axis=1)  # of red, green and blue
    assert (strongest == 2 - labels).all()


def test_the_order_depends_on_seed_and_epoch_alone(images):
    model = small_classifier()
    first, second = (batches(images, model, shuffle=True, seed=3) for _ in range(2))

    def labels(batches, *position):
        return [labels.tolist() for _, labels in epoch_of(batches, *position)]

    before, after = labels(first), labels(first, 1)
    assert before != after == labels(second, 1)
    assert labels(second, 0, 2) == before[2:]  # from the middle of an epoch


@pytest.mark.parametrize("name", ["flip", "crop", "randaugment"])
def test_augmented_images_are_the_same_from_the_middle_of_an_epoch(images, name):
    model = small_classifier()

    def pixels(*position):
        augmented = batches(images, model, shuffle=True, augment=build_augmentation(name, seed=1))
        return [pictures for pictures, _ in epoch_of(augmented, *position)]

    whole = pixels(2)
    for ours, theirs in zip(pixels(2, 1), whole[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(pixels(1)[0], whole[0])


def trained_kinds(encoder):
    """The classes of the layers that would be trained, in their order."""
    return [type(layer).__name__ for layer in encoder.backbone.layers if layer.trainable_weights]


def test_the_last_layers_are_unfrozen_and_pretrained_statistics_kept():
    encoder = small_classifier().image_encoder
    convolution, norm = "Conv2D", "BatchNormalization"
    unfreeze(encoder, 6, pretrained=True)  # twice convolution, normalisation, ReLU
    assert trained_kinds(encoder) == [convolution] * 2
    unfreeze(encoder, "all", pretrained=True)
    assert trained_kinds(encoder) == [convolution] * 4
    for layers in ("all", 1000):
        unfreeze(encoder, layers, pretrained=False)
        assert trained_kinds(encoder) == [convolution, norm] * 4


@pytest.fixture
def pretrained(tmp_path):
    path = tmp_path / "tower.weights.h5"
    small_classifier().image_encoder.backbone.save_weights(path)
    return str(path)


def train(images, model, folder, **changes):
    settings = ClassifierSettings(batch_size=4, **changes)
    keras.utils.set_random_seed(0)
    data = batches(images, model, shuffle=True), batches(images, model), batches(images, model)
    run, store = Run(folder, lambda: False, "again"), FeatureStore.at(folder / "features")
    return train_classifier(model, *data, settings, run, store)


def test_the_head_is_trained_first_and_the_tower_stays(images, pretrained, tmp_path):
    model = small_classifier(pretrained)
    tower = model.image_encoder.get_weights()
    history = train(images, model, tmp_path, weights=pretrained, head_epochs=3, fine_tune_layers=0)
    assert [row["fine_tuning"] for row in history] == [0, 0, 0]
    assert history[-1]["loss"] < history[0]["loss"]
    for before, after in zip(tower, model.image_encoder.get_weights(), strict=True):
        assert np.array_equal(before, after)
    loss = history[-1]["val_loss"]
    probabilities = batches(images, model).predictions(model)
    own = probabilities[np.arange(15), images.class_indices]
    assert -np.log(own).mean() == pytest.approx(loss, abs=1e-4)  # it is the model's own head


def test_features_are_computed_once_for_a_network_and_its_images(
    images, pretrained, tmp_path, monkeypatch
):
    calls = []

    def counted(self, model, predictions=ImageBatches.predictions):
        calls.append(len(self.paths))
        return predictions(self, model)

    monkeypatch.setattr(ImageBatches, "predictions", counted)
    store, model = FeatureStore.at(tmp_path), small_classifier(pretrained)
    first, again = (frozen_features(model, batches(images, model), store) for _ in range(2))
    assert calls == [15] and np.array_equal(first, again)
    expected = batches(images, model).predictions(model.image_encoder)
    np.testing.assert_array_equal(first, expected)
    some = batches(images.rows(np.arange(4)), model)
    np.testing.assert_allclose(frozen_features(model, some, store), expected[:4], atol=1e-5)
    kernel = model.image_encoder.backbone.weights[0]
    kernel.assign(2 * np.array(kernel))
    assert not np.array_equal(frozen_features(model, batches(images, model), store), first)
    assert calls == [15, 15, 4, 15]


def test_then_the_last_layers_are_fine_tuned(images, pretrained, tmp_path):
    model = small_classifier(pretrained)
    tower = model.image_encoder.backbone.get_weights()
    changes = {"head_epochs": 1, "epochs": 2, "learning_rate": 1e-3, "fine_tune_layers": 3}
    history = train(images, model, tmp_path, weights=pretrained, **changes)
    assert [row["fine_tuning"] for row in history] == [0, 1, 1]
    assert [row["epoch"] for row in history] == [0, 1, 2]
    moved = [
        not np.array_equal(before, after)
        for before, after in zip(tower, model.image_encoder.backbone.get_weights(), strict=True)
    ]
    assert sum(moved) == 1  # the last convolution


def test_fine_tuning_that_makes_it_worse_is_undone(images, pretrained, tmp_path):
    model = small_classifier(pretrained)
    tower = model.image_encoder.get_weights()
    changes = {"head_epochs": 5, "epochs": 1, "learning_rate": 10.0, "weight_decay": 0.0}
    history = train(images, model, tmp_path, weights=pretrained, **changes)
    assert history[-1]["val_loss"] > history[0]["val_loss"]
    for before, after in zip(tower, model.image_encoder.get_weights(), strict=True):
        assert np.array_equal(before, after)
