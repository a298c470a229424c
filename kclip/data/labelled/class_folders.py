"""Class folders as labelled images, for training, evaluation and calibration."""

from collections.abc import Sequence
from pathlib import Path

from kclip.data.labelled.images import LabelledImages
from kclip.data.labelled.labelled_folder import LabelledFolder
from kclip.errors import UserError

# Which split is taken where none is named: the first that is there.
TRAINING = ("train",)
EVALUATION = ("test", "validation", "train")
CALIBRATION = ("validation", "train", "test")


def read_labelled_folder(
    folder: Path,
    classes_file: Path | None = None,
    split: str | None = None,
    wanted: Sequence[str] = EVALUATION,
    use: str = "evaluation",
    flag: str = "--split",
) -> LabelledImages:
    """Reads class folders, of one split where there are splits, and says what is taken.

    Args:
        folder: holds one sub-folder of images a class, or such below folders of splits.
        classes_file: names of the classes, as `read_class_names` reads
            them; without it the folders' own names, translated where they are Animals-10's.
        split: as in `LabelledFolder.read`.
        wanted: the splits that suit the use, the best first.
        use: what for, in messages.
        flag: the flag that `split` comes from.

    Raises:
        UserError: there are no class folders, one class only, a class without a line in the file,
            or more images lie outside of class folders than may be left out.
    """
    return LabelledFolder.read(folder, split, classes_file, flag).take(split, wanted, use)


def check_same_classes(first: LabelledImages, second: LabelledImages) -> None:
    """Raises a `UserError` where two folders don't hold the same classes."""
    pairs = ((first, second), (second, first))
    alone = {a.origin: sorted(set(a.classes) - set(b.classes)) for a, b in pairs}
    only = [f"only {folder} has {', '.join(names)}" for folder, names in alone.items() if names]
    if only:
        raise UserError(
            f"training and test images must show the same classes, but {' and '.join(only)}; "
            "rename, add or take away class folders"
        )
