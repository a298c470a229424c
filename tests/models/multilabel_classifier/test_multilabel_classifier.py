import json

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_models import randomize, tiny_dual_encoder

from kclip.errors import UserError
from kclip.losses import AsymmetricLoss, JointLoss
from kclip.models import (
    CachedMultiLabelClassifier,
    ImageEncoder,
    MultiLabelClassifier,
    SpatialEncoder,
)

NAMES = ["cat", "dog", "fox"]
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (4, 32, 32, 3)).astype("float32")
QUERIES = np.eye(3, 6, dtype="float32")
DECODER = {"dim": 16, "num_heads": 2, "intermediate_dim": 8}
TARGETS = {
    "labels": np.array([[1, 0, 0], [0, 1, 1], [0, 1, 1], [0, 0, 0]], "uint8"),
    "text_embeddings": np.eye(4, 6, dtype="float32")[[0, 1, 1, 2]],
    "ids": np.array([0, 1, 1, -1], "int32"),
}


def tiny_classifier(dtype="float32", frozen=False, **options):
    encoder = ImageEncoder("small_cnn", image_size=32, dtype=dtype, name="image_encoder")
    encoder.trainable = not frozen
    options = {"query_dim": 6, "alignment_dim": 6} | DECODER | options
    model = MultiLabelClassifier(encoder, NAMES, dtype=dtype, **options)
    randomize(model)
    if model.queries is not None:
        model.set_queries(QUERIES)
    return model


def predict(model, inputs=IMAGES):
    return {name: np.asarray(value) for name, value in model.predict(inputs, verbose=0).items()}


def assert_same(ours, theirs, **tolerance):
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], **tolerance)


