import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from kclip.errors import UserError

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


class SafetensorsFolder:
    """The tensors of a Hugging Face folder, in one file or in several with an index.

    Nothing is read until it is asked for. Used as a context manager, which closes the files.

    Args:
        folder: holds `model.safetensors`, or `model.safetensors.index.json` and its shards.

    Raises:
        UserError: a file is missing or damaged.

    Example:
    >>> with SafetensorsFolder("clip-vit-base-patch32") as tensors:
    ...     bias = tensors.read("vision_model.post_layernorm.bias", (768,))
    """

    def __init__(self, folder):
        self._folder = Path(folder)
        self._stack = ExitStack()
        self._file_of = {}
        for name in self._file_names():
            opened = self._open(name)
            self._file_of |= dict.fromkeys(opened.keys(), opened)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def read(self, name, shape):
        """Reads a tensor as float32.

        Args:
            name: of the tensor.
            shape: that it should have.

        Raises:
            UserError: there is no such tensor, or its shape or kind is another.
        """
        array = self._array(name)
        if array.shape != tuple(shape):
            raise UserError(
                f"the tensor {name!r} in {str(self._folder)!r} has the shape {array.shape}, but "
                f"its config.json asks for {tuple(shape)}; the two files belong to different models"
            )
        return array.astype(np.float32)

    def read_scalar(self, name):
        """Reads a single number, of no axes or of any number of length one."""
        return self.read(name, (1,) * self._array(name).ndim).reshape(())

    def _array(self, name):
        if name not in self._file_of:
            raise UserError(
                f"{str(self._folder)!r} holds no tensor {name!r}; its weights are not those of "
                "the model that its config.json describes"
            )
        try:
            return self._file_of[name].get_tensor(name)
        except (SafetensorError, TypeError, ValueError) as error:
            raise UserError(
                f"the tensor {name!r} in {str(self._folder)!r} cannot be read ({error})"
            ) from error

    def _file_names(self):
        if (self._folder / WHOLE).is_file():
            return [WHOLE]
        index = self._folder / INDEX
        if not index.is_file():
            raise UserError(
                f"{str(self._folder)!r} holds no {WHOLE}; download it too (a pytorch_model.bin "
                "can be converted by Hugging Face's save_pretrained)"
            )
        try:
            return sorted(
                {Path(name).name for name in json.loads(index.read_text())["weight_map"].values()}
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{str(index)!r} is not a valid index; download it again") from None

    def _open(self, name):
        path = self._folder / name
        try:
            return self._stack.enter_context(safe_open(path, "np"))
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"the weights {str(path)!r} cannot be read ({error}); download them again"
            ) from error
