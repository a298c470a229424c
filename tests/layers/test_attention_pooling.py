import numpy as np

from kclip.layers import AttentionPooling


def test_equal_scores_give_the_mean():
    """Keys of zero weigh all tokens alike, so only their mean is left."""
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    layer = AttentionPooling(2, 8, "gelu_tanh", 1e-6)
    layer.build(x.shape)
    layer.key_value.kernel.assign(np.concatenate([np.zeros((4, 4)), np.eye(4)], axis=1))
    layer.attention_output.kernel.assign(np.eye(4))
    layer.feed_forward.outer.kernel.assign(np.zeros((8, 4)))
    np.testing.assert_allclose(np.asarray(layer(x)), x.mean(axis=1), atol=1e-6)


def test_the_probe_chooses():
    """A key that answers the query strongly takes all the weight."""
    x = np.eye(4, dtype="float32")[None]
    layer = AttentionPooling(1, 8, "gelu_tanh", 1e-6)
    layer.build(x.shape)
    layer.probe.assign([[0, 0, 100.0, 0]])
    layer.query.kernel.assign(np.eye(4))
    layer.key_value.kernel.assign(np.concatenate([np.eye(4), np.eye(4)], axis=1))
    layer.attention_output.kernel.assign(np.eye(4))
    layer.feed_forward.outer.kernel.assign(np.zeros((8, 4)))
    np.testing.assert_allclose(np.asarray(layer(x)), x[:, 2], atol=1e-6)


def test_it_is_rebuilt_from_its_config():
    config = AttentionPooling(2, 8, "gelu_tanh", 1e-6).get_config()
    assert AttentionPooling.from_config(config).get_config() == config
