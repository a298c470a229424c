import json

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from kclip.errors import UserError
from kclip.models import ImageEncoder
from kclip.models.towers.tresnet import tresnet, tresnet_m
from kclip.models.towers.tresnet_weights import load_tresnet_weights

BLOCKS = {
    "tresnet_tiny": ("basic", "basic", "bottleneck", "bottleneck"),
    "tresnet_tiny_bottleneck": ("bottleneck",) * 4,
}
TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


class Golden:
    """A file of goldens and the networks of its sizes and weights."""

    def __init__(self, path, folder):
        self.arrays = np.load(path)
        self.hparams = json.loads(str(self.arrays["meta"]))["hparams"]
        self.blocks = BLOCKS[path.stem]
        self.folder = folder
        self.params = {
            name.removeprefix("param."): self.arrays[name]
            for name in self.arrays
            if name.startswith("param.")
        }
        save_file(self.params, folder / "model.safetensors")

    def images(self, name):
        return self.arrays[name].transpose(0, 2, 3, 1)

    def network(self, images="x"):
        size = self.arrays[images].shape[-1]
        return tresnet(self.blocks, self.hparams["layers"], self.hparams["planes"], (size, size, 3))

    def check(self, output, name):
        np.testing.assert_allclose(
            np.asarray(output).transpose(0, 3, 1, 2), self.arrays[name], **TOLERANCE
        )


@pytest.fixture(scope="module", params=BLOCKS)
def golden(request, goldens, tmp_path_factory):
    return Golden(goldens / f"{request.param}.npz", tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def network(golden):
    return load_tresnet_weights(golden.network(), golden.folder)


def test_golden_feature_maps(golden, network):
    golden.check(network(golden.images("x")), "features")


def test_golden_stages(golden, network):
    names = [name for name in golden.arrays if name.startswith("mid.")]
    last = {
        f"layer{stage}": f"layer{stage}.{depth - 1}"
        for stage, depth in enumerate(golden.hparams["layers"], 1)
    } | {"s2d": "s2d", "conv1": "conv1.act"}
    layers = [network.get_layer(last[name.removeprefix("mid.")]) for name in names]
    outputs = keras.Model(network.input, [layer.output for layer in layers])(golden.images("x")[:1])
    for output, name in zip(outputs, names, strict=True):
        golden.check(output, name)


def test_golden_odd_map(golden):
    network = load_tresnet_weights(golden.network("x_odd"), golden.folder)
    golden.check(network(golden.images("x_odd")), "features_odd")


def test_golden_inplace_abn(golden):
    network = load_tresnet_weights(golden.network(), golden.folder, inplace_abn=True)
    golden.check(network(golden.images("x")), "features_iabn")


def test_golden_network_has_every_weight_but_the_classifiers(golden, network):
    count = sum(array.size for name, array in golden.params.items() if "head" not in name)
    assert network.count_params() == count


def test_golden_network_survives_saving(golden, network, tmp_path):
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    golden.check(again(golden.images("x")), "features")


def test_tensors_of_another_network_are_named_and_nothing_is_changed(tmp_path):
    network = tresnet(("basic",) * 4, (1, 1, 1, 1), 8, (20, 20, 3))
    before = network.get_weights()
    save_file(
        {"body.conv1.conv.weight": np.ones((8, 48, 3, 3), "f4")}, tmp_path / "model.safetensors"
    )
    with pytest.raises(UserError, match=r"holds no tensor 'body\.conv1\.bn\.weight'"):
        load_tresnet_weights(network, tmp_path)
    np.testing.assert_array_equal(network.get_weights()[0], before[0])


def test_a_new_block_is_the_identity():
    network = tresnet(("basic",) * 4, (2, 1, 1, 1), 8, (20, 20, 3))
    pair = keras.Model(network.input, [network.get_layer(f"layer1.{i}").output for i in range(2)])
    first, second = pair(np.random.default_rng(0).uniform(size=(1, 20, 20, 3)).astype("f4"))
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


@pytest.mark.parametrize("size", [16, 30])
def test_sizes_that_do_not_work_are_refused(size):
    with pytest.raises(ValueError, match="multiples of 4 and 20 at least"):
        tresnet_m(input_shape=(size, size, 3))


def test_the_image_encoder_takes_it_by_name_with_timms_weights(tmp_path):
    network = tresnet_m(input_shape=(32, 32, 3))
    save_file(timm_state_dict(network), tmp_path / "model.safetensors")
    encoder = ImageEncoder("TResNet_M", image_size=32, weights=str(tmp_path))
    for ours, theirs in zip(encoder.backbone.weights, network.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    pixels = np.full((1, 32, 32, 3), 51.0, "float32")
    np.testing.assert_allclose(np.asarray(encoder.preprocessing(pixels)), 0.2, rtol=1e-6)
    assert encoder.feature_dim == 2048


def timm_state_dict(network):
    """The network's weights under timm's names and in PyTorch's layout."""
    kinds = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    tensors = {}
    for layer in network.layers:
        for weight in layer.weights:
            kind = kinds.get(weight.name, weight.name.replace("moving_variance", "running_var"))
            array = np.asarray(weight)
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            name = f"body.{layer.name}.{kind.replace('moving', 'running')}"
            tensors[name] = np.ascontiguousarray(array)
    return tensors
