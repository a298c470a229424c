"""Dual encoders whose towers come from different models: LiT, with captions in any language."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_run import OPTIMIZATION, config, write_records
from tiny_clip import write_tiny_clip

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.inference.embedder import Embedder
from kclip.inference.towers import open_text_tower
from kclip.models import CLIP, ClipTextEncoder
from kclip.models.pretrained.text_towers import load_text_encoder
from kclip.training.dual_encoder.building import build_dual_encoder
from kclip.training.dual_encoder.report import save_model


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module", params=["clip", "siglip"])
def clip(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_tiny_clip(folder, request.param)
    return folder


def train(records, output, image, text):
    towers = {"image": image, "text": text}
    config(records, output, optimization=OPTIMIZATION, log_to=(), **towers).run()
    return Embedder.from_name(output / "model")


@pytest.mark.slow
def test_a_locked_image_tower_and_a_multilingual_text_tower(records, clip, goldens, tmp_path):
    folder = goldens / "hf_xlm_roberta_tiny"
    embedder = train(
        records,
        tmp_path / "run",
        ImageTower(backbone=str(clip), train="head"),
        TextTower(backbone=str(folder), sequence_length=16),
    )
    # Pictures come to it as to the model whose tower it is.
    assert (
        embedder.preprocessor.resize_mode == Embedder.from_name(str(clip)).preprocessor.resize_mode
    )
    start, _ = load_text_encoder(str(folder))
    pairs = (
        (embedder.model.image_encoder, CLIP.from_preset(clip).image_encoder, True),
        (embedder.model.text_encoder, start, False),
    )
    for ours, before, equal in pairs:
        weights = zip(ours.get_weights(), before.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in weights) == equal
    embeddings = embedder.embed_texts(["ein roter Kreis", "un cercle rouge", "红色的圆"])
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_two_frozen_towers_run_once(records, goldens, tmp_path):
    embedder = train(
        records,
        tmp_path / "run",
        ImageTower(backbone=str(goldens / "hf_dinov2_tiny"), train="head"),
        TextTower(backbone=str(goldens / "hf_mpnet_tiny"), train="head", sequence_length=16),
    )
    ids = embedder.preprocessor.tokenize(["a red circle"])["token_ids"]
    _, tokenizer = load_text_encoder(str(goldens / "hf_mpnet_tiny"))
    np.testing.assert_array_equal(ids, tokenizer.encode(["a red circle"], 16))


def test_the_text_tower_of_a_clip(clip):
    tower = open_text_tower(str(clip))
    assert isinstance(tower.encoder, ClipTextEncoder)
    model, preprocessor = build_dual_encoder(
        ImageTower(backbone="small_cnn", size=32),
        TextTower(backbone=str(clip)),
        Objective(projection_dim=8),
        captions=[],
    )
    tokens = preprocessor.tokenize(["a red circle", "a square"])
    expected = np.asarray(CLIP.from_preset(clip).text_encoder(tokens))
    np.testing.assert_allclose(np.asarray(model.text_encoder(tokens)), expected, atol=1e-6)


def test_adapters_of_new_towers_are_saved_as_weights(clip, tmp_path):
    """A folder with adapters in it could not be loaded: nothing knows their rank."""
    towers = (ImageTower(backbone=str(clip), train="lora:2"), TextTower(str(clip), train="lora:1"))
    model, preprocessor = build_dual_encoder(*towers, Objective(projection_dim=8), captions=[])
    for number, variable in enumerate(model.trainable_variables):
        noise = np.random.default_rng(number).normal(0, 0.3, variable.shape)
        variable.assign(np.array(variable) + noise)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    tokens = preprocessor.tokenize(["a red circle", "a square"])
    expected = model.encode_image(images), model.encode_text(tokens)
    save_model(model, preprocessor, SimpleNamespace(text=lambda: ""), tmp_path / "model")
    found = Embedder.from_name(tmp_path / "model").model
    for ours, theirs in zip(
        (found.encode_image(images), found.encode_text(tokens)), expected, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "text", "message"),
    [
        ({"weights": "imagenet"}, {}, "is a model with its weights; leave --image.weights"),
        ({"pooling": "flatten"}, {}, "pools by itself"),
        ({}, {"pooling": "mean"}, "pools its texts by itself; leave --text.pooling"),
    ],
)
def test_options_that_a_models_towers_have_no_use_for(clip, image, text, message):
    towers = (ImageTower(backbone=str(clip), **image), TextTower(backbone=str(clip), **text))
    with pytest.raises(UserError, match=message):
        build_dual_encoder(*towers, Objective(projection_dim=8), captions=[])


def test_texts_longer_than_a_tower_reads_are_refused(goldens):
    text = TextTower(backbone=str(goldens / "hf_mpnet_tiny"), sequence_length=64)
    with pytest.raises(UserError, match="--text.sequence-length is 64, but .* reads at most 23"):
        build_dual_encoder(
            ImageTower(backbone="small_cnn", size=32), text, Objective(projection_dim=8), []
        )
