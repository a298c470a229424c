"""Class folders as labelled images: which classes there are and what they are called."""

from pathlib import Path

from kclip.data.benchmarks.folders import ANIMALS10
from kclip.data.images.faults import report_left_out
from kclip.data.labelled.class_names import read_class_names
from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.folders import read_class_folders
from kclip.errors import UserError


def read_labelled_folder(folder: Path, classes_file: Path | None = None) -> LabelledImages:
    """Reads class folders; a few images outside of them are printed and left out.

    Args:
        folder: holds one sub-folder of images a class.
        classes_file: names of the classes, as `read_class_names` reads
            them; without it the folders' own names, translated where they are Animals-10's.

    Raises:
        UserError: there are no class folders, one class only, a class without a line in the file,
            or more than 1 % of the images lie outside of class folders.
    """
    source = read_class_folders(folder)
    faults = [(fault.file_name, fault.reason) for fault in source.rejections]
    report_left_out(faults, len(source.records) + len(faults))
    labels = [record.labels[0] for record in source.records]
    classes = _named(sorted(set(labels)), classes_file)
    if len(classes) < 2:
        raise UserError(
            f"{folder} holds the one class {labels[0]!r}; give a folder with one sub-folder of "
            "images for each of two classes or more"
        )
    return LabelledImages(source.records, classes, str(folder), source.rejections)


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


def _named(labels: list[str], classes_file: Path | None) -> dict[str, tuple[str, ...]]:
    if classes_file is None:
        translated = set(labels) <= set(ANIMALS10)
        return {label: (ANIMALS10[label] if translated else label,) for label in labels}
    named = read_class_names(classes_file)
    missing = [label for label in labels if label not in named]
    if missing:
        raise UserError(
            f"{classes_file} has no line for the class folder {missing[0]!r}; "
            "write one a class, as 'folder: name, synonym'"
        )
    return {label: named[label] for label in labels}
