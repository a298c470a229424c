"""Reads what users have (a CSV or COCO JSON of captions, class folders) into records.

Readers look at names and captions only; images are opened when they are written.
"""

from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from posixpath import normpath
from types import MappingProxyType
from typing import Any

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.tables import read_csv, read_json, read_list
from kclip.errors import UserError


def read_captions_csv(
    csv_path: Path,
    images_dir: Path,
    split_files: Mapping[str, Path] = MappingProxyType({}),
) -> Source:
    """Reads a CSV with header `image,caption`, one row per caption.

    Args:
        csv_path: the table; `image` is a path below `images_dir`.
        images_dir: folder of the images.
        split_files: split name -> text file with one image name a line. Where given, only listed
            images are taken; without it all go to the split `train`.

    Returns:
        Records in the order of the table, with `id` = `file_name`.

    Raises:
        UserError: a file or folder is missing, a column is absent, or no named image exists.
    """
    captions: dict[str, list[str]] = {}
    rejections = []
    for line, (image, caption) in read_csv(csv_path, ("image", "caption")):
        if image:
            captions.setdefault(normpath(image), []).append(caption)
        else:
            rejections.append(Rejection(f"{csv_path.name} line {line}", "no file name"))
    splits, split_rejections = read_splits(split_files, captions)
    rejections += split_rejections
    records = []
    for name, texts in captions.items():
        split = splits.get(name) if split_files else "train"
        kept = clean_captions(name, texts, rejections) if split else ()
        if split and kept:
            records.append(ImageRecord(name, name, images_dir / name, kept, (), split))
    check_some_exist(records, images_dir, csv_path)
    return Source(records, rejections)


def read_coco_captions(json_path: Path, images_dir: Path, split: str = "train") -> Source:
    """Reads a COCO captions JSON (`captions_train2017.json` and its like).

    Args:
        json_path: holds `images` (id, file_name) and `annotations` (image_id, caption).
        images_dir: folder of the images.
        split: the split that the records go to.

    Returns:
        Records in the order of `images`, with the image's id as `id`.

    Raises:
        UserError: a file or folder is missing, or the JSON is of another kind.
    """
    content = read_json(json_path, ("images", "annotations"))
    try:
        names, rejections = coco_names(content["images"])
        captions, more = _coco_captions(content["annotations"], names, json_path)
    except KeyError as error:
        raise UserError(
            f"{json_path} has an entry without {error}; expected COCO's form."
        ) from None
    rejections += more
    records = []
    for image_id, name in names.items():
        kept = clean_captions(name, captions[image_id], rejections)
        if kept:
            records.append(ImageRecord(str(image_id), name, images_dir / name, kept, (), split))
    check_some_exist(records, images_dir, json_path)
    return Source(records, rejections)


def clean_captions(
    file_name: str, captions: Iterable[Any], rejections: list[Rejection]
) -> tuple[str, ...]:
    """Strips captions and drops empty ones, naming them in `rejections`."""
    texts = [as_text(caption).strip() if caption is not None else "" for caption in captions]
    if not texts:
        rejections.append(Rejection(file_name, "no caption"))
    rejections += [Rejection(file_name, "empty caption") for text in texts if not text]
    return tuple(text for text in texts if text)


def as_text(value: Any) -> str:
    """Text that UTF-8 can hold: broken surrogates of file names and JSON become `?`."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def read_splits(
    split_files: Mapping[str, Path], named: Container[str]
) -> tuple[dict[str, str], list[Rejection]]:
    """Reads which images belong to which split.

    Args:
        split_files: split name -> text file with one image name a line.
        named: the images that the table names.

    Returns:
        image -> split, and what the files list twice or the table does not name.
    """
    splits: dict[str, str] = {}
    rejections = []
    for split, path in split_files.items():
        for name in map(normpath, read_list(path)):
            if name in splits:
                reason = f"duplicate id: listed for {split}, but in {splits[name]} already"
                rejections.append(Rejection(name, reason))
            elif name not in named:
                rejections.append(Rejection(name, f"no row: listed in {path.name} only"))
            else:
                splits[name] = split
    return splits, rejections


def coco_names(images: list[dict[str, Any]]) -> tuple[dict[int, str], list[Rejection]]:
    """Reads image id -> file name from the `images` of a COCO JSON, and which ids come twice."""
    names: dict[int, str] = {}
    rejections = []
    for image in images:
        if image["id"] in names:
            rejections.append(Rejection(image["file_name"], f"duplicate id: {image['id']}"))
        else:
            names[image["id"]] = image["file_name"]
    return names, rejections


def _coco_captions(
    annotations: list[dict[str, Any]], names: Mapping[int, str], json_path: Path
) -> tuple[dict[int, list[str]], list[Rejection]]:
    captions: dict[int, list[str]] = {image_id: [] for image_id in names}
    rejections = []
    for annotation in annotations:
        if "caption" not in annotation:
            raise UserError(
                f"the annotations of {json_path} hold {', '.join(sorted(annotation))} but no "
                "caption; expected a captions file such as captions_train2017.json."
            )
        image_id = annotation["image_id"]
        if image_id in captions:
            captions[image_id].append(annotation["caption"])
        else:
            rejections.append(Rejection(f"image_id {image_id}", "caption for an unknown image"))
    return captions, rejections


def check_some_exist(records: list[ImageRecord], images_dir: Path, table: Path) -> None:
    """Raises `UserError` if all files are missing: the folder is wrong; one is a rejection."""
    if not images_dir.is_dir():
        raise UserError(f"{images_dir} is not a folder; give the folder that holds the images.")
    if not records:
        raise UserError(f"{table} leads to no image; nothing can be built.")
    paths = (record.image for record in records)
    if not any(isinstance(path, Path) and path.exists() for path in paths):
        raise UserError(
            f"none of the {len(records)} images that {table} names lies in {images_dir} "
            f"(the first is {records[0].file_name}); give their folder as --images."
        )
