"""Reads Karpathy's JSON of captions with splits, such as `dataset_flickr8k.json`, into records."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.assembling import as_text, check_some_exist, clean_captions
from kclip.data.sources.coco_file import coco_id
from kclip.data.sources.image_files import ImageFolder, tidy_name
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.data.sources.split_lists import split_in_table
from kclip.data.sources.text_files import quoted, read_json
from kclip.errors import UserError

_REST = {"restval": "train"}  # what COCO's validation images are for that no other split took


def read_karpathy(images_dir: Path, captions: Path, options: ReadingOptions = DEFAULTS) -> Source:
    """Reads the images of all splits; `val` becomes `validation` and `restval` `train`.

    Args:
        images_dir: folder of the images, with the sub-folders that `filepath` names (those of
            COCO) or without them.
        captions: holds `images`, each with `filename`, `split` and `sentences`, which hold `raw`
            texts or `tokens`.
        options: of images outside of the folder.

    Returns:
        Records in the order of the file, with `imgid` as `id`.

    Raises:
        UserError: the file is of another kind, or no named image exists.
    """
    entries = read_json(captions, ("images",))["images"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{captions} holds no list of images; expected Karpathy's form.")
    named: dict[str, tuple[int, Mapping[str, Any]]] = {}
    rejections: list[Rejection] = []
    is_flat = _is_flat(images_dir, entries)
    for number, entry in enumerate(entries):
        name = tidy_name(_name(entry, is_flat, f"{captions} images[{number}]"))
        if name in named:
            rejections.append(Rejection(name, f"listed twice: images[{number}] of {captions.name}"))
        else:
            named[name] = number, entry
    files = ImageFolder(images_dir, options.allow_outside).find_all(named)
    rejections += files.rejections
    records = []
    for name, path in files.paths.items():
        number, entry = named[name]
        where = f"{captions} images[{number}]"
        kept = clean_captions(name, _sentences(entry, where), rejections)
        if kept:
            word = str(entry.get("split", ""))
            split = _REST.get(word) or split_in_table(word, where)
            id_ = coco_id(entry.get("imgid")) or name
            records.append(ImageRecord(id_, name, path, kept, (), split))
    check_some_exist(records, images_dir, captions, rejections)
    return Source(records, rejections)


def _name(entry: Mapping[str, Any], is_flat: bool, where: str) -> str:
    name, folder = entry.get("filename"), entry.get("filepath")
    if not isinstance(name, str) or not name:
        raise UserError(
            f"{where} has {quoted(sorted(entry))}, but no 'filename'; expected Karpathy's form."
        )
    return as_text(name if is_flat or not folder else f"{folder}/{name}")


def _is_flat(images_dir: Path, entries: list[dict[str, Any]]) -> bool:
    folders = {str(entry["filepath"]) for entry in entries if entry.get("filepath")}
    return not any(os.path.isdir(images_dir / folder) for folder in folders)


def _sentences(entry: Mapping[str, Any], where: str) -> list[str]:
    sentences = entry.get("sentences")
    if not isinstance(sentences, list) or not all(isinstance(item, dict) for item in sentences):
        raise UserError(f"{where} has no list of 'sentences'; expected Karpathy's form.")
    return [_sentence(item, where) for item in sentences]


def _sentence(item: Mapping[str, Any], where: str) -> str:
    raw, tokens = item.get("raw"), item.get("tokens")
    if isinstance(raw, str):
        return raw
    if raw is None and isinstance(tokens, list):
        return " ".join(map(str, tokens))
    raise UserError(
        f"{where} has a sentence with {quoted(sorted(item))}; expected a text 'raw' or a list "
        "'tokens', as in Karpathy's form."
    )
