import math
from contextlib import ExitStack, contextmanager
from pathlib import Path

import ml_dtypes  # noqa: F401  teaches NumPy bfloat16
import numpy as np
from safetensors import SafetensorError, safe_open

from kclip.errors import UserError
from kclip.models.folder.limits import no_more_weights_than, refuse_not_finite
from kclip.models.folder.own_files import own_file
from kclip.models.pretrained.json_files import building_from_config, read_object

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Parts of a name that torch.compile and training in parallel put in.
_WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}


class SafetensorsFolder:
    """The tensors of a Hugging Face folder, in one file or in several with an index.

    Nothing is read until it is asked for. Used as a context manager, which closes the files.
    Names are known without what torch.compile or a wrapper around the model put before them.

    Args:
        folder: holds `model.safetensors`, or `model.safetensors.index.json` and its shards.
        anchor: name of a tensor that the model has once, or None: what stands before it in the
            files stands before all names.
        whole: name of the file that holds all tensors.

    Raises:
        UserError: a file is missing or damaged or lies elsewhere, or two tensors have one name.

    Example:
    >>> with SafetensorsFolder("clip-vit-base-patch32") as tensors:
    ...     scale = tensors.read("logit_scale", ())
    """

    def __init__(self, folder, anchor=None, whole=WHOLE):
        self._folder = Path(folder)
        self._whole = whole
        self._stack = ExitStack()
        files = [self._open(name) for name in self._file_names()]
        stored = [(name, file) for file in files for name in file.keys()]
        prefix = self._prefix([_unwrapped(name) for name, _ in stored], anchor)
        self._tensors = {}  # name -> the name in its file, and the file
        for name, file in stored:
            plain = _unwrapped(name).removeprefix(prefix)
            if plain in self._tensors:
                raise UserError(
                    f"the weights in {str(self._folder)!r} hold {plain!r} twice, as {name!r} and "
                    f"{self._tensors[plain][0]!r}; keep one model's alone"
                )
            self._tensors[plain] = (name, file)
        self._unread = set(self._tensors)

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
                f"its config asks for {tuple(shape)}; the two files belong to different models"
            )
        # Not by np.issubdtype, which does not take bfloat16 for a float.
        if array.dtype.kind in "biuc":
            raise UserError(
                f"the tensor {name!r} in {str(self._folder)!r} holds {array.dtype}; kclip reads "
                "floats, so save the model without quantisation"
            )
        values = array.astype(np.float32)
        refuse_not_finite(values, name, self._folder)
        return values

    def read_scalar(self, name):
        """Reads a single number, of no axes or of any number of length one."""
        return self.read(name, (1,) * self._array(name).ndim).reshape(())

    @property
    def names(self):
        """The names of all tensors."""
        return self._tensors.keys()

    def shape(self, name):
        """The shape of a tensor, which is not read.

        Raises:
            UserError: there is no such tensor.
        """
        stored, file = self._stored(name)
        return tuple(file.get_slice(stored).get_shape())

    @contextmanager
    def building(self, config_name="config.json"):
        """Builds the model of these tensors: no larger than they are, its faults in one sentence.

        Args:
            config_name: the file that says which.
        """
        numbers = sum(math.prod(self.shape(name)) for name in self._tensors)
        limit = no_more_weights_than(numbers, len(self._tensors), self._folder)
        with building_from_config(self._folder, config_name), limit:
            yield

    def refuse_leftovers(self, known=(), heads=()):
        """Raises a `UserError` where a tensor was not read.

        A model that leaves out a part of its weights gives other embeddings.

        Args:
            known: ends of names that may be left.
            heads: beginnings of such names.
        """
        left = sorted(
            name
            for name in self._unread
            if not name.endswith(tuple(known)) and not name.startswith(tuple(heads))
        )
        if left:
            others = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise UserError(
                f"{str(self._folder)!r} holds the tensor {left[0]!r}{others}, for which the model "
                "of its config has no place; the weights belong to another model (adapters have "
                "to be merged before)"
            )

    def _prefix(self, names, anchor):
        """What stands before all names; `anchor` tells it."""
        ends = [name for name in names if anchor and f".{name}".endswith(f".{anchor}")]
        if len(ends) > 1 and anchor not in ends:
            raise UserError(
                f"the weights in {str(self._folder)!r} hold several models ({', '.join(ends)}); "
                "keep one's alone"
            )
        return ends[0].removesuffix(anchor) if ends and anchor not in ends else ""

    def _array(self, name):
        stored, file = self._stored(name)
        self._unread.discard(name)
        try:
            return file.get_tensor(stored)
        except (SafetensorError, TypeError, ValueError) as error:
            raise UserError(
                f"the tensor {name!r} in {str(self._folder)!r} cannot be read ({error})"
            ) from error

    def _stored(self, name):
        if name not in self._tensors:
            raise UserError(
                f"{str(self._folder)!r} holds no tensor {name!r}; its weights are not those of "
                "the model that its config describes"
            )
        return self._tensors[name]

    def _file_names(self):
        if (self._folder / self._whole).exists():
            return [self._whole]
        index = self._folder / INDEX
        if not index.is_file():
            raise UserError(
                f"{str(self._folder)!r} holds no {self._whole}; download it too (the library that "
                "wrote a .bin file can save it as safetensors)"
            )
        weight_map = read_object(index).get("weight_map")
        names = list(weight_map.values()) if isinstance(weight_map, dict) else []
        if not names or not all(isinstance(name, str) for name in names):
            raise UserError(f"{str(index)!r} is not a valid index; download it again")
        return sorted(set(names))

    def _open(self, name):
        path = own_file(self._folder, name)
        try:
            return self._stack.enter_context(safe_open(path, "np"))
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"the weights {str(path)!r} cannot be read ({error}); download them again"
            ) from error


def _unwrapped(name):
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
