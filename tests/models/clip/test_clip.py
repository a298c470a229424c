import json

import keras
import numpy as np
import pytest
from tiny_clip import LENGTH, SIZE, TEXTS, tiny_clip, tiny_clip_preprocessor, write_tiny_clip

from kclip.errors import UserError
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import CLIP, ClipPreprocessor, DualEncoder

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE, 3)).astype("float32")
TOKENS = {"token_ids": np.random.default_rng(1).integers(0, 80, (4, LENGTH))}
ARCHITECTURES = ["clip", "siglip"]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_gives_the_same_embeddings(tmp_path, architecture, dtype):
    model, preprocessor = write_tiny_clip(tmp_path, architecture, dtype=dtype)
    again = CLIP.from_preset(tmp_path, dtype=dtype)
    assert again.dtype_policy.name == dtype
    assert again.settings == model.settings
    np.testing.assert_array_equal(again.encode_image(IMAGES), model.encode_image(IMAGES))
    np.testing.assert_array_equal(again.encode_text(TOKENS), model.encode_text(TOKENS))
    np.testing.assert_array_equal(
        again.logits_per_image(IMAGES, TOKENS), model.logits_per_image(IMAGES, TOKENS)
    )
    tokens = ClipPreprocessor.from_preset(tmp_path).tokenize(TEXTS)
    np.testing.assert_array_equal(tokens["token_ids"], preprocessor.tokenize(TEXTS)["token_ids"])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mixed_precision_stays_near_and_ends_in_float32(architecture):
    full, mixed = tiny_clip(architecture), tiny_clip(architecture, dtype="mixed_bfloat16")
    inputs = {"image": IMAGES, "token_ids": TOKENS["token_ids"][:3]}
    for name, embeddings in mixed.predict_on_batch(inputs).items():
        assert embeddings.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(embeddings, full.predict_on_batch(inputs)[name], atol=0.06)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_sides_are_those_of_the_whole(architecture):
    model = tiny_clip(architecture)
    inputs = {"image": IMAGES, "token_ids": TOKENS["token_ids"][:3]}
    outputs = model.predict_on_batch(inputs)
    np.testing.assert_allclose(model.encode_image(IMAGES), outputs["image_embeddings"], atol=1e-6)
    texts = model.encode_text({"token_ids": inputs["token_ids"]})
    np.testing.assert_allclose(texts, outputs["text_embeddings"], atol=1e-6)


def test_what_follows_a_clips_end_token_changes_nothing():
    model, tokens = tiny_clip(), tiny_clip_preprocessor().tokenize(TEXTS)["token_ids"]
    whole = model.text_model.predict_on_batch({"token_ids": tokens})
    np.testing.assert_allclose(model.encode_text({"token_ids": tokens}), whole, atol=1e-6)
    short = {"token_ids": tokens[1:3, :13]}
    np.testing.assert_allclose(model.encode_text(short), whole[1:3], atol=1e-6)


def test_a_siglips_padding_counts():
    """It reads the last position and masks nothing, as it was trained."""
    model = tiny_clip("siglip")
    tokens = tiny_clip_preprocessor("siglip").tokenize(TEXTS[:1])["token_ids"]
    other = tokens.copy()
    other[0, -1] = 5
    before, after = (model.encode_text({"token_ids": ids}) for ids in (tokens, other))
    assert np.abs(before - after).max() > 0.01


def test_pixels_are_normalised_inside():
    """With mean and deviation changed, other pixels give the same embedding."""
    one = tiny_clip(mean=(0, 0, 0), std=(1, 1, 1))
    other = tiny_clip(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    moved = (IMAGES / 255 * 0.5 + 0.5) * 255
    np.testing.assert_allclose(one.encode_image(IMAGES), other.encode_image(moved), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "loss"), [("clip", ContrastiveLoss()), ("siglip", SigmoidLoss())]
)
def test_it_learns_pairs(architecture, loss):
    model = tiny_clip(architecture)
    model.compile(keras.optimizers.Adam(1e-2), loss, run_eagerly=True)
    inputs = {"image": IMAGES, "token_ids": TOKENS["token_ids"][:3]}
    losses = [float(model.train_on_batch(inputs, np.arange(3))) for _ in range(8)]
    assert losses[-1] < 0.9 * losses[0]


def test_an_architecture_that_there_is_not():
    with pytest.raises(ValueError, match="got 'blip'"):
        tiny_clip("blip")


def test_folders_of_the_other_kind_are_refused(tmp_path):
    write_tiny_clip(tmp_path)
    with pytest.raises(UserError, match="holds kclip>CLIP, not a kclip dual encoder"):
        DualEncoder.from_preset(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"registered_name": "kclip>DualEncoder"}))
    with pytest.raises(UserError, match="holds kclip>DualEncoder, not a kclip CLIP"):
        CLIP.from_preset(tmp_path)


def test_a_class_in_a_towers_numbers_is_refused(tmp_path):
    write_tiny_clip(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["config"]["image_tower"]["activation"] = {"class_name": "Lambda", "module": "keras"}
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="names the class 'keras.Lambda'"):
        CLIP.from_preset(tmp_path)
