"""Which images belong to which split: by lists of names, and by words that mean a split."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kclip.data.image_record import Rejection
from kclip.data.sources.image_files import FoundFiles, ImageFolder, tidy_name
from kclip.data.sources.split_folders import split_of
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError


@dataclass(frozen=True)
class Splits:
    """The split of each file that is taken, and what was left out or needs to be said."""

    of_file: dict[Path, str]
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()


def read_split_lists(
    split_files: Mapping[str, Path], folder: ImageFolder, found: FoundFiles, table: Path
) -> Splits:
    """Reads which images belong to which split.

    Args:
        split_files: split name -> text file with one image name a line.
        folder: of the images, by which names in lists may be spelled as those in tables.
        found: the images that the table names.
        table: that names them.

    Returns:
        The listed images, and what the lists name twice or the table does not name.
    """
    of_file: dict[Path, str] = {}
    rejections = []
    named = set(found.paths.values())
    for split, path in split_files.items():
        names = list(map(tidy_name, read_list(path)))
        files = folder.find_all(names)
        rejections += files.rejections
        for name in names:
            file = files.paths.get(name)
            if file is None:
                continue
            if file in of_file:
                reason = f"duplicate id: listed for {split}, but in {of_file[file]} already"
                rejections.append(Rejection(name, reason))
            elif file not in named:
                rejections.append(Rejection(name, f"no row: listed in {path.name} only"))
            else:
                of_file[file] = split
    unlisted = len(named) - len(of_file)
    note = f"{unlisted} of {len(named)} images of {table.name} are in no list and were left aside"
    return Splits(of_file, tuple(rejections), (note,) if unlisted else ())


def split_in_table(word: str, where: str) -> str:
    """The split that a cell of a table means, by the same words as those of split folders.

    Raises:
        UserError: it is no word.

    Example:
        >>> [split_in_table(word, "captions.csv line 2") for word in ("Val", "test", "restval")]
        ['validation', 'test', 'restval']
    """
    split = word.strip().lower()
    if not split.isidentifier():
        raise UserError(f"{where} has the split {word!r}; expected a word such as train or test.")
    return split_of(split) or split
