import keras
import numpy as np

from kclip.layers.post_norm_block import PostNormBlock
from kclip.layers.relative_position_bias import RelativePositionBias

RNG = np.random.default_rng(0)


def bucket(distance, num_buckets=32, max_distance=128):
    """The bucket of key minus query, one at a time, after Raffel et al. 2020."""
    half = num_buckets // 2
    offset = half if distance > 0 else 0
    size, exact = abs(distance), half // 2
    if size < exact:
        return offset + size
    steps = np.log(size / exact) / np.log(max_distance / exact) * (half - exact)
    return offset + min(exact + int(steps), half - 1)


def test_the_bias_is_that_of_each_distance():
    layer = RelativePositionBias(32, num_heads=3)
    length = 300
    bias = np.asarray(layer(np.zeros((2, length, 1), "float32")))
    assert bias.shape == (1, 3, length, length)
    table = np.asarray(layer.table)
    for query, key in RNG.integers(0, length, (500, 2)):
        np.testing.assert_array_equal(bias[0, :, query, key], table[bucket(key - query)])


def test_a_block_equals_a_loop_over_heads_and_tokens():
    block = PostNormBlock(num_heads=2, intermediate_dim=12, epsilon=1e-5)
    x, bias = RNG.normal(size=(2, 4, 6)), RNG.normal(size=(1, 2, 4, 4))
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    ours = np.asarray(block(x.astype("float32"), bias.astype("float32"), mask))
    for row in range(2):
        attended = np.zeros((4, 6))
        for head in range(2):
            part = slice(3 * head, 3 * head + 3)
            queries, keys, values = (
                dense(layer, x[row])[:, part] for layer in (block.query, block.key, block.value)
            )
            for token in range(4):
                seen = [key for key in range(4) if mask[row, key]]
                scores = [
                    queries[token] @ keys[key] / np.sqrt(3) + bias[0, head, token, key]
                    for key in seen
                ]
                weights = np.exp(scores) / np.exp(scores).sum()
                attended[token, part] = sum(
                    w * values[key] for w, key in zip(weights, seen, strict=True)
                )
        hidden = norm(x[row] + dense(block.attention_output, attended))
        inner = np.asarray(keras.activations.gelu(dense(block.inner, hidden)))
        expected = norm(hidden + dense(block.outer, inner))
        np.testing.assert_allclose(ours[row], expected, atol=2e-5)


def dense(layer, x):
    return x @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
