"""NUS-WIDE in its official layout, with the classes of its zero-shot protocol."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kclip.console.progress import ProgressBar
from kclip.data.image_record import ImageRecord, Source
from kclip.data.sources.assembling import check_some_exist
from kclip.data.sources.layout import first_existing
from kclip.data.sources.text_files import read_list
from kclip.errors import UserError
from kclip.files import path_inside

GUIDE = (
    "NUS-WIDE is on lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html: "
    "unpack ImageList.zip, ConceptsList.zip, NUS_WID_Tags.zip and Groundtruth.zip in the folder "
    "that --data-dir names; the images are sent on request and belong into its folder Flickr, or "
    "wherever --images says."
)
SPLITS = {"train": "Train", "test": "Test"}
TAG_FOLDERS = ("NUS_WID_Tags", "NUS_WIDE_Tags", "Tags", ".")
CONCEPT_FOLDERS = ("ConceptsList", ".", *TAG_FOLDERS)
LIST_FOLDERS = ("ImageList", "ImageLists", "Imagelist", ".")
TRUTH_FOLDERS = tuple(
    f"{outer}{inner}"
    for inner in ("TrainTestLabels", "Train_Test_Labels")
    for outer in ("", "Groundtruth/", "GroundTruth/", "groundtruth/")
)
IMAGE_FOLDERS = ("Flickr", "flickr", "Flickr/Flickr", "images", "Images", "image")


@dataclass(frozen=True)
class NusWideClasses:
    """The classes of the zero-shot protocol (BiAM, Narayan et al. 2021, section 4.1).

    Attributes:
        seen: the 1,000 most frequent tags without those among the concepts: 925, in the order of
            `TagList1k.txt`.
        unseen: the 81 concepts that people have checked, in the order of `Concepts81.txt`.
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @classmethod
    def from_folder(cls, data_dir: Path) -> "NusWideClasses":
        """Reads `TagList1k.txt` and `Concepts81.txt`.

        Raises:
            UserError: one of them is missing or no text.
        """
        unseen = read_list(_find(data_dir, CONCEPT_FOLDERS, "Concepts81.txt"))
        tags = read_list(_find(data_dir, TAG_FOLDERS, "TagList1k.txt"))
        return cls(tuple(tag for tag in tags if tag not in set(unseen)), tuple(unseen))


def read_nus_wide(data_dir: Path, images_dir: Path | None = None) -> Source:
    r"""Reads the images of both splits with their labels.

    An image's labels are its tags among the 925 seen classes, which its photographer gave it, and
    its concepts among the 81, which people have checked. A tag that names a concept does not
    count.

    Args:
        data_dir: holds `ImageList`, `ConceptsList`, `NUS_WID_Tags` and `TrainTestLabels` (or
            `Groundtruth/TrainTestLabels`).
        images_dir: folder of the images, in the sub-folders of the lists (`actor\0001_1.jpg`) or
            without them; `data_dir/Flickr` by default.

    Returns:
        Records of the splits `train` and `test` in the order of the lists; images that are missing
        are among them.

    Raises:
        UserError: a file is missing, is damaged, or does not belong to the others.
    """
    classes = NusWideClasses.from_folder(data_dir)
    names = {split: _read_names(data_dir, split) for split in SPLITS}
    tags = _read_tags(data_dir, classes.seen)
    images = images_dir or _find_folder(data_dir, IMAGE_FOLDERS, "Flickr")
    truth = _find_folder(data_dir, TRUTH_FOLDERS, "TrainTestLabels")
    flat = _is_flat(images, names["train"] + names["test"])
    records = []
    for split, own in names.items():
        concepts = _read_concepts(truth, classes.unseen, split, len(own))
        for name, truths in zip(own, concepts, strict=True):
            file_name = PurePosixPath(name).name if flat else name
            path = path_inside(images, file_name, follow_links=True)
            labels = (*tags.get(_photo_id(name), ()), *truths)
            records.append(ImageRecord(name, name, path, (), labels, split))
    if not any(_photo_id(record.file_name) in tags for record in records):
        raise UserError(f"All_Tags.txt has none of the {len(records)} images of the lists. {GUIDE}")
    check_some_exist(records, images, data_dir)
    return Source(records, [])


def _read_names(data_dir: Path, split: str) -> list[str]:
    names = read_list(_find(data_dir, LIST_FOLDERS, f"{SPLITS[split]}Imagelist.txt"))
    return [name.replace("\\", "/").removeprefix("./") for name in names]


def _read_tags(data_dir: Path, seen: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Photo id -> its tags among the seen classes, in their order."""
    path = _find(data_dir, TAG_FOLDERS, "All_Tags.txt")
    ranks = {tag: rank for rank, tag in enumerate(seen)}
    tags = {}
    # Tags in other encodings than UTF-8 are none of the classes.
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            photo_id, *words = line.split() or [""]
            tags[photo_id] = tuple(sorted(ranks.keys() & set(words), key=ranks.__getitem__))
    return tags


def _read_concepts(
    truth: Path, concepts: tuple[str, ...], split: str, num_images: int
) -> list[list[str]]:
    """The concepts of each image of a split, in the order of the list."""
    found: list[list[str]] = [[] for _ in range(num_images)]
    for concept in ProgressBar(concepts, desc=f"Reading the concepts of {split}"):
        path = first_existing([truth / f"Labels_{concept}_{SPLITS[split]}.txt"], GUIDE)
        for row in _positive_rows(path, num_images):
            found[row].append(concept)
    return found


def _positive_rows(path: Path, num_images: int) -> Iterator[int]:
    values = read_list(path)
    if len(values) != num_images or not set(values) <= {"0", "1"}:
        raise UserError(
            f"{path} has {len(values)} lines with {', '.join(sorted(set(values))[:3])}; expected "
            f"0 or 1 for each of the {num_images} images of the list. {GUIDE}"
        )
    return (row for row, value in enumerate(values) if value == "1")


def _photo_id(name: str) -> str:
    """Flickr's number of a photograph, with which `All_Tags.txt` begins its lines.

    Example:
        >>> _photo_id("actor/0001_2124494179.jpg")
        '2124494179'
    """
    return PurePosixPath(name).stem.rpartition("_")[2]


def _is_flat(images: Path, names: list[str]) -> bool:
    """Whether the images lie without the sub-folders of the lists."""
    return not any((images / name).exists() for name in names) and any(
        (images / PurePosixPath(name).name).exists() for name in names
    )


def _find(data_dir: Path, folders: tuple[str, ...], name: str) -> Path:
    return first_existing([data_dir / folder / name for folder in folders], GUIDE)


def _find_folder(data_dir: Path, names: tuple[str, ...], usual: str) -> Path:
    return first_existing([data_dir / usual, *(data_dir / name for name in names)], GUIDE)
