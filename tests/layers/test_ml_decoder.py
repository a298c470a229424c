import json

import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.errors import UserError
from kclip.layers import MLDecoder

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(3, 2, 4, 6)).astype("float32")
TEXTS = RNG.normal(size=(5, 7)).astype("float32")
FORMS = {
    "full": {"num_classes": 5},
    "grouped": {"num_classes": 5, "num_groups": 3, "queries": "random"},
    "zero-shot": {"queries": "text"},
    "full with texts": {"num_classes": 5, "queries": "text"},
}


def decoder(form, **kwargs):
    """A small decoder of random weights, and what it is called with besides the features."""
    layer = MLDecoder(**FORMS[form], dim=8, num_heads=2, intermediate_dim=16, **kwargs)
    texts = (TEXTS,) if layer.queries == "text" else ()
    layer.build(FEATURES.shape, *(text.shape for text in texts))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return layer, texts


def golden(goldens, name):
    """The file's arrays, and a decoder of its sizes and weights."""
    with np.load(goldens / f"ml_decoder_{name}.npz") as file:
        z = dict(file)
    sizes = json.loads(str(z["meta"]))["hparams"]
    z["x"], weights = z["x"].transpose(0, 2, 3, 1), Weights(z)
    form = {"queries": "text"}
    if name != "zsl":
        form = {"num_classes": sizes["num_classes"], "num_groups": sizes["num_of_groups"]}
    layer = MLDecoder(
        **form,
        dim=sizes["decoder_embedding"],
        num_heads=sizes["nhead"],
        intermediate_dim=sizes["dim_feedforward"],
    )
    texts = [z[f"wordvecs_{count}"].shape for count in text_counts(z)[:1]]
    layer.build(z["x"].shape, *texts)
    weights.into(layer)
    return z, layer


def text_counts(z):
    """Of how many classes the file's lists of texts are."""
    return [name.removeprefix("wordvecs_") for name in z if name.startswith("wordvecs_")]


class Weights:
    """Those of the reference, transposed to the layout of Keras."""

    def __init__(self, arrays):
        start = "param.decoder."
        self.of = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith("param.")}

    def dense(self, dense, kernel, bias):
        dense.set_weights([kernel.T, bias])

    def into(self, layer):
        of, block = self.of, "layers.0."
        kernel = of[block + "multihead_attn.in_proj_weight"]
        bias = of[block + "multihead_attn.in_proj_bias"]
        self.dense(layer.attention_query, kernel[: layer.dim], bias[: layer.dim])
        self.dense(layer.attention_key_value, kernel[layer.dim :], bias[layer.dim :])
        named = {
            "embed_standart": layer.embed_features,
            block + "multihead_attn.out_proj": layer.attention_output,
            block + "linear1": layer.inner,
            block + "linear2": layer.outer,
        }
        if layer.queries == "text":
            named["param.wordvec_proj"] = layer.embed_queries
        else:
            layer.query.assign(of["query_embed.weight"])
        for name, dense in named.items():
            self.dense(dense, of[name + ".weight"], of[name + ".bias"])
        norms = (layer.query_norm, layer.attention_norm, layer.output_norm)
        for number, norm in enumerate(norms, start=1):
            name = f"{block}norm{number}"
            norm.set_weights([of[name + ".weight"], of[name + ".bias"]])
        layer.kernel.assign(of["duplicate_pooling"])
        layer.bias.assign(of["duplicate_pooling_bias"])


def close(ours, theirs, atol=2e-5):
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("name", ["full", "group"])
def test_golden_queries_of_its_own(goldens, name):
    z, layer = golden(goldens, name)
    np.testing.assert_allclose(np.asarray(layer(z["x"])), z["logits"], rtol=0, atol=2e-5)
    close(layer.decode(z["x"], layer.query)[0], z["mid.decoder_out"])
    tokens = z["x"].reshape(len(z["x"]), -1, z["x"].shape[-1])
    close(layer.embed_features(tokens), z["mid.memory"])

    def squares(x):
        return keras.ops.sum(layer(x) ** 2)

    (of_x,), (of_query,) = gradients(squares, [z["x"]], [layer.query])
    close(of_x, z["grad_x"].transpose(0, 2, 3, 1))
    close(of_query, z["grad_query_embed"], atol=1e-3)


def test_golden_queries_of_text(goldens):
    """The same weights serve every list of classes."""
    z, layer = golden(goldens, "zsl")
    assert len(text_counts(z)) > 1
    for count in text_counts(z):
        check_queries_of_text(z, layer, count)


def check_queries_of_text(z, layer, count):
    texts, logits = z[f"wordvecs_{count}"], z[f"logits_{count}"]
    np.testing.assert_allclose(np.asarray(layer(z["x"], texts)), logits, rtol=0, atol=2e-5)
    close(layer.decode(z["x"], layer.embed_queries(texts))[0], z[f"mid.decoder_out_{count}"])

    def squares(x, texts):
        return keras.ops.sum(layer(x, texts) ** 2)

    (of_x, of_texts), _ = gradients(squares, [z["x"], texts])
    close(of_x, z[f"grad_x_{count}"].transpose(0, 2, 3, 1))
    close(of_texts, z[f"grad_wordvecs_{count}"], atol=1e-4)


