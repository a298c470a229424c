"""The content of a COCO JSON, as COCO itself and other tools write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kclip.data.image_record import Rejection
from kclip.data.sources.assembling import as_text
from kclip.data.sources.image_files import tidy_name
from kclip.data.sources.text_files import quoted, read_json
from kclip.errors import UserError


@dataclass(frozen=True)
class CocoFile:
    """A COCO JSON whose entries have been checked.

    Attributes:
        path: the file.
        names: image id -> file name, in the order of `images`. Ids are texts, so that 7, 7.0 and
            "7" are one.
        annotations: (image id, annotation), in their order.
        categories: category id -> name, in the order of `categories`; empty where not asked for.
        rejections: images whose id is another one's.
    """

    path: Path
    names: dict[str, str]
    annotations: list[tuple[str, Mapping[str, Any]]]
    categories: dict[str, str]
    rejections: list[Rejection]

    def strangers(self, what: str) -> list[Rejection]:
        """Names the image ids that annotations have and `images` lacks, once for each of them."""
        return [
            Rejection(f"image_id {id_}", f"{what} for an unknown image")
            for id_, _ in self.annotations
            if id_ not in self.names
        ]


def read_coco_file(path: Path, with_categories: bool = False) -> CocoFile:
    """Reads `images`, `annotations` and, where asked for, `categories`.

    Lists may be objects, too, whose values are the entries.

    Raises:
        UserError: the file is no such JSON, or an entry lacks its id or name.
    """
    keys = ("images", "annotations", *["categories"] * with_categories)
    content = read_json(path, keys)
    names: dict[str, str] = {}
    rejections = []
    for image, where in _entries(content["images"], "images", path):
        id_, name = _id(image, "id", where), tidy_name(_text(image, "file_name", where))
        if names.setdefault(id_, name) != name:
            rejections.append(Rejection(name, f"duplicate id: {id_}"))
    annotations = [
        (_id(entry, "image_id", where), entry)
        for entry, where in _entries(content["annotations"], "annotations", path)
    ]
    categories = _categories(content["categories"], path) if with_categories else {}
    return CocoFile(path, names, annotations, categories, rejections)


def coco_id(value: Any) -> str | None:
    """An id as a text; None where it is none.

    Example:
        >>> coco_id(7), coco_id(7.0), coco_id(" 7 "), coco_id(None)
        ('7', '7', '7', None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return as_text(value).strip() or None


def _categories(entries: Any, path: Path) -> dict[str, str]:
    if isinstance(entries, dict) and all(isinstance(name, str) for name in entries.values()):
        entries = [{"id": id_, "name": name} for id_, name in entries.items()]
    categories: dict[str, str] = {}
    for entry, where in _entries(entries, "categories", path):
        id_ = _id(entry, "id", where)
        if id_ in categories:
            raise UserError(f"{where} has the id {id_} of another one; expected COCO's form.")
        categories[id_] = _text(entry, "name", where)
    return categories


def _entries(entries: Any, key: str, path: Path) -> list[tuple[Mapping[str, Any], str]]:
    """The entries of a list, each with what messages call it."""
    found = list(entries.values()) if isinstance(entries, dict) else entries
    if not isinstance(found, list):
        raise UserError(f"{path} has {found!r:.40} as {key!r}; expected a list, as in COCO's form.")
    for number, entry in enumerate(found):
        if not isinstance(entry, dict):
            raise UserError(
                f"{path} has {entry!r:.40} as {key}[{number}]; expected an object, as in COCO's "
                "form."
            )
    noun = {"images": "an image", "annotations": "an annotation", "categories": "a category"}[key]
    return [(entry, f"{path} {key}[{number}], {noun},") for number, entry in enumerate(found)]


def _id(entry: Mapping[str, Any], key: str, where: str) -> str:
    found = coco_id(entry.get(key))
    if found is None:
        raise _absent(entry, key, where)
    return found


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _absent(entry, key, where)
    return as_text(value).strip()


def _absent(entry: Mapping[str, Any], key: str, where: str) -> UserError:
    if entry.get(key) is None:
        return UserError(
            f"{where} is without {key!r} (it has {quoted(sorted(entry))}); expected COCO's form."
        )
    return UserError(f"{where} has {entry[key]!r:.40} as {key!r}; expected COCO's form.")
