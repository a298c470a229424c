"""Tables that lie in a folder beside its images, under the names that people give them."""

from dataclasses import dataclass
from pathlib import Path

from kclip.errors import UserError

CAPTION_FILES = ("captions.csv", "captions.txt", "captions.json", "results.csv")
LABEL_FILES = ("labels.csv", "tags.csv", "instances.json")
IMAGE_FOLDERS = ("images", "Images")


@dataclass(frozen=True)
class OwnTables:
    """What a folder holds besides images.

    Attributes:
        images: the folder of the images.
        captions: the table of captions, or None.
        labels: the table of labels, or None.
    """

    images: Path
    captions: Path | None
    labels: Path | None

    def in_words(self) -> str:
        """Says what was taken for what."""
        tables = {"captions": self.captions, "labels": self.labels}
        named = [f"{table.name} for the {what}" for what, table in tables.items() if table]
        return f"took {' and '.join(named)} of the images in {self.images}"


def find_own_tables(folder: Path) -> OwnTables | None:
    """Looks for captions and labels in a folder, and for images beside them or in `images`.

    Returns:
        What was found; None where there is no table.

    Raises:
        UserError: there are two tables of one kind.
    """
    captions, labels = _only(folder, CAPTION_FILES), _only(folder, LABEL_FILES)
    if not (captions or labels):
        return None
    inner = [folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()]
    return OwnTables(inner[0] if inner else folder, captions, labels)


def _only(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [folder / name for name in names if (folder / name).is_file()]
    if len(found) > 1:
        what = "--captions" if names is CAPTION_FILES else "--labels"
        raise UserError(
            f"{folder} holds {' and '.join(path.name for path in found)}; give one of them as "
            f"{what}, and the folder of the images instead of {folder}."
        )
    return found[0] if found else None
