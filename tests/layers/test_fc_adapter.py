import keras
import numpy as np
import pytest

from kclip.errors import UserError
from kclip.layers import FCAdapter

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 4)).astype("float32")
TEXTS = RNG.normal(size=(5, 4)).astype("float32")


def adapter(num_classes=None, **kwargs):
    """An adapter of random weights."""
    layer = FCAdapter(num_classes, **kwargs)
    layer.build(IMAGES.shape, TEXTS.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def test_fixed_classes_by_the_slow_way():
    layer = adapter(num_classes=2)
    kernel, bias = layer.get_weights()
    text = 2 * TEXTS.mean(axis=0)  # 2 is the root of the width
    for image, row in zip(IMAGES, np.asarray(layer(IMAGES, TEXTS)), strict=True):
        np.testing.assert_allclose(
            row, np.concatenate([2 * image, text]) @ kernel + bias, rtol=1e-4
        )


def test_every_pair_by_the_slow_way():
    layer = adapter()
    (kernel, bias), logits = layer.get_weights(), np.asarray(layer(IMAGES, TEXTS))
    for (n, k), logit in np.ndenumerate(logits):
        image, text = 2 * IMAGES[n], 2 * TEXTS[k]
        fused = np.concatenate([image, text, image * text])
        assert logit == pytest.approx((fused @ kernel + bias)[0], rel=1e-4, abs=1e-4)


def test_other_classes_by_the_same_weights():
    layer = adapter()
    every = np.asarray(layer(IMAGES, TEXTS))
    np.testing.assert_allclose(layer(IMAGES, TEXTS[[3, 0]]), every[:, [3, 0]], rtol=1e-4)


@pytest.mark.parametrize("num_classes", [None, 5])
def test_half_precision_and_loading(num_classes, tmp_path):
    images, texts = keras.Input((4,)), keras.Input((4,))
    layer = adapter(num_classes, dtype="mixed_bfloat16")
    model = keras.Model([images, texts], layer(images, texts))
    model.save(tmp_path / "model.keras")
    logits = keras.saving.load_model(tmp_path / "model.keras")([IMAGES, TEXTS])
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    expected = np.asarray(adapter(num_classes)(IMAGES, TEXTS))
    np.testing.assert_allclose(np.asarray(logits), expected, atol=0.3)
    config = layer.get_config()
    assert FCAdapter.from_config(config).get_config() == config


def test_embeddings_of_two_models():
    with pytest.raises(UserError, match="4 wide came with text embeddings 3 wide"):
        FCAdapter()(IMAGES, TEXTS[:, :3])


def test_training_begins_at_the_initial_bias():
    adapter = FCAdapter(3, initial_bias=-4.0)
    logits = adapter(np.zeros((2, 8), np.float32), np.zeros((3, 8), np.float32))
    np.testing.assert_array_equal(logits, np.full((2, 3), -4.0))
    assert FCAdapter.from_config(adapter.get_config()).initial_bias == -4.0
