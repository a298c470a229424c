"""Tables that lie in a folder beside its images, under the names that people give them."""

from dataclasses import dataclass
from pathlib import Path

from kclip.data.images.kinds import image_suffixes
from kclip.errors import UserError

CAPTION_FILES = ("captions.csv", "captions.txt", "captions.json", "results.csv")
LABEL_FILES = ("labels.csv", "tags.csv", "instances.json")
IMAGE_FOLDERS = ("images", "Images")
SPLIT_LISTS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")


@dataclass(frozen=True)
class OwnTables:
    """What a folder holds besides images.

    Attributes:
        images: the folder of the images.
        captions: the table of captions, or None.
        labels: the table of labels, or None.
        split_lists: NAME=FILE for text files that are called as splits are.
    """

    images: Path
    captions: Path | None
    labels: Path | None
    split_lists: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Says what was taken for what."""
        tables = {"captions": self.captions, "labels": self.labels}
        named = [f"{table.name} for the {what}" for what, table in tables.items() if table]
        if self.split_lists:
            files = ", ".join(Path(text.partition("=")[2]).name for text in self.split_lists)
            named.append(f"{files} for the splits")
        return f"took {' and '.join(named)} of the images in {self.images}"


def find_own_tables(folder: Path) -> OwnTables | None:
    """Looks for captions, labels and splits in a folder, and for images beside them.

    The images may lie in the folder itself, in a folder `images` there, or in its only folder.

    Returns:
        What was found; None where there is no table.

    Raises:
        UserError: there are two tables of one kind.
    """
    captions, labels = _only(folder, CAPTION_FILES), _only(folder, LABEL_FILES)
    if not (captions or labels):
        return None
    lists = [(name, folder / f"{name}.txt") for name in SPLIT_LISTS]
    split_lists = tuple(f"{name}={path}" for name, path in lists if path.is_file())
    return OwnTables(_images_of(folder), captions, labels, split_lists)


def _images_of(folder: Path) -> Path:
    named = [folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()]
    if named:
        return named[0]
    if any(path.suffix.lower() in image_suffixes() for path in folder.iterdir()):
        return folder
    inner = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
    return inner[0] if len(inner) == 1 else folder


def _only(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [folder / name for name in names if (folder / name).is_file()]
    if len(found) > 1:
        what = "--captions" if names is CAPTION_FILES else "--labels"
        raise UserError(
            f"{folder} holds {' and '.join(path.name for path in found)}; give one of them as "
            f"{what}, and the folder of the images instead of {folder}."
        )
    return found[0] if found else None
