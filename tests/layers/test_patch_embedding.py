import numpy as np
import pytest

from kclip.layers import PatchEmbedding

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("size", [6, 7])
def test_patches_by_a_slow_loop(class_token, size):
    images = RNG.normal(size=(2, size, size, 3)).astype("float32")
    layer = PatchEmbedding(3, 5, class_token=class_token)
    layer.build(images.shape)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    kernel = np.asarray(layer.projection.kernel)
    tokens = [
        [
            np.tensordot(image[row : row + 3, column : column + 3], kernel, axes=3)
            for row in (0, 3)
            for column in (0, 3)
        ]
        for image in images
    ]
    expected = np.array(tokens)
    if class_token:
        first = np.broadcast_to(np.asarray(layer.class_token), (2, 1, 5))
        expected = np.concatenate([first, expected], axis=1)
    else:
        expected = expected + np.asarray(layer.projection.bias)
    expected = expected + np.asarray(layer.positions)
    np.testing.assert_allclose(np.asarray(layer(images)), expected, atol=1e-5)


def test_it_is_rebuilt_from_its_config():
    config = PatchEmbedding(3, 5, class_token=False).get_config()
    assert PatchEmbedding.from_config(config).get_config() == config
