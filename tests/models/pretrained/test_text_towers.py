"""Text towers of Hugging Face folders, beside arrays of transformers on PyTorch."""

import json
import shutil

import keras_hub
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kclip.errors import UserError
from kclip.models import TextEncoder
from kclip.models.pretrained.huggingface_text import load_huggingface_text_encoder
from kclip.models.pretrained.text_towers import load_text_encoder
from kclip.models.towers.tokenization import Tokenization

FOLDERS = ["hf_roberta_tiny", "hf_xlm_roberta_tiny", "hf_distilbert_tiny", "hf_mpnet_tiny"]
PREFIXES = dict(zip(FOLDERS, ("roberta", "roberta", "distilbert", "mpnet"), strict=True))


@pytest.fixture(scope="module", params=FOLDERS)
def golden(request, goldens):
    folder = goldens / request.param
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)
    return folder, arrays, *load_text_encoder(str(folder))


def tokens_of(encoder, arrays):
    named = {"token_ids": arrays["input_ids"], "padding_mask": arrays["attention_mask"]}
    named["segment_ids"] = np.zeros_like(arrays["input_ids"])
    return {name: named[name] for name in encoder.new_inputs()}


def test_golden_ids_of_all_sentences(golden):
    _, arrays, encoder, tokenizer = golden
    length = arrays["input_ids"].shape[1]
    tokens = Tokenization(tokenizer, length, encoder.new_inputs())(arrays["sentences"].tolist())
    np.testing.assert_array_equal(tokens["token_ids"], arrays["input_ids"])
    np.testing.assert_array_equal(tokens["padding_mask"], arrays["attention_mask"])


def test_golden_states_and_mean(golden):
    _, arrays, encoder, _ = golden
    tokens, real = tokens_of(encoder, arrays), arrays["attention_mask"].astype(bool)
    states = np.asarray(encoder.backbone(tokens))
    expected = arrays["last_hidden_state"]
    np.testing.assert_allclose(states[real], expected[real], atol=2e-5, rtol=1e-5)
    means = np.asarray(encoder(tokens))
    np.testing.assert_allclose(means, arrays["masked_mean"], atol=2e-5, rtol=1e-5)


def test_golden_first_token_and_pooler(golden):
    folder, arrays, encoder, _ = golden
    tokens = tokens_of(encoder, arrays)
    first, _ = load_text_encoder(str(folder), pooling="first")
    expected = arrays["last_hidden_state"][:, 0]
    np.testing.assert_allclose(np.asarray(first(tokens)), expected, atol=2e-5, rtol=1e-5)
    if "pooler_output" not in arrays:
        with pytest.raises(UserError, match="without a pooler, which --text.pooling cls takes"):
            load_text_encoder(str(folder), pooling="cls")
        return
    pooled, _ = load_text_encoder(str(folder), pooling="cls")
    expected = arrays["pooler_output"]
    np.testing.assert_allclose(np.asarray(pooled(tokens)), expected, atol=2e-5, rtol=1e-5)


def test_golden_of_a_model_that_was_saved_with_a_head(golden, tmp_path):
    """Half of the hub's folders have a prefix before all names, and a head that is no part."""
    source, arrays, encoder, _ = golden
    folder = shutil.copytree(source, tmp_path / "with_head")
    prefix = PREFIXES[source.name]
    tensors = load_file(folder / "model.safetensors")
    tensors = {f"{prefix}.{name}": t for name, t in tensors.items() if "pooler" not in name}
    tensors["lm_head.dense.weight"] = np.zeros((2, 2), np.float32)
    save_file(tensors, folder / "model.safetensors")
    again, _ = load_text_encoder(str(folder))
    tokens = tokens_of(encoder, arrays)
    np.testing.assert_array_equal(np.asarray(again(tokens)), np.asarray(encoder(tokens)))


def test_a_tower_is_built_again_from_its_config(golden):
    _, arrays, encoder, _ = golden
    again = TextEncoder.from_config(encoder.get_config())
    again.set_weights(encoder.get_weights())
    tokens = tokens_of(encoder, arrays)
    np.testing.assert_allclose(np.asarray(again(tokens)), np.asarray(encoder(tokens)), atol=1e-6)
    assert len(again.blocks) == 1 + encoder.numbers["num_layers"]


def test_a_tensor_without_a_place_is_refused(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_mpnet_tiny", tmp_path / "more")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.0.adapter.weight"] = np.zeros((2, 2), np.float32)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"holds the tensor 'encoder\.layer\.0\.adapter\.weight'"):
        load_text_encoder(str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "t5"}, "holds t5, which is no text tower that kclip reads"),
        ({"hidden_act": "relu"}, "uses the activation 'relu'"),
        ({"hidden_size": 25}, "the two files belong to different models"),
        ({"hidden_size": None}, "lacks 'hidden_size'"),
    ],
)
def test_what_cannot_be_read(goldens, tmp_path, changes, message):
    folder = shutil.copytree(goldens / "hf_mpnet_tiny", tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text()) | changes
    config = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=message):
        load_text_encoder(str(folder))


