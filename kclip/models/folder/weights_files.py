"""HDF5 files of weights, looked through before Keras reads them."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import h5py

from kclip.errors import UserError
from kclip.models.folder.content import WEIGHTS
from kclip.models.folder.serialized import read_config_file

PARTS_FILE = "model.weights.json"
# What Keras keeps of a compiled model besides; some versions keep seeds of dropout, too.
_NO_WEIGHTS = ("/optimizer/", "/_loss_tracker/", "/_metrics/", "/_compile_metrics/")
_ADVICE = "the weights were not loaded"
# Of the HDF5 library itself; any other would load a program of that name.
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# A file may be packed, but not declare a thousandfold of what it holds.
_MOST_PACKED, _SLACK = 200, 2**20


@dataclass(frozen=True)
class StoredWeights:
    """What a file of weights holds.

    Attributes:
        numbers: how many.
        arrays: in how many arrays.
        floats: how many of the numbers are floats.
        integers: the names of arrays of whole numbers.
    """

    numbers: int = 0
    arrays: int = 0
    floats: int = 0
    integers: tuple[str, ...] = ()

    def __add__(self, other):
        return StoredWeights(
            self.numbers + other.numbers,
            self.arrays + other.arrays,
            self.floats + other.floats,
            self.integers + other.integers,
        )


def folder_weights(folder):
    """What the weights of a model folder hold, in one file or in parts.

    Raises:
        UserError: a file is missing, damaged, or not to be trusted; see `file_weights`.
    """
    folder = Path(folder)
    names = [WEIGHTS[0]]
    if not (folder / WEIGHTS[0]).exists() and (folder / PARTS_FILE).exists():
        names = _parts(folder / PARTS_FILE)
    found = [file_weights(folder / name) for name in names]
    return sum(found, StoredWeights())


def file_weights(path):
    """What an HDF5 file of weights holds.

    Args:
        path: the file.

    Raises:
        UserError: it is missing or damaged, or has links, data in other files, filters that are
            not HDF5's own, arrays that declare more than the file holds, or other kinds of values
            than numbers. Keras 3.15 refuses some of these by itself, others once they were read
            (CVE-2025-9905, CVE-2026-0897, CVE-2026-1669, CVE-2026-9335).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there are no weights {str(path)!r}; copy the folder again, whole")
    try:
        with h5py.File(path, "r") as file:
            return _Walk(path).group(file, "")
    except UserError:
        raise
    except Exception as error:  # h5py raises many kinds on a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"the weights {str(path)!r} cannot be read ({reason}); copy them again"
        ) from error


def _parts(path):
    weight_map = read_config_file(path).get("weight_map")
    values = weight_map.values() if isinstance(weight_map, dict) else ()
    names = {name for value in values for name in (value if isinstance(value, list) else [value])}
    for name in names:
        if not isinstance(name, str) or not any(fnmatchcase(name, form) for form in WEIGHTS):
            raise UserError(
                f"{str(path)!r} names the part {str(name)[:100]!r}; parts lie beside it and are "
                f"called as {WEIGHTS[1].replace('[0-9]', '0')!r} is; {_ADVICE}"
            )
    return sorted(names)


class _Walk:
    def __init__(self, path):
        self.path = path
        self.seen = set()

    def group(self, group, name):
        self._refuse_twice(group, name)
        found = StoredWeights()
        for key in group:
            below = f"{name}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                self._refuse(below, "is a link, and may lead out of the file")
            item = group[key]
            if isinstance(item, h5py.Group):
                found += self.group(item, below)
            elif isinstance(item, h5py.Dataset):
                found += self._array(item, below)
            else:
                self._refuse(below, "is neither a group nor an array")
        return found

    def _array(self, array, name):
        self._refuse_twice(array, name)
        if array.external or array.is_virtual:
            self._refuse(name, "keeps its values in another file")
        settings = array.id.get_create_plist()
        filters = {settings.get_filter(n)[0] for n in range(settings.get_nfilters())}
        if filters - _FILTERS:
            self._refuse(name, f"is packed by the filter {min(filters - _FILTERS)}, not HDF5's own")
        if array.shape is None or array.dtype.kind not in "fiub" and not _is_bfloat16(array):
            return self._other(array, name)
        declared = array.size * array.dtype.itemsize
        stored = array.id.get_storage_size()
        if declared > (_MOST_PACKED if filters else 1) * stored + _SLACK * bool(filters):
            self._refuse(
                name, f"declares {declared:,} bytes of values, and the file holds {stored:,}"
            )
        if name.startswith(_NO_WEIGHTS) or "seed_generator" in name:
            return StoredWeights()
        integers = (name,) if array.dtype.kind in "iu" else ()
        floats = 0 if array.dtype.kind in "iub" else array.size
        return StoredWeights(array.size, 1, floats, integers)

    def _other(self, array, name):
        # Keras keeps a note of the model's class and name as such.
        if array.shape is None or array.size <= 1:
            return StoredWeights()
        return self._refuse(name, f"holds {array.dtype}, no numbers")

    def _refuse_twice(self, item, name):
        place = h5py.h5o.get_info(item.id).addr
        if place in self.seen:
            self._refuse(name, "is there twice, and may hold itself")
        self.seen.add(place)

    def _refuse(self, name, fault):
        raise UserError(f"{name or '/'} in {str(self.path)!r} {fault}; {_ADVICE}")


def _is_bfloat16(array):
    return array.dtype.kind == "V" and array.dtype.itemsize == 2
