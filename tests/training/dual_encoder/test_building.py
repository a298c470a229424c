import keras_hub
import numpy as np
import pytest

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import ImageEncoder, TextEncoder
from kclip.models.towers.text_encoder import BERT_SIZES
from kclip.training.dual_encoder.building import (
    SPECIAL_TOKENS,
    build_dual_encoder,
    build_loss,
    learn_vocabulary,
)

CAPTIONS = ["A red circle", "two blue squares", "A café above circles", "red squares"] * 30
IMAGE = ImageTower(backbone="small_cnn", size=32)
TEXT = TextTower(backbone="tiny", vocabulary_size=60, sequence_length=8)


def build(image=IMAGE, text=TEXT, **kwargs):
    objective = Objective(**{"projection_dim": 8} | kwargs)
    return build_dual_encoder(image, text, objective, CAPTIONS)


@pytest.fixture(scope="module", autouse=True)
def one_layer():
    """A tower of the smallest size there is, less most of its weights."""
    with pytest.MonkeyPatch.context() as patch:
        size = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
        patch.setitem(BERT_SIZES, "tiny", size)
        yield


def test_the_vocabulary_is_learned_from_the_captions():
    vocabulary = learn_vocabulary(CAPTIONS, 60)
    assert vocabulary[:5] == SPECIAL_TOKENS == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(vocabulary) == len(set(vocabulary)) <= 60
    assert {"red", "circle", "cafe"} <= set(vocabulary)
    assert all(entry == entry.lower() and entry.isascii() for entry in vocabulary[5:])
    tokenizer = keras_hub.models.BertTokenizer(vocabulary, lowercase=True, strip_accents=True)
    for caption in CAPTIONS:
        assert vocabulary.index("[UNK]") not in np.asarray(tokenizer(caption)).tolist()


def test_a_config_becomes_a_model_and_its_preprocessor():
    image = ImageTower(backbone="small_cnn", size=32, resize="crop", train="head")
    model, preprocessor = build(image, dropout=0.25)
    assert (preprocessor.side, preprocessor.resize_mode) == (32, "crop")
    assert preprocessor.sequence_length == 8
    assert not model.image_encoder.trainable
    assert model.text_encoder.trainable
    head = model.text_projection
    assert (head.projection_dim, head.dropout.rate) == (8, 0.25)
    vocabulary = preprocessor.tokenizer.vocabulary_size()
    assert model.text_encoder.numbers["vocabulary_size"] == vocabulary
    batch = preprocessor(
        {"image": np.zeros((2, 40, 50, 3), "uint8"), "text": ["a red circle", "blue squares"]}
    )
    assert model(batch)["text_embeddings"].shape == (2, 8)


@pytest.mark.parametrize(
    ("loss", "scale", "bias", "trained", "normalize"),
    [
        ("hard", 1 / 0.07, None, True, True),
        ("multi_positive", 1 / 0.07, None, True, True),
        ("soft", 20.0, None, False, False),  # keras.io: divided by 0.05, not normalised
        ("sigmoid", 10.0, -10.0, True, True),  # SigLIP
    ],
)
def test_each_loss_starts_from_its_own_scale(loss, scale, bias, trained, normalize):
    model, _ = build(loss=loss)
    assert float(model.logit_scale.scale) == pytest.approx(scale, rel=1e-6)
    assert (None if model.logit_scale.bias is None else float(model.logit_scale.bias)) == bias
    assert model.logit_scale.trainable == trained
    assert model.heads["normalize"] == normalize


def test_the_loss_is_the_named_one():
    assert build_loss(Objective(loss="sigmoid")) == SigmoidLoss()
    assert build_loss(Objective(loss="soft")) == ContrastiveLoss("soft")
    smoothed = build_loss(Objective(loss="hard", label_smoothing=0.1))
    assert smoothed == ContrastiveLoss("hard", label_smoothing=0.1)


def test_a_hugging_face_folder_keeps_its_own_vocabulary(goldens):
    folder = goldens / "hf_bert_tiny"
    _, preprocessor = build(text=TextTower(backbone=str(folder), sequence_length=8))
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert preprocessor.tokenizer.get_vocabulary() == [line for line in vocabulary if line]


def test_a_kerashub_bert_keeps_its_outputs():
    """The presets were converted with the approximate GELU."""
    bert = keras_hub.models.BertBackbone(30, 2, 2, 16, 32, max_sequence_length=8)
    bert.set_weights([4 * weight for weight in bert.get_weights()])
    tokens = {
        "token_ids": np.arange(12, dtype="int32").reshape(2, 6),
        "padding_mask": np.ones((2, 6), "int32"),
        "segment_ids": np.zeros((2, 6), "int32"),
    }
    encoder = TextEncoder.from_backbone(bert, gelu="tanh", pooling="cls")
    expected = np.asarray(bert(tokens)["pooled_output"])
    np.testing.assert_allclose(np.asarray(encoder(tokens)), expected, atol=1e-6)


def refused(message, **kwargs):
    with pytest.raises(UserError, match=message) as error:
        build(**kwargs)
    assert "\n" not in str(error.value)


def test_an_unknown_text_backbone_is_named(tmp_path):
    refused("no text backbone 'bret'; give a Hugging Face .*tiny, mini", text=TextTower("bret"))
    refused("no text backbone .*; give a Hugging Face folder", text=TextTower(str(tmp_path)))


def test_an_unknown_image_backbone_is_named():
    refused("no image backbone 'alexnet'", image=ImageTower("alexnet"))


def test_a_damaged_bert_folder_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused("lacks 'vocab_size'|lacks 'max_position", text=TextTower(str(tmp_path)))


@pytest.mark.parametrize("reason", ["no route to host\nand more", ""])
def test_a_preset_out_of_reach_is_named(monkeypatch, reason):
    def unreachable(*args, **kwargs):
        raise ConnectionError(reason)

    monkeypatch.setattr(keras_hub.models.BertTokenizer, "from_preset", unreachable)
    refused("'bert_tiny_en_uncased' cannot be loaded", text=TextTower("bert_tiny_en_uncased"))


def test_imagenet_weights_out_of_reach_are_named(monkeypatch):
    def no_network(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: None -- Name not known")

    monkeypatch.setattr("keras.src.applications.mobilenet.file_utils.get_file", no_network)
    with pytest.raises(
        UserError, match="imagenet weights of 'mobilenet' cannot be had.*weights file"
    ):
        ImageEncoder("mobilenet", image_size=128, alpha=0.25, weights="imagenet")