@pytest.mark.parametrize(
    ("modes", "modules", "expected"),
    [
        ({"pooling_mode_mean_tokens": True}, [], "mean"),
        ({"pooling_mode_cls_token": True}, ["Normalize"], "first"),
        ({"pooling_mode_max_tokens": True}, [], "pools by pooling_mode_max_tokens"),
        (
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            [],
            "pools by pooling_mode_mean_tokens and pooling_mode_cls_token",
        ),
        ({"pooling_mode_mean_tokens": True}, ["Dense"], "has a Dense behind its text tower"),
    ],
)
def test_the_pooling_of_sentence_transformers(goldens, tmp_path, modes, modules, expected):
    folder = shutil.copytree(goldens / "hf_mpnet_tiny", tmp_path / "sentences")
    kinds = ["Transformer", "Pooling", *modules]
    paths = ["", "1_Pooling", *(f"{2 + n}_{kind}" for n, kind in enumerate(modules))]
    listed = [
        {"idx": n, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_dimension": 24} | modes))
    if " " in expected:
        with pytest.raises(UserError, match=expected):
            load_text_encoder(str(folder))
        expected = "cls"  # what the user asks for comes first
        encoder, _ = load_text_encoder(str(folder), pooling=expected)
    else:
        encoder, _ = load_text_encoder(str(folder))
    assert encoder.pooling == expected


@pytest.mark.parametrize("name", ["hf_albert_tiny", "hf_deberta_v3_tiny"])
def test_golden_albert_and_deberta(goldens, name):
    with np.load(goldens / name / "io.npz") as file:
        arrays = dict(file)
    encoder = load_huggingface_text_encoder(goldens / name)
    tokens = tokens_of(encoder, arrays)
    real = arrays["attention_mask"].astype(bool)
    states = np.asarray(encoder.backbone(tokens))
    np.testing.assert_allclose(states[real], arrays["last_hidden_state"][real], atol=2e-5)
    if "pooler_output" in arrays:
        pooled = load_huggingface_text_encoder(goldens / name, "cls")(tokens)
        np.testing.assert_allclose(np.asarray(pooled), arrays["pooler_output"], atol=2e-5)


def test_another_deberta_is_refused(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_deberta_v3_tiny", tmp_path / "v2")
    config = json.loads((folder / "config.json").read_text()) | {"share_att_key": False}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="has share_att_key False; kclip reads DeBERTa-v3"):
        load_text_encoder(str(folder))


def test_a_cased_bert_keeps_capitals_and_accents(goldens, tmp_path):
    folder = shutil.copytree(goldens / "hf_bert_tiny", tmp_path / "cased")
    config = json.loads((folder / "config.json").read_text())
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Café", "cafe", "café", "Cafe"]
    words += [f"[unused{n}]" for n in range(config["vocab_size"] - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    for options, expected in (
        ({"do_lower_case": False}, [5, 7]),
        ({"do_lower_case": True}, [6, 6]),
        ({"do_lower_case": True, "strip_accents": False}, [7, 7]),
    ):
        (folder / "tokenizer_config.json").write_text(json.dumps(options))
        _, tokenizer = load_text_encoder(str(folder))
        ids = Tokenization(tokenizer, 4, ("token_ids",))(["Café café"])["token_ids"]
        assert np.asarray(ids).tolist() == [[2, *expected, 3]]


@pytest.fixture(scope="module")
def roberta_preset(tmp_path_factory):
    """A preset as KerasHub writes it: its backbone with random weights, and its tokenizer."""
    folder = tmp_path_factory.mktemp("roberta")
    words = ["<s>", "<pad>", "</s>", "<unk>", "a", "r", "e", "d", "\u0120", "re", "red", "<mask>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = keras_hub.models.RobertaTokenizer(vocabulary, ["r e", "re d"])
    numbers = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    backbone = keras_hub.models.RobertaBackbone(
        vocabulary_size=len(words), max_sequence_length=12, **numbers
    )
    backbone.save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return folder, backbone


def test_a_roberta_preset_of_keras_hub(roberta_preset):
    folder, backbone = roberta_preset
    encoder, tokenizer = load_text_encoder(str(folder))
    tokens = Tokenization(tokenizer, 6, tuple(encoder.new_inputs()))(["red"])
    # <s> red </s>, and padding to the length.
    assert np.asarray(tokens["token_ids"]).tolist() == [[0, 10, 2, 1, 1, 1]]
    states = np.asarray(backbone(tokens))[0, :3]
    np.testing.assert_allclose(np.asarray(encoder(tokens))[0], states.mean(axis=0), atol=1e-5)


def test_a_preset_that_names_other_classes_is_not_built(roberta_preset, tmp_path):
    folder = shutil.copytree(roberta_preset[0], tmp_path / "hostile")
    config = json.loads((folder / "config.json").read_text())
    config["compile_config"] = {"module": "os", "class_name": "system", "config": {}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="names the class 'os.system'"):
        load_text_encoder(str(folder))
