import math

import numpy as np
import pytest

from kclip.layers import FeedForward
from kclip.layers.feed_forward import ACTIVATIONS

# At 1: 1 / (1 + exp(-1.702)), the normal distribution's 0.841345, and its approximation by tanh.
AT_ONE = {
    "quick_gelu": 1 / (1 + math.exp(-1.702)),
    "gelu": 0.5 * (1 + math.erf(1 / math.sqrt(2))),
    "gelu_tanh": 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * 1.044715)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_hand(name):
    values = np.asarray(ACTIVATIONS[name](np.array([0.0, 1.0], "float32")))
    np.testing.assert_allclose(values, [0, AT_ONE[name]], atol=1e-6)


def test_what_goes_in_is_added_at_the_end():
    layer = FeedForward(4, "gelu", 1e-5)
    layer.build((None, 2))
    layer.outer.kernel.assign(np.zeros((4, 2)))
    layer.outer.bias.assign([1.0, 2.0])
    np.testing.assert_allclose(np.asarray(layer(np.zeros((1, 2), "float32"))), [[1, 2]])


def test_it_is_rebuilt_from_its_config():
    config = FeedForward(4, "quick_gelu", 1e-6).get_config()
    assert FeedForward.from_config(config).get_config() == config
