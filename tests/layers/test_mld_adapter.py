import keras
import numpy as np
import pytest
from gradients import gradients

from kclip.errors import UserError
from kclip.layers import MLDAdapter

RNG = np.random.default_rng(0)
PLACES = RNG.normal(size=(3, 2, 4, 6)).astype("float32")
TEXTS = RNG.normal(size=(5, 7)).astype("float32")
TEXTS /= np.linalg.norm(TEXTS, axis=1, keepdims=True)
IMAGES = TEXTS[[0, 2, 4]]


def adapter(**kwargs):
    """A small adapter of random weights."""
    layer = MLDAdapter(dim=8, num_heads=2, intermediate_dim=16, **kwargs)
    layer.build(PLACES.shape, TEXTS.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return layer


def dense(layer, x):
    return x @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def normed(layer, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * np.asarray(layer.gamma) + np.asarray(layer.beta)


def slow_logit(layer, positions, text):
    """The paper's block for one image, (L, C), and one class, head after head."""
    query = normed(layer.query_norm, dense(layer.embed_queries, text * np.sqrt(len(text))))
    memory = dense(layer.embed_features, positions)
    keys, values = np.split(dense(layer.attention_key_value, memory), 2, axis=1)
    asked, heads = dense(layer.attention_query, query), []
    for head in (slice(0, 4), slice(4, 8)):
        weights = np.exp(keys[:, head] @ asked[head] / 2)
        heads.append(weights / weights.sum() @ values[:, head])
    token = query + dense(layer.attention_output, np.concatenate(heads))
    token = normed(layer.attention_norm, token)
    token = token + dense(layer.outer, np.maximum(dense(layer.inner, token), 0))
    channels = normed(layer.output_norm, token)
    if layer.class_weights:
        channels = channels * (
            1 + text * np.sqrt(len(text)) @ np.asarray(layer.weigh_channels.kernel)
        )
    mean = channels.mean()
    return mean * np.exp(layer.logit_scale.log_scale) + np.asarray(layer.logit_scale.bias)


@pytest.mark.parametrize("class_weights", [False, True])
def test_the_slow_way(class_weights):
    layer = adapter(class_weights=class_weights)
    logits = np.asarray(layer(PLACES, TEXTS))
    for image, row in zip(PLACES.reshape(3, 8, 6), logits, strict=True):
        expected = [slow_logit(layer, image, text) for text in TEXTS]
        np.testing.assert_allclose(row, expected, atol=1e-4)


def test_pooled_is_spatial_with_one_place_where_attention_is_constant():
    layer = adapter()
    pooled = PLACES.mean(axis=(1, 2))
    logits, maps = layer(pooled, TEXTS, return_attention=True)
    np.testing.assert_allclose(
        np.asarray(layer(pooled[:, None], TEXTS)), np.asarray(logits), atol=1e-6
    )
    np.testing.assert_allclose(maps, np.ones((3, 2, 5, 1)))


def test_similarities_are_added():
    plain, with_similarity = adapter(), adapter(similarity_logits=True)
    of_decoder = [w for w in with_similarity.weights if "similarity" not in w.path]
    plain.set_weights([np.asarray(weight) for weight in of_decoder])
    with_similarity.similarity.log_scale.assign(np.log(10.0))
    with_similarity.similarity.bias.assign(-2.0)
    added = np.asarray(with_similarity(PLACES, TEXTS, IMAGES)) - np.asarray(plain(PLACES, TEXTS))
    np.testing.assert_allclose(added, 10 * IMAGES @ TEXTS.T - 2, atol=1e-4)


def test_channels_count_alike_where_their_weights_are_zero():
    layer = adapter(class_weights=True)
    layer.weigh_channels.kernel.assign(np.zeros((7, 8)))
    weighted = np.asarray(layer(PLACES, TEXTS))
    layer.class_weights = False
    np.testing.assert_array_equal(weighted, np.asarray(layer(PLACES, TEXTS)))


def test_dropped_channels_are_dropped_everywhere():
    layer = adapter(feature_dropout=0.5)
    positions = np.ones((1, 2, 4, 6), "float32")
    kept = np.asarray(layer.feature_dropout(positions.reshape(1, 8, 6), training=True))
    assert set(kept.ravel()) <= {0.0, 2.0}
    np.testing.assert_array_equal(kept, np.broadcast_to(kept[:, :1], kept.shape))
    training = [np.asarray(layer(PLACES, TEXTS, training=True)) for _ in range(2)]
    assert np.abs(training[0] - training[1]).max() > 1e-3


def test_it_starts_as_the_paper_does():
    """The mean of channels that were just normalised is 0: every probability is a half."""
    np.testing.assert_allclose(np.asarray(MLDAdapter(dim=8)(PLACES, TEXTS)), 0, atol=1e-6)


def test_other_classes_by_the_same_weights():
    layer = adapter()
    every = np.asarray(layer(PLACES, TEXTS))
    np.testing.assert_allclose(layer(PLACES, TEXTS[[4, 1]]), every[:, [4, 1]], atol=1e-5)


def test_dropout_is_for_training_alone():
    layer = adapter(dropout=0.4)
    logits = np.asarray(layer(PLACES, TEXTS))
    np.testing.assert_allclose(adapter(dropout=0.0)(PLACES, TEXTS), logits, atol=1e-6)
    assert np.abs(np.asarray(layer(PLACES, TEXTS, training=True)) - logits).max() > 0.01


def test_gradients_reach_every_weight():
    layer = adapter(similarity_logits=True, class_weights=True, dropout=0.0)
    target = RNG.normal(size=(3, 5)).astype("float32")

    def fit(positions):
        return keras.ops.sum((layer(positions, TEXTS, IMAGES) - target) ** 2)

    _, of_weights = gradients(fit, [PLACES], layer.trainable_variables)
    assert all(np.abs(gradient).max() > 0 for gradient in of_weights)


def test_it_trains_in_half_precision_and_is_loaded_again(tmp_path):
    positions, texts = keras.Input((2, 4, 6)), keras.Input((7,))
    layer = adapter(dtype="mixed_bfloat16", class_weights=True)
    model = keras.Model([positions, texts], layer(positions, texts))
    assert keras.backend.standardize_dtype(model.compute_dtype) == "float32"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    logits = np.asarray(loaded([PLACES, TEXTS]))
    np.testing.assert_allclose(logits, np.asarray(layer(PLACES, TEXTS)), atol=1e-6)
    np.testing.assert_allclose(
        logits, np.asarray(adapter(class_weights=True)(PLACES, TEXTS)), atol=0.3
    )


def test_it_is_rebuilt_from_its_config():
    config = adapter(
        similarity_logits=True,
        dropout=0.2,
        initial_scale=3.0,
        class_weights=True,
        feature_dropout=0.5,
    ).get_config()
    assert MLDAdapter.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("similarity", "arguments", "said"),
    [
        (True, (TEXTS,), "no image_embeddings came"),
        (False, (TEXTS, IMAGES), "image_embeddings came"),
        (False, (TEXTS[None],), "one row a class"),
    ],
)
def test_what_does_not_fit(similarity, arguments, said):
    with pytest.raises(UserError, match=said):
        adapter(similarity_logits=similarity)(PLACES, *arguments)
