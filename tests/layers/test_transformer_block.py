import keras
import numpy as np
import pytest

from kclip.layers import TransformerBlock

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 8)).astype("float32")


def block(**kwargs):
    layer = TransformerBlock(2, 16, "gelu", 1e-5, **kwargs)
    layer.build(X.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return layer


def norm(rows, layer):
    rows = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + 1e-5)
    return rows * np.asarray(layer.gamma) + np.asarray(layer.beta)


def dense(rows, layer):
    return rows @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def slow(layer, x, causal):
    """One image, one head and one token after another, in float64."""
    outputs = []
    for tokens in x.astype("float64"):
        parts = dense(norm(tokens, layer.norm), layer.query_key_value)
        attended = np.zeros_like(tokens)
        for head in range(2):
            columns = slice(head * 4, head * 4 + 4)
            q, k, v = (parts[:, part * 8 : part * 8 + 8][:, columns] for part in range(3))
            for row in range(len(tokens)):
                seen = row + 1 if causal else len(tokens)
                weights = np.exp([q[row] @ k[other] / 2 for other in range(seen)])
                attended[row, columns] = weights / weights.sum() @ v[:seen]
        tokens = tokens + dense(attended, layer.attention_output)
        inner = dense(norm(tokens, layer.feed_forward.norm), layer.feed_forward.inner)
        inner = np.asarray(keras.ops.gelu(inner, approximate=False))
        outputs.append(tokens + dense(inner, layer.feed_forward.outer))
    return np.stack(outputs)


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_the_slow_loop(causal):
    layer = block(causal=causal)
    np.testing.assert_allclose(np.asarray(layer(X)), slow(layer, X, causal), atol=2e-5)


def test_the_first_token_alone_is_the_first_of_all():
    layer = block()
    first = np.asarray(layer(X, first_token_only=True))
    np.testing.assert_allclose(first, np.asarray(layer(X))[:, 0], atol=1e-6)


def test_a_token_sees_none_after_it():
    layer, changed = block(causal=True), X.copy()
    changed[:, 3:] += 1
    before, after = np.asarray(layer(X)), np.asarray(layer(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 0.1


def test_shapes_are_known_without_computing():
    x = keras.Input((5, 8))
    assert block()(x).shape == (None, 5, 8)
    assert block()(x, first_token_only=True).shape == (None, 8)


def test_mixed_precision_stays_near():
    layer, mixed = block(), block(dtype="mixed_bfloat16")
    outputs = mixed(X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    difference = np.asarray(keras.ops.cast(outputs, "float32")) - np.asarray(layer(X))
    assert np.abs(difference).max() < 0.3


def test_it_is_rebuilt_from_its_config():
    config = block(causal=True).get_config()
    assert TransformerBlock.from_config(config).get_config() == config
