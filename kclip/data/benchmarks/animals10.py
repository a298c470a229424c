"""Animals-10: ten class folders with Italian names."""

from pathlib import Path

from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.data.labelled.class_names import ANIMALS10
from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.layout import first_existing
from kclip.errors import UserError

GUIDE = (
    "Animals-10 is on kaggle.com/datasets/alessiocorrado99/animals10: unpack it so that --data-dir "
    "holds raw-img/ with the folders cane, cavallo, elefante and so on."
)


def read_animals10(data_dir: Path, split: str | None = None) -> LabelledImages:
    """Reads Animals-10: `raw-img/cane/*.jpeg`.

    Args:
        data_dir: holds `raw-img`, or is it.
        split: as in `read_labelled_folder`, where the images were put into splits.

    Raises:
        UserError: the data set is missing, or has a folder of another name.
    """
    candidates = [data_dir / "raw-img", data_dir / "cane"]
    found = first_existing(candidates, GUIDE)
    images = read_labelled_folder(found if found == candidates[0] else data_dir, split=split)
    unknown = sorted(set(images.classes) - set(ANIMALS10))
    if unknown:
        raise UserError(
            f"{data_dir} has the class folder {unknown[0]!r}; Animals-10 has {', '.join(ANIMALS10)}"
        )
    return images.with_classes({italian: (english,) for italian, english in ANIMALS10.items()})