def test_outputs_are_those_of_the_parts():
    model = tiny_classifier(similarity_logits=True)
    channels = model.image_encoder.spatial_output.shape[-1]
    model.standardize_maps(np.full(channels, 0.1), np.full(channels, 4.0))
    outputs = SpatialEncoder(model.image_encoder)(IMAGES)
    spatial_map = np.asarray(outputs["spatial_map"])
    pooled = spatial_map.mean(axis=(1, 2))
    np.testing.assert_allclose(pooled, np.asarray(model.image_encoder(IMAGES)), rtol=1e-4)
    np.testing.assert_allclose(pooled, np.asarray(outputs["features"]), rtol=1e-4)
    aligned = np.asarray(model.alignment(pooled))
    embeddings = aligned / np.linalg.norm(aligned, axis=-1, keepdims=True)
    standard = (spatial_map - 0.1) / np.sqrt(4.0)
    cosines = embeddings @ (QUERIES / np.linalg.norm(QUERIES, axis=-1, keepdims=True)).T
    scale, bias = np.asarray(model.similarity.scale), np.asarray(model.similarity.bias)
    queries = QUERIES * np.sqrt(6)
    expected = {
        "logits": np.asarray(model.decoder(standard, queries)) + scale * cosines + bias,
        "image_embeddings": embeddings,
    }
    assert_same(predict(model), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        ({"alignment_dim": None}, 3),
        ({"similarity_logits": True, "standardize": True, "feature_dropout": 0.5}, 3),
        ({"head": "full", "query_dim": None}, 3),
        ({"head": "grouped", "query_dim": None, "num_groups": 2}, 3),
    ],
)
def test_each_head_survives_its_folder(tmp_path, options, classes):
    model = tiny_classifier(resize="crop", **options)
    model.save_to_preset(str(tmp_path))
    again = MultiLabelClassifier.from_preset(tmp_path)
    assert (again.class_names, again.resize_mode) == (NAMES, "crop")
    assert predict(again)["logits"].shape == (4, classes)
    assert_same(predict(again), predict(model), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_trains_to_float32_outputs_and_is_loaded_in_float32(tmp_path, dtype):
    model = tiny_classifier(dtype)
    model.compile(keras.optimizers.Adam(1e-3), JointLoss())
    history = model.fit(IMAGES, TARGETS, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {value.dtype for value in predict(model).values()} == {np.dtype("float32")}
    model.save_to_preset(str(tmp_path))
    again = MultiLabelClassifier.from_preset(tmp_path, dtype="float32")
    assert again.image_encoder.compute_dtype == again.decoder.compute_dtype == "float32"
    # bfloat16 keeps 8 bits, and processors with instructions for it round elsewhere than others.
    assert_same(predict(again), predict(model), atol=0.1 if dtype == "mixed_float16" else 0.3)


def test_a_frozen_tower_stays_frozen_and_in_float32(tmp_path):
    tiny_classifier(frozen=True).save_to_preset(str(tmp_path))
    again = MultiLabelClassifier.from_preset(tmp_path, dtype="mixed_bfloat16")
    assert not again.image_encoder.trainable_weights
    assert again.image_encoder.compute_dtype == "float32"
    assert again.decoder.compute_dtype == "bfloat16"


def test_other_classes_share_every_weight_but_the_queries():
    model = tiny_classifier(similarity_logits=True)
    names, queries = ["dog", "owl", "cat", "emu"], RNG.normal(size=(4, 6)).astype("float32")
    queries[[0, 2]] = QUERIES[[1, 0]]
    other = model.with_classes(names, queries)
    assert other.class_names == names
    before, after = predict(model), predict(other)
    np.testing.assert_allclose(after["logits"][:, [2, 0]], before["logits"][:, :2], rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.1), JointLoss())
    model.fit(IMAGES, TARGETS, verbose=0)
    moved = predict(other)["logits"]
    assert np.abs(moved - after["logits"]).max() > 1e-3
    np.testing.assert_allclose(moved[:, [2, 0]], predict(model)["logits"][:, :2], rtol=1e-4)


def test_other_classes_survive_a_folder(tmp_path):
    other = tiny_classifier().with_classes(["owl", "emu"], RNG.normal(size=(2, 6)))
    other.save_to_preset(str(tmp_path))
    again = MultiLabelClassifier.from_preset(tmp_path)
    assert again.class_names == ["owl", "emu"]
    assert_same(predict(again), predict(other), rtol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_training_is_that_of_the_joint_loss(frozen):
    """Frozen, on the tower's maps: a step leaves the weights that a step on images leaves."""
    model = tiny_classifier(frozen=frozen, dropout=0.0)
    model.alignment.dropout.rate = 0.0
    start = [np.array(weight) for weight in model.get_weights()]
    model.compile(keras.optimizers.SGD(0.01), JointLoss(0.5, 2.0))
    logs = model.fit(IMAGES, TARGETS, verbose=0).history
    parts = 0.5 * logs["alignment_loss"][0] + 2.0 * logs["classification_loss"][0]
    assert logs["loss"][0] == pytest.approx(parts, rel=1e-5)
    whole = [np.array(weight) for weight in model.get_weights()]
    assert sum(np.any(a != b) for a, b in zip(start, whole, strict=True)) > 10
    if frozen:
        model.set_weights(start)
        cached = CachedMultiLabelClassifier(model)
        outputs = predict(model.spatial_encoder)
        assert_same(predict(cached, outputs), predict(model), rtol=1e-5, atol=1e-6)
        cached.compile(keras.optimizers.SGD(0.01), JointLoss(0.5, 2.0))
        cached.fit(outputs, TARGETS, verbose=0)
        for ours, theirs in zip(model.get_weights(), whole, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_maps_in_half_precision_are_taken():
    model = tiny_classifier(frozen=True)
    outputs = predict(model.spatial_encoder)
    outputs["spatial_map"] = outputs["spatial_map"].astype("float16")
    ours = predict(CachedMultiLabelClassifier(model), outputs)
    assert_same(ours, predict(model), rtol=1e-2, atol=1e-2)


def test_attention_maps_are_over_places_of_the_image():
    model = tiny_classifier()
    maps = model.attention_maps(IMAGES)
    height, width = model.image_encoder.spatial_output.shape[1:3]
    assert maps.shape == (4, 2, 3, height, width) and maps.dtype == np.float32
    np.testing.assert_allclose(maps.sum(axis=(3, 4)), 1, rtol=1e-5)
    spatial_map = np.asarray(model.spatial_encoder(IMAGES)["spatial_map"])
    standard = model.map_standardization(spatial_map)
    queries = QUERIES * np.sqrt(6)
    _, flat = model.decoder(standard, queries, return_attention=True)
    np.testing.assert_allclose(maps[:, :, :, 1, 0], np.asarray(flat)[..., width], rtol=1e-5)


def test_images_of_any_shape_are_brought_to_its_size():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :10] = pixels[:, -10:] = 255  # what the middle square leaves out
    image = Image.fromarray(pixels)
    assert tiny_classifier().prepare(image).max() == 255
    assert tiny_classifier(resize="crop").prepare(image).max() == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"head": "half"}, "head='half' is unknown; choose from zero_shot, full, grouped"),
        ({"head": "full"}, "query_dim=6 came for head='full'"),
        ({"query_dim": None}, "query_dim=None came for head='zero_shot'"),
        ({"num_groups": 2}, "num_groups=2 came for head='zero_shot'"),
        ({"similarity_logits": True, "alignment_dim": 5}, "similarity_logits came for head="),
    ],
)
def test_arguments_that_do_not_fit(options, sentence):
    with pytest.raises(UserError, match=sentence):
        tiny_classifier(**options)


