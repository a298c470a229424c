"""The validation set of ImageNet (ILSVRC 2012), in the layouts that people have it in."""

import re
from pathlib import Path

from kclip.data.benchmarks.devkit_process import read_synsets
from kclip.data.images.listing import list_images
from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.layout import first_existing, image_record, read_rows
from kclip.errors import UserError

MAPPING = "LOC_synset_mapping.txt"
SOLUTION = "LOC_val_solution.csv"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
DEVKIT = Path("ILSVRC2012_devkit_t12") / "data"
SYNSET = re.compile(r"n\d{8}")
GUIDE = (
    "ImageNet is on image-net.org and kaggle.com (imagenet-object-localization-challenge), after "
    "registration: lay it out so that --data-dir holds val/ with one folder for each synset "
    f"(val/n01440764/*.JPEG) and {MAPPING}; or val/ with the 50,000 files and either {MAPPING} and "
    f"{SOLUTION} of Kaggle, or the folder ILSVRC2012_devkit_t12 of image-net.org."
)


def read_imagenet(data_dir: Path) -> LabelledImages:
    """Reads the validation images; the classes are synsets such as `n01440764`.

    Args:
        data_dir: holds `val` (or Kaggle's `ILSVRC/Data/CLS-LOC/val`, or the synset folders
            themselves), and the files named in `GUIDE`.

    Returns:
        Records and the synsets in alphabetical order, the names being those of
        `LOC_synset_mapping.txt` or of the development kit; empty names where there is neither.

    Raises:
        UserError: the data set is missing or incomplete.
    """
    candidates = [data_dir / "val", data_dir / "ILSVRC" / "Data" / "CLS-LOC" / "val"]
    images = next((path for path in candidates if path.is_dir()), data_dir)
    folders = [p for p in images.glob("n*") if p.is_dir() and SYNSET.fullmatch(p.name)]
    if not folders and images == data_dir:
        raise UserError(f"{candidates[0]} is missing. {GUIDE}")
    if folders:
        records = [
            image_record(path.relative_to(images).as_posix(), path, folder.name)
            for folder in sorted(folders)
            for path in list_images(folder)
        ]
    else:
        synsets = _synsets_of_files(data_dir)
        records = [
            image_record(path.name, path, _synset(path, synsets)) for path in list_images(images)
        ]
    names = _class_names(data_dir)
    found = {record.labels[0] for record in records}
    return LabelledImages(records, {synset: names.get(synset, ()) for synset in names or found})


def _class_names(data_dir: Path) -> dict[str, tuple[str, ...]]:
    """Synset -> names, sorted; empty where the data set came without a list of names."""
    if (data_dir / MAPPING).is_file():
        rows = (line.split(maxsplit=1) for line in (data_dir / MAPPING).read_text().splitlines())
        names = {row[0]: row[1] for row in rows if len(row) == 2}
    elif (data_dir / DEVKIT / "meta.mat").is_file():
        names = {synset: words for synset, words in _devkit(data_dir).values()}
    else:
        names = {}
    return {synset: tuple(names[synset].split(", ")) for synset in sorted(names)}


def _synsets_of_files(data_dir: Path) -> dict[str, str]:
    """File stem -> synset, for a folder in which all images lie side by side."""
    if (data_dir / SOLUTION).is_file():
        rows = read_rows(data_dir / SOLUTION, num_columns=2, separator=",")
        return {name: answer.split()[0] for name, answer in rows if answer.strip()}
    path = first_existing([data_dir / DEVKIT / GROUND_TRUTH], GUIDE)
    first_existing([data_dir / DEVKIT / "meta.mat"], GUIDE)
    synsets = {str(number): synset for number, (synset, _) in _devkit(data_dir).items()}
    answers = [row[0] for row in read_rows(path, num_columns=1)]
    if not set(answers) <= synsets.keys():
        raise UserError(f"{path} holds other lines than the numbers of meta.mat. {GUIDE}")
    return {f"ILSVRC2012_val_{n:08d}": synsets[answer] for n, answer in enumerate(answers, 1)}


def _devkit(data_dir: Path) -> dict[int, tuple[str, str]]:
    """ILSVRC2012_ID -> synset and words, of the 1,000 classes (the ids above are their parents)."""
    return read_synsets(data_dir / DEVKIT / "meta.mat")


def _synset(path: Path, synsets: dict[str, str]) -> str:
    if path.stem not in synsets:
        raise UserError(f"the list of answers doesn't name {path.name}. {GUIDE}")
    return synsets[path.stem]
