"""Any folder with one sub-folder of images for each class, and Animals-10, which is one."""

from pathlib import Path

from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.folders import read_class_folders
from kclip.data.sources.layout import first_existing
from kclip.errors import UserError

ANIMALS10 = {
    "cane": "dog",
    "cavallo": "horse",
    "elefante": "elephant",
    "farfalla": "butterfly",
    "gallina": "chicken",
    "gatto": "cat",
    "mucca": "cow",
    "pecora": "sheep",
    "ragno": "spider",
    "scoiattolo": "squirrel",
}
ANIMALS10_GUIDE = (
    "Animals-10 is on kaggle.com/datasets/alessiocorrado99/animals10: unpack it so that --data-dir "
    "holds raw-img/ with the folders cane, cavallo, elefante and so on."
)


def read_folders(data_dir: Path) -> LabelledImages:
    """Reads `class/picture.jpg`; the folders are the classes and their names.

    Raises:
        UserError: the folder is missing, or holds no images or no class folders.
    """
    source = read_class_folders(data_dir)
    labels = sorted({record.labels[0] for record in source.records})
    classes = {label: (label,) for label in labels}
    return LabelledImages(source.records, classes, str(data_dir), source.rejections)


def read_animals10(data_dir: Path) -> LabelledImages:
    """Reads Animals-10: `raw-img/cane/*.jpeg`, ten folders with Italian names.

    Args:
        data_dir: holds `raw-img`, or is it.

    Raises:
        UserError: the data set is missing, or has a folder of another name.
    """
    candidates = [data_dir / "raw-img", data_dir / "cane"]
    found = first_existing(candidates, ANIMALS10_GUIDE)
    source = read_class_folders(found if found == candidates[0] else data_dir)
    unknown = sorted({record.labels[0] for record in source.records} - set(ANIMALS10))
    if unknown:
        raise UserError(
            f"{data_dir} has the class folder {unknown[0]!r}; Animals-10 has {', '.join(ANIMALS10)}"
        )
    names = {italian: (english,) for italian, english in ANIMALS10.items()}
    return LabelledImages(source.records, names, str(data_dir), source.rejections)
