"""Where the tensors of a file stand in a model: one table that reads them and writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_WHOLE = slice(None)


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file, and the weights of a model that hold its numbers.

    Args:
        name: in the file.
        parts: pairs of a Keras variable and a slice of its last axis. Several are joined along that
            axis: a file may keep apart what the model keeps together, and the other way round.
        axes: the weights' axes in the order of the file; None: in theirs.
        shape: in the file, where that has axes of length one that the weights lack; None: theirs.

    Example:
    >>> layer = keras.layers.Dense(2)
    >>> layer.build((None, 3))
    >>> [(tensor.name, tensor.array().shape) for tensor in dense("head", layer)]
    [('head.weight', (2, 3)), ('head.bias', (2,))]
    """

    name: str
    parts: tuple[tuple[Any, slice], ...]
    axes: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None

    def fill(self, tensors: Any) -> None:
        """Copies the tensor into the weights.

        Args:
            tensors: with `read(name, shape)` and `read_scalar(name)`, as `SafetensorsFolder`.
        """
        variable = self.parts[0][0]
        shape = tuple(variable.shape)
        if not shape:
            variable.assign(tensors.read_scalar(self.name))
            return
        widths = [_width(*part) for part in self.parts]
        joined = (*shape[:-1], sum(widths))
        axes = self.axes or tuple(range(len(joined)))
        in_file = tuple(joined[axis] for axis in axes)
        array = tensors.read(self.name, self.shape or in_file).reshape(in_file)
        array = array.transpose(np.argsort(axes))
        pieces = np.split(array, np.cumsum(widths)[:-1], axis=-1)
        for part, piece in zip(self.parts, pieces, strict=True):
            _assign(*part, piece)

    def array(self) -> np.ndarray:
        """The tensor as the file keeps it, from the weights: float32."""
        pieces = [_piece(*part) for part in self.parts]
        array = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
        if self.axes:
            array = array.transpose(self.axes)
        return np.array(array.reshape(self.shape or array.shape), order="C")


def plain(name: str, variable: Any, shape: tuple[int, ...] | None = None) -> StoredTensor:
    """A tensor that the model keeps as the file does."""
    return StoredTensor(name, ((variable, _WHOLE),), shape=shape)


def norm(name: str, layer: Any) -> Iterator[StoredTensor]:
    """Gain and bias of a norm; `name` without its ending."""
    yield plain(f"{name}.weight", layer.gamma)
    yield plain(f"{name}.bias", layer.beta)


def dense(name: str, *layers: Any, columns: slice = _WHOLE) -> Iterator[StoredTensor]:
    """Kernel, which PyTorch keeps transposed, and bias of dense layers that the file joins.

    Args:
        name: without its ending.
        *layers: dense layers.
        columns: what of the layers' outputs the tensors hold.
    """
    kernels = tuple((layer.kernel, columns) for layer in layers)
    yield StoredTensor(f"{name}.weight", kernels, axes=(1, 0))
    if layers[0].use_bias:
        yield StoredTensor(f"{name}.bias", tuple((layer.bias, columns) for layer in layers))


def convolution(name: str, layer: Any) -> Iterator[StoredTensor]:
    """Kernel, whose channels PyTorch keeps before its sides, and bias of a convolution."""
    yield StoredTensor(f"{name}.weight", ((layer.kernel, _WHOLE),), axes=(3, 2, 0, 1))
    if layer.use_bias:
        yield plain(f"{name}.bias", layer.bias)


def _width(variable: Any, columns: slice) -> int:
    return len(range(variable.shape[-1])[columns])


def _piece(variable: Any, columns: slice) -> np.ndarray:
    whole = np.asarray(variable, np.float32)
    return whole if columns == _WHOLE else whole[..., columns]


def _assign(variable: Any, columns: slice, piece: np.ndarray) -> None:
    if columns != _WHOLE:
        whole = np.array(variable)
        whole[..., columns] = piece
        piece = whole
    variable.assign(piece)