def test_learned_queries_take_no_other_classes():
    model = tiny_classifier(head="full", query_dim=None)
    with pytest.raises(UserError, match="only a zero_shot head takes other classes"):
        model.with_classes(["owl"], np.zeros((1, 6)))
    with pytest.raises(UserError, match="only a zero_shot head"):
        model.set_queries(QUERIES)


def test_folders_of_another_kind_or_with_another_class(tmp_path):
    tiny_dual_encoder().save_to_preset(str(tmp_path / "dual"))
    with pytest.raises(UserError, match="not a kclip multi-label classifier.*train_clip_decoder"):
        MultiLabelClassifier.from_preset(tmp_path / "dual")
    tiny_classifier().save_to_preset(str(tmp_path / "own"))
    path = tmp_path / "own" / "config.json"
    config = json.loads(path.read_text())
    config["config"]["image_encoder"] = {
        "module": "os", "class_name": "system", "config": {}, "registered_name": None
    }  # fmt: skip
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="names the class 'os.system'"):
        MultiLabelClassifier.from_preset(tmp_path / "own")


def test_with_mirror_an_image_is_scored_as_its_mirror_image_is():
    keras.utils.set_random_seed(0)  # views of a network of other weights may differ by less
    images = IMAGES * np.linspace(0, 1, 32, dtype="float32")[:, None]  # dark on the left
    plain, mirrored = (tiny_classifier(similarity_logits=True, mirror=m) for m in (False, True))
    mirrored.set_weights(plain.get_weights())
    both = [predict(plain, view)["logits"] for view in (images, images[:, :, ::-1])]
    assert np.abs(both[0] - both[1]).max() > 1e-2
    np.testing.assert_allclose(plain.predict_logits(images), both[0], atol=1e-4)
    np.testing.assert_allclose(mirrored.predict_logits(images), (both[0] + both[1]) / 2, atol=1e-4)
    other = mirrored.with_classes(["cat"], QUERIES[:1]).predict_logits(images)
    np.testing.assert_allclose(other, mirrored.predict_logits(images)[:, :1], atol=1e-4)


def test_training_goes_on_from_a_keras_file(tmp_path):
    model = tiny_classifier(dropout=0.0)
    loss = JointLoss(alpha=0.5, classification=AsymmetricLoss(gamma_negative=2.0))
    model.compile(keras.optimizers.AdamW(1e-2), loss=loss)
    model.train_on_batch(IMAGES, TARGETS)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.own_loss == loss and int(again.optimizer.iterations) == 1
    for of in (again, model):
        of.train_on_batch(IMAGES, TARGETS)
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
