"""THE list of sources: what each needs, what it may have, and what reads it.

A new source is a file beside this one that returns a `Source`, and an entry here.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from kclip.data.image_record import Source
from kclip.data.images.listing import find_images
from kclip.data.sources.assembling import with_unknown_labels
from kclip.data.sources.class_spelling import settle_spelling
from kclip.data.sources.coco import read_coco_source
from kclip.data.sources.csv import read_csv_source
from kclip.data.sources.folders import read_class_folders
from kclip.data.sources.karpathy import read_karpathy
from kclip.data.sources.nus_wide import read_nus_wide
from kclip.data.sources.reading_options import ReadingOptions
from kclip.data.sources.selection import VALIDATION_SPLIT, merge
from kclip.data.sources.source_options import SourceOptions
from kclip.data.sources.split_options import parse_named
from kclip.data.sources.synthetic.generation import generate_scenes
from kclip.data.sources.tfds import TFDSSource
from kclip.data.sources.voc import VOC_YEAR, read_voc
from kclip.errors import UserError
from kclip.files import printable


@dataclass(frozen=True)
class SourceKind:
    """One kind of source.

    Attributes:
        read: gives the sources of the splits; the path is a folder for images that it makes.
        needs: options that must be given.
        may_have: options that it takes; others would be ignored without a word.
    """

    read: Callable[[SourceOptions, Path], list[Source]]
    needs: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()


def read_source(options: SourceOptions, made_images: Path) -> Source:
    """Reads the source that the options name.

    Args:
        options: the user's.
        made_images: folder for images that the source generates or fetches.

    Returns:
        All its records, ids and files of which come once.

    Raises:
        UserError: an option is missing or has no meaning with this source, or the data can't be
            read.
    """
    check_source_options(options)
    source = merge(SOURCES[options.source].read(options, made_images))
    if "similar_names" in SOURCES[options.source].may_have:
        source = settle_spelling(source, options.similar_names)
    if "allow_outside" in SOURCES[options.source].may_have:  # tables say which images there are
        notes = tuple(_unused(folder, source) for folder in _image_folders(options))
        source = replace(source, notes=source.notes + tuple(filter(None, notes)))
    return source


def _image_folders(options: SourceOptions) -> list[Path]:
    given = (options.images, options.validation_images)
    return list(dict.fromkeys(folder for folder in given if folder))


def _unused(folder: Path, source: Source) -> str:
    """A sentence on images in a folder that no record is of; "" where there are none."""
    used = {os.path.abspath(r.image) for r in source.records if isinstance(r.image, Path)}
    try:
        paths = find_images(folder).paths
    except UserError:  # nothing that looks like an image: names without a suffix
        return ""
    unused = [path for path in paths if os.path.abspath(path) not in used]
    if not unused:
        return ""
    return (
        f"{len(unused)} of {len(paths)} images in {folder} are in no record (such as "
        f"{printable(str(unused[0].relative_to(folder)))})"
    )


def check_source_options(options: SourceOptions) -> None:
    """Raises `UserError` where an option is missing or has no meaning with the source."""
    kind = SOURCES[options.source]
    for name in kind.needs:
        if getattr(options, name) is None:
            raise UserError(f"--source {options.source} needs {_flag(name)}; see --help.")
    defaults = SourceOptions()
    for name in sorted({field.name for field in fields(SourceOptions)} - {"source", "seed"}):
        is_given = getattr(options, name) != getattr(defaults, name)
        if is_given and name not in kind.needs + kind.may_have:
            raise UserError(f"{_flag(name)} has no meaning with --source {options.source}.")


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")


def _read_synthetic(options: SourceOptions, made_images: Path) -> list[Source]:
    generate_scenes(made_images, seed=options.seed)
    lists = {"train": made_images / "train.txt", VALIDATION_SPLIT: made_images / "dev.txt"}
    tables = (made_images / "captions.csv", made_images / "labels.csv")
    return [read_csv_source(made_images / "images", *tables, lists)]


def _read_csv(options: SourceOptions, made_images: Path) -> list[Source]:
    lists = parse_named("--split-lists", options.split_lists)
    if "" in lists:
        raise UserError(f"--split-lists got {lists['']!r}; expected NAME=FILE.")
    files = {name: Path(file) for name, file in lists.items()}
    tables = (options.captions, options.labels)
    return [read_csv_source(_given(options.images), *tables, files, options)]


def _read_coco(options: SourceOptions, made_images: Path) -> list[Source]:
    images = _given(options.images)
    tables = (options.captions, options.labels)
    sources = [read_coco_source(images, *tables, "train", options)]
    tables = (options.validation_captions, options.validation_labels)
    if tables[0] or (tables[1] and not options.captions):
        folder = options.validation_images or images
        validation = read_coco_source(folder, *tables, VALIDATION_SPLIT, options)
        if options.labels and not tables[1]:
            validation = with_unknown_labels(validation, "--validation-labels is not given")
        sources.append(validation)
    elif options.validation_images or options.validation_labels:
        needed = "captions" if options.captions else "labels"
        raise UserError(f"a COCO validation split needs --validation-{needed}; see --help.")
    return sources


def _read_karpathy(options: SourceOptions, made_images: Path) -> list[Source]:
    return [read_karpathy(_given(options.images), _given(options.captions), options)]


def _read_folders(options: SourceOptions, made_images: Path) -> list[Source]:
    folders = read_class_folders(_given(options.images), options.split)
    return [folders.as_source(options.split)]


def _read_nus_wide(options: SourceOptions, made_images: Path) -> list[Source]:
    return [read_nus_wide(_given(options.data_dir), options.images)]


def _read_voc(options: SourceOptions, made_images: Path) -> list[Source]:
    return [read_voc(_given(options.data_dir), options.year or VOC_YEAR)]


def _read_tfds(options: SourceOptions, made_images: Path) -> list[Source]:
    return [TFDSSource(str(options.dataset), options.data_dir, made_images).read()]


def _given(path: Path | None) -> Path:
    if path is None:
        raise UserError("a path is missing; see --help.")
    return path


_READING = tuple(field.name for field in fields(ReadingOptions))
_LABELS = ("similar_names", "validation_fraction")
SOURCES = {
    "synthetic": SourceKind(_read_synthetic),
    "csv": SourceKind(
        _read_csv, ("images",), ("captions", "labels", "split_lists", *_READING, *_LABELS)
    ),
    "coco": SourceKind(
        _read_coco,
        ("images",),
        (
            "captions",
            "labels",
            "validation_images",
            "validation_captions",
            "validation_labels",
            "allow_outside",
            *_LABELS,
        ),
    ),
    "karpathy": SourceKind(
        _read_karpathy, ("images", "captions"), ("validation_fraction", "allow_outside")
    ),
    "folders": SourceKind(_read_folders, ("images",), ("split", *_LABELS)),
    "nus_wide": SourceKind(_read_nus_wide, ("data_dir",), ("images", "validation_fraction")),
    "voc": SourceKind(_read_voc, ("data_dir",), ("year", "validation_fraction")),
    "tfds": SourceKind(_read_tfds, ("dataset",), ("data_dir", "validation_fraction")),
}
