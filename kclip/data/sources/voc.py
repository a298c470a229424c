"""PASCAL VOC in its own layout, with the labels of its classification task."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from kclip.console.progress import ProgressBar
from kclip.data.image_record import ImageRecord, Source
from kclip.data.sources.assembling import check_some_exist
from kclip.data.sources.layout import first_existing
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError
from kclip.files import path_inside

VOC_YEAR = 2007  # the only one whose test labels are published
GUIDE = (
    "VOC is on host.robots.ox.ac.uk/pascal/VOC: unpack the archive of training and validation "
    "and the annotated one of the test in one place, and give their folder VOCdevkit as "
    "--data-dir, and the year as --year."
)


@dataclass
class _Classes:
    """The classes of one image."""

    positive: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def voc_splits(data_dir: Path, year: int) -> dict[str, str]:
    """Says which lists of `ImageSets/Main` become which splits.

    `trainval` becomes `train` and `test` stays `test`. Where the test images or their labels are
    missing (they were never published for the years after 2007), `train` stays `train` and `val`
    becomes `validation`, so that there is something to evaluate on.

    Raises:
        UserError: the folder is missing.
    """
    folder = _year_folder(data_dir, year)
    if _is_labelled(folder, "test"):
        return {"trainval": "train", "test": "test"}
    return {"train": "train", "val": "validation"}


def read_voc(data_dir: Path, year: int = VOC_YEAR) -> Source:
    """Reads the images of all splits with their labels.

    An image has a class if one of its objects is of this class and not "difficult". A class of
    which an image has difficult objects alone is ignored in it: neither right nor wrong, as in
    VOC's own evaluation.

    Args:
        data_dir: the folder `VOCdevkit`, or that of the year itself, which holds `JPEGImages` and
            `ImageSets/Main`. The labels are those of `ImageSets/Main/<class>_<list>.txt` (1, -1,
            and 0 for difficult), or those of `Annotations` where there are no such files.
        year: of the challenge.

    Returns:
        Records of the splits that `voc_splits` says, in the order of the lists, with `id` = the
        image's number; images that are missing are among them.

    Raises:
        UserError: a file is missing, is damaged, or does not belong to the others.
    """
    folder = _year_folder(data_dir, year)
    images = first_existing([folder / "JPEGImages"], GUIDE)
    records = []
    for name, split in voc_splits(data_dir, year).items():
        for id_, classes in _read_list(folder, name).items():
            file_name = f"{id_}.jpg"
            path = path_inside(images, file_name, follow_links=True)
            labels, ignored = tuple(classes.positive), tuple(classes.ignored)
            records.append(ImageRecord(id_, file_name, path, (), labels, split, ignored))
    check_some_exist(records, images, folder / "ImageSets/Main")
    splits = voc_splits(data_dir, year)
    if "test" in splits:
        return Source(records, [])
    used = ", ".join(f"{name} as {split}" for name, split in splits.items())
    note = f"{data_dir} has no labelled test images of VOC {year}; taking {used}"
    return Source(records, [], (note,))


def _year_folder(data_dir: Path, year: int) -> Path:
    name = f"VOC{year}"
    candidates = [data_dir / name, data_dir / "VOCdevkit" / name]
    return first_existing([*candidates, *([data_dir] if data_dir.name == name else [])], GUIDE)


def _is_labelled(folder: Path, name: str) -> bool:
    path = _list_path(folder, name)
    if not path.exists() or not (ids := read_list(path)):
        return False
    return bool(_class_files(folder, name)) or _annotation(folder, ids[0].split()[0]).exists()


def _read_list(folder: Path, name: str) -> dict[str, _Classes]:
    """Image -> its classes, in the order of the list."""
    path = first_existing([_list_path(folder, name)], GUIDE)
    found = {line.split()[0]: _Classes() for line in read_list(path)}
    files = _class_files(folder, name)
    for class_name, class_path in ProgressBar(files.items(), desc=f"Reading the classes of {name}"):
        values = _class_values(class_path)
        if values.keys() != found.keys():
            raise UserError(
                f"{class_path} has {len(values)} images and {path} {len(found)}, or others; "
                f"expected the same ones in both. {GUIDE}"
            )
        for id_, value in values.items():
            _note(found[id_], class_name, value)
    if not files:
        for id_, classes in ProgressBar(found.items(), desc=f"Reading the annotations of {name}"):
            for class_name, value in _annotated_values(_annotation(folder, id_)).items():
                _note(classes, class_name, value)
    return found


def _note(classes: _Classes, class_name: str, value: int) -> None:
    if value >= 0:
        (classes.positive if value else classes.ignored).append(class_name)


def _class_files(folder: Path, name: str) -> dict[str, Path]:
    """Class -> the file of its values, in alphabetical order as VOC lists its classes."""
    ending = f"_{name}.txt"
    paths = sorted((folder / "ImageSets/Main").glob(f"*{ending}"))
    return {path.name.removesuffix(ending): path for path in paths}


def _class_values(path: Path) -> dict[str, int]:
    """Image -> 1, 0 (difficult) or -1."""
    values = {}
    for line in read_list(path):
        id_, *rest = line.split()
        if rest not in (["1"], ["0"], ["-1"]):
            raise UserError(
                f"{path} has the line {line!r}; expected an image and 1, -1 or 0 (difficult)."
            )
        values[id_] = int(rest[0])
    return values


def _annotated_values(path: Path) -> dict[str, int]:
    """Class -> 1, or 0 if all its objects are difficult, in alphabetical order."""
    values: dict[str, int] = {}
    for name, is_difficult in _objects(path):
        values[name] = max(values.get(name, 0), int(not is_difficult))
    return dict(sorted(values.items()))


def _objects(path: Path) -> Iterator[tuple[str, bool]]:
    """The class of each object of an image, and whether it is difficult."""
    try:
        root = ElementTree.parse(first_existing([path], GUIDE)).getroot()
    except ElementTree.ParseError as error:
        raise UserError(f"{path} is not XML: {error}; expected VOC's annotation.") from None
    for element in root.iter("object"):
        name = (element.findtext("name") or "").strip()
        if not name:
            raise UserError(f"{path} has an object without a name; expected VOC's annotation.")
        yield name, (element.findtext("difficult") or "0").strip() == "1"


def _list_path(folder: Path, name: str) -> Path:
    return folder / "ImageSets/Main" / f"{name}.txt"


def _annotation(folder: Path, id_: str) -> Path:
    return path_inside(folder / "Annotations", f"{id_}.xml", follow_links=True)
