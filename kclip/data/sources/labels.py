"""Reads labels from a file of their own and adds them to records."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import normpath
from typing import Any

from kclip.data.image_record import ImageRecord
from kclip.data.sources.class_columns import read_class_columns
from kclip.data.sources.tables import csv_columns, read_csv, read_json
from kclip.errors import UserError


def read_labels_csv(path: Path) -> dict[str, tuple[str, ...]]:
    """Reads image name -> labels.

    Args:
        path: CSV with header `image,labels` (labels joined by `;`) or `image,tags` (by spaces),
            or one with a column for each class, see `read_class_columns`. Rows without an image's
            name are of no image and left aside.

    Raises:
        UserError: the file can't be read, or its header is none of these.
    """
    columns = csv_columns(path)
    if not {"labels", "tags"} & set(columns):
        return read_class_columns(path)
    column, separator = ("tags", None) if "tags" in columns else ("labels", ";")
    labels: dict[str, tuple[str, ...]] = {}
    for _, (image, cell) in read_csv(path, ("image", column)):
        if image:
            names = (name.strip() for name in cell.split(separator))
            labels[normpath(image)] = labels.get(normpath(image), ()) + tuple(filter(None, names))
    return labels


def read_coco_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Reads image id -> names of the categories it shows, in the order of the category list.

    Args:
        path: an instances JSON such as `instances_train2017.json`.

    Raises:
        UserError: the file can't be read, or is of another kind.
    """
    return coco_labels(read_json(path, ("annotations", "categories")), path)


def coco_labels(content: Mapping[str, Any], path: Path) -> dict[str, tuple[str, ...]]:
    """Does as `read_coco_labels` with the content of the file at `path`."""
    names = {category["id"]: category["name"] for category in content["categories"]}
    found: dict[str, set[int]] = {}
    for annotation in content["annotations"]:
        if annotation.get("category_id") not in names:
            raise UserError(
                f"{path} has an annotation without a known category_id; "
                "expected an instances file such as instances_train2017.json."
            )
        found.setdefault(str(annotation["image_id"]), set()).add(annotation["category_id"])
    return {image: tuple(names[i] for i in names if i in ids) for image, ids in found.items()}


def add_labels(
    records: list[ImageRecord], labels: Mapping[str, tuple[str, ...]], path: Path
) -> list[ImageRecord]:
    """Returns the records with the labels that belong to their ids.

    Raises:
        UserError: no record has labels, so the file is of other images.
    """
    if not any(record.id in labels for record in records):
        raise UserError(f"{path} has labels for none of the {len(records)} images; give another.")
    return [replace(record, labels=labels.get(record.id, ())) for record in records]
