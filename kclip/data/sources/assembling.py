"""What readers of captions and labels share: from texts and files to records."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kclip.data.image_record import UNKNOWN, ImageRecord, Rejection, Source
from kclip.data.sources.cells import is_missing, listed_texts
from kclip.errors import UserError


def clean_captions(
    file_name: str, captions: Iterable[Any], rejections: list[Rejection]
) -> tuple[str, ...]:
    """Strips captions and drops empty ones, naming them in `rejections`.

    A caption that is a list, or a text that shows one, such as `['a cat', 'a dog']`, is several.
    Line breaks within a caption become spaces.
    """
    texts = [text for caption in captions for text in _texts(caption)]
    if not texts:
        rejections.append(Rejection(file_name, "no caption"))
    for text in texts:
        if not text:
            rejections.append(Rejection(file_name, "empty caption"))
        elif is_missing(text):
            rejections.append(Rejection(file_name, f"empty caption: it says {text!r}"))
    return tuple(text for text in texts if not is_missing(text))


def _texts(caption: Any) -> list[str]:
    if isinstance(caption, list | tuple):
        return [text for item in caption for text in _texts(item)]
    text = "" if caption is None else as_text(caption).strip()
    listed = listed_texts(text)
    return [re.sub(r"\s*[\r\n]+\s*", " ", item) for item in ([text] if listed is None else listed)]


def as_text(value: Any) -> str:
    """Text that UTF-8 can hold: broken surrogates of file names and JSON become `?`."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def with_labels(
    source: Source,
    labels: Mapping[Any, tuple[str, ...]],
    named: Mapping[Any, str],
    captioned: Iterable[Path | bytes],
    table: Path,
) -> Source:
    """Adds labels to records that came from captions; images without a row are of unknown labels.

    Args:
        source: records of files.
        labels: file -> its labels.
        named: file -> what the table of labels calls it.
        captioned: the files of all images with captions, those of no record included.
        table: where the labels come from.

    Raises:
        UserError: no record has labels, so the table is of other images.
    """
    missing = [record for record in source.records if record.image not in labels]
    if len(missing) == len(source.records):
        raise UserError(f"{table} has labels for none of the {len(missing)} images; give another.")
    known = set(captioned)
    strangers = [
        Rejection(named[path], f"labels for an unknown image: {table.name}", loses_image=False)
        for path in labels
        if path not in known
    ]
    records = [
        replace(record, labels=labels[record.image])
        if record.image in labels
        else replace(record, ignored_labels=(UNKNOWN,))
        for record in source.records
    ]
    notes = source.notes
    if missing:
        notes += (
            f"{table.name} has no labels for {len(missing)} of {len(records)} images (such as "
            f"{missing[0].file_name}): what they show is unknown, so they count neither for nor "
            "against any class",
        )
    if strangers:
        notes += (
            f"images of {table.name} without captions: {len(strangers)} (such as "
            f"{strangers[0].file_name}); rejected.csv names them",
        )
    return Source(records, [*source.rejections, *strangers], notes)


def with_unknown_labels(source: Source, why: str) -> Source:
    """Returns a source of which no image's labels are known, though others of the build have some.

    Args:
        source: records without labels.
        why: for the note.
    """
    records = [replace(record, ignored_labels=(UNKNOWN,)) for record in source.records]
    split = records[0].split
    note = f"the labels of all {len(records)} images of the split {split} are unknown: {why}"
    return replace(source, records=records, notes=(*source.notes, note))


def check_some_exist(
    records: Sequence[ImageRecord],
    images_dir: Path,
    table: Path,
    rejections: Sequence[Rejection] = (),
) -> None:
    """Raises `UserError` if all files are missing: the folder is wrong; one is a rejection."""
    if not images_dir.is_dir():
        raise UserError(f"{images_dir} is not a folder; give the folder that holds the images.")
    if not records:
        why = f" ({rejections[0].file_name[:200]}: {rejections[0].reason})" if rejections else ""
        raise UserError(f"{table} leads to no image; nothing can be built{why}.")
    paths = (record.image for record in records)
    # Unlike `Path.exists`, this is no error where a name is longer than names can be.
    if not any(isinstance(path, Path) and os.path.exists(path) for path in paths):
        raise UserError(
            f"none of the {len(records)} images that {table} names lies in {images_dir} "
            f"(the first is {records[0].file_name[:200]}); give their folder as --images."
        )
