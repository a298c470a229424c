import keras
import numpy as np

from kclip.layers import EndTokenPooling

TOKENS = np.arange(24, dtype="float32").reshape(2, 4, 3)


def test_the_first_end_token():
    ids = keras.ops.array([[5, 9, 7, 7], [7, 2, 7, 99]])
    pooled = np.asarray(EndTokenPooling(7)(TOKENS, ids))
    np.testing.assert_array_equal(pooled, [TOKENS[0, 2], TOKENS[1, 0]])


def test_the_highest_id_where_none_is_named():
    ids = keras.ops.array([[5, 9, 7, 9], [7, 2, 7, 99]])
    pooled = np.asarray(EndTokenPooling()(TOKENS, ids))
    np.testing.assert_array_equal(pooled, [TOKENS[0, 1], TOKENS[1, 3]])


def test_it_is_rebuilt_from_its_config():
    config = EndTokenPooling(7).get_config()
    assert EndTokenPooling.from_config(config).get_config() == config
