import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from kclip.models.pretrained.huggingface_clip import load_huggingface_clip
from kclip.models.pretrained.huggingface_clip_tensors import clip_tensors
from kclip.models.pretrained.huggingface_vit import load_huggingface_vit
from kclip.models.pretrained.huggingface_vit_tensors import vit_tensors
from kclip.models.pretrained.stored_tensor import StoredTensor, dense

UNREAD = ("mask_token", "pooler.dense.weight", "pooler.dense.bias")


class Arrays(dict):
    def read(self, name, shape):
        assert self[name].shape == tuple(shape)
        return self[name]


def test_what_one_file_joins_and_another_keeps_apart():
    layers = [keras.layers.Dense(2), keras.layers.Dense(3)]
    for layer in layers:
        layer.build((None, 2))
    weight, bias = np.arange(10.0).reshape(5, 2), np.arange(5.0)
    table = list(dense("joined", *layers))
    for tensor in table:
        tensor.fill(Arrays({"joined.weight": weight, "joined.bias": bias}))
    np.testing.assert_array_equal(layers[0].kernel, [[0, 2], [1, 3]])
    np.testing.assert_array_equal(layers[1].kernel, [[4, 6, 8], [5, 7, 9]])
    np.testing.assert_array_equal(layers[1].bias, [2, 3, 4])
    np.testing.assert_array_equal(table[0].array(), weight)
    (last,) = (
        tensor for tensor in dense("b", layers[1], columns=slice(2, 3)) if "bias" in tensor.name
    )
    last.fill(Arrays({"b.bias": np.array([7.0])}))
    np.testing.assert_array_equal(layers[1].bias, [2, 3, 7])
    np.testing.assert_array_equal(last.array(), [7])


def test_axes_of_length_one():
    variable = keras.Variable(np.array([1.0, 2.0]))
    tensor = StoredTensor("token", ((variable, slice(None)),), shape=(1, 1, 2))
    tensor.fill(Arrays({"token": np.array([[[3.0, 4.0]]])}))
    np.testing.assert_array_equal(variable, [3, 4])
    np.testing.assert_array_equal(tensor.array(), [[[3, 4]]])


@pytest.mark.parametrize(
    "name", ["hf_clip_tiny", "hf_siglip_tiny", "hf_vit_tiny", "hf_dinov2_tiny"]
)
def test_golden_tensors_are_written_as_they_were_read(goldens, name):
    clip = "lip" in name
    model = (load_huggingface_clip if clip else load_huggingface_vit)(goldens / name)
    written = {
        tensor.name: tensor.array() for tensor in (clip_tensors if clip else vit_tensors)(model)
    }
    read = load_file(goldens / name / "model.safetensors")
    assert written.keys() <= read.keys()
    assert not [name for name in read.keys() - written.keys() if not name.endswith(UNREAD)]
    for tensor, array in written.items():
        assert array.shape == read[tensor].shape and array.dtype == np.float32
        np.testing.assert_array_equal(array, read[tensor])