@pytest.mark.parametrize("form", ["grouped", "full with texts"])
def test_the_order_of_positions_does_not_matter(form):
    layer, texts = decoder(form)
    tokens = FEATURES.reshape(3, 8, 6)
    order = RNG.permutation(8)
    logits, maps = layer(tokens, *texts, return_attention=True)
    assert logits.shape == (3, 5)
    close(layer(FEATURES, *texts), logits)
    shuffled, shuffled_maps = layer(tokens[:, order], *texts, return_attention=True)
    close(shuffled, logits)
    close(shuffled_maps, np.asarray(maps)[..., order])


def test_attention_maps_are_shares_of_the_positions():
    layer, texts = decoder("zero-shot")
    maps = np.asarray(layer(FEATURES, *texts, return_attention=True)[1])
    assert maps.shape == (3, 2, 5, 8)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)


def test_a_class_has_its_logit_whatever_else_is_asked():
    layer, (texts,) = decoder("zero-shot")
    close(layer(FEATURES, texts[[4, 1]]), np.asarray(layer(FEATURES, texts))[:, [4, 1]])


def test_groups_by_the_slow_loop():
    layer, _ = decoder("grouped")
    decoded = np.asarray(layer.decode(FEATURES, layer.query)[0])
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    for image, logits in zip(decoded, np.asarray(layer(FEATURES)), strict=True):
        for label in range(5):
            group, place = divmod(label, 2)
            expected = image[group] @ kernel[group, :, place] + bias[label]
            assert logits[label] == pytest.approx(expected, abs=1e-5)


def test_random_queries_are_not_trained():
    fixed, learned = decoder("grouped")[0], decoder("full")[0]
    assert [v.name for v in fixed.non_trainable_variables if v.name == "query"] == ["query"]
    assert "query" in [v.name for v in learned.trainable_variables]


@pytest.mark.parametrize("form", ["grouped", "zero-shot"])
def test_dropout_is_for_training_alone(form):
    layer, texts = decoder(form, dropout=0.5)
    without, _ = decoder(form, dropout=0.0)
    logits = np.asarray(layer(FEATURES, *texts))
    close(without(FEATURES, *texts, training=True), logits)
    assert np.abs(np.asarray(layer(FEATURES, *texts, training=True)) - logits).max() > 0.01


def test_each_image_drops_its_own():
    layer, _ = decoder("full", dropout=0.5)
    same = np.repeat(FEATURES[:1], 2, axis=0)
    first, second = np.asarray(layer(same, training=True))
    assert np.abs(first - second).max() > 0.01


@pytest.mark.parametrize("form", ["grouped", "zero-shot"])
def test_mixed_precision_stays_near(form):
    (layer, texts), (mixed, _) = decoder(form), decoder(form, dtype="mixed_bfloat16")
    logits, maps = mixed(FEATURES, *texts, return_attention=True)
    assert {keras.backend.standardize_dtype(a.dtype) for a in (logits, maps)} == {"float32"}
    assert np.abs(np.asarray(logits) - np.asarray(layer(FEATURES, *texts))).max() < 0.3


def test_it_trains_in_a_model_and_is_loaded_again(tmp_path):
    features = keras.Input((2, 4, 6))
    layer, _ = decoder("grouped", dtype="mixed_bfloat16")
    model = keras.Model(features, layer(features))
    assert model.output_shape == (None, 5)
    model.compile("adam", "mse")
    model.fit(FEATURES, np.zeros((3, 5)), batch_size=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    close(loaded(FEATURES), np.asarray(model(FEATURES)))


def test_classes_are_an_input_of_a_model(tmp_path):
    features, texts = keras.Input((2, 4, 6)), keras.Input((7,))
    layer, _ = decoder("zero-shot")
    model = keras.Model([features, texts], layer(features, texts, return_attention=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for count in (2, 5):
        logits, maps = loaded([FEATURES, TEXTS[:count]])
        close(logits, np.asarray(layer(FEATURES, TEXTS[:count])))
        assert maps.shape == (3, 2, count, 8)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_rebuilt_from_its_config(form):
    config = decoder(form)[0].get_config()
    assert MLDecoder.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "no num_classes"),
        ({"queries": "text", "num_groups": 2}, "no num_classes"),
        ({"num_classes": 5, "num_groups": 6}, "num_groups=6"),
        ({"num_classes": 5, "num_groups": 0}, "num_groups=0"),
        ({"num_classes": 5, "queries": "words"}, "learned, random, text"),
        ({"num_classes": 5, "dim": 9}, "dim=9"),
    ],
)
def test_arguments_that_do_not_fit(arguments, said):
    with pytest.raises(UserError, match=said):
        MLDecoder(**arguments)


@pytest.mark.parametrize(
    ("form", "texts", "said"),
    [
        ("zero-shot", (), "no query_embeddings came"),
        ("full", (TEXTS,), "of learned queries"),
        ("zero-shot", (TEXTS[None],), "one row a class"),
        ("full with texts", (TEXTS[:4],), "4 query_embeddings came for 5"),
    ],
)
def test_query_embeddings_that_do_not_fit(form, texts, said):
    with pytest.raises(UserError, match=said):
        decoder(form)[0](FEATURES, *texts)
