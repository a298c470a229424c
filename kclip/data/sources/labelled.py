"""Reads tables that have captions, labels or both into records."""

from collections.abc import Mapping
from pathlib import Path

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.captions import (
    check_some_exist,
    coco_names,
    read_captions_csv,
    read_coco_captions,
    read_splits,
)
from kclip.data.sources.labels import add_labels, coco_labels, read_coco_labels, read_labels_csv
from kclip.data.sources.tables import read_json
from kclip.errors import UserError


def read_csv_source(
    images_dir: Path,
    captions: Path | None,
    labels: Path | None,
    split_files: Mapping[str, Path],
) -> Source:
    """Reads a CSV of captions, a CSV of labels, or both.

    Args:
        images_dir: folder of the images.
        captions: see `read_captions_csv`. Where given, it says which images there are.
        labels: see `read_labels_csv`. Images whose cell is empty are kept: they show none of the
            classes.
        split_files: as in `read_captions_csv`.

    Raises:
        UserError: neither is given, a file can't be read, or no named image exists.
    """
    if captions:
        source = read_captions_csv(captions, images_dir, split_files)
        return _labelled(source, read_labels_csv(labels), labels) if labels else source
    path = _given(labels)
    found = read_labels_csv(path)
    splits, rejections = read_splits(split_files, found)
    records = [
        ImageRecord(name, name, images_dir / name, (), names, splits.get(name, "train"))
        for name, names in found.items()
        if name in splits or not split_files
    ]
    check_some_exist(records, images_dir, path)
    return Source(records, rejections)


def read_coco_source(
    images_dir: Path, captions: Path | None, labels: Path | None, split: str
) -> Source:
    """Reads a captions JSON, an instances JSON, or both.

    Args:
        images_dir: folder of the images.
        captions: see `read_coco_captions`. Where given, it says which images there are.
        labels: see `read_coco_labels`. Without captions, images without an annotation are kept:
            they show none of the classes.
        split: the split that the records go to.

    Raises:
        UserError: neither is given, a file is of another kind, or no named image exists.
    """
    if captions:
        source = read_coco_captions(captions, images_dir, split)
        return _labelled(source, read_coco_labels(labels), labels) if labels else source
    path = _given(labels)
    content = read_json(path, ("images", "annotations", "categories"))
    try:
        names, rejections = coco_names(content["images"])
    except KeyError as error:
        raise UserError(f"{path} has an image without {error}; expected COCO's form.") from None
    found = coco_labels(content, path)
    rejections += [
        Rejection(f"image_id {id_}", "labels for an unknown image")
        for id_ in found.keys() - {str(id_) for id_ in names}
    ]
    records = [
        ImageRecord(str(id_), name, images_dir / name, (), found.get(str(id_), ()), split)
        for id_, name in names.items()
    ]
    check_some_exist(records, images_dir, path)
    return Source(records, rejections)


def _labelled(source: Source, labels: Mapping[str, tuple[str, ...]], path: Path) -> Source:
    return Source(add_labels(source.records, labels, path), source.rejections)


def _given(labels: Path | None) -> Path:
    if labels is None:
        raise UserError("neither captions nor labels are given; give --captions or --labels.")
    return labels
