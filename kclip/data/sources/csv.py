"""Reads CSVs of captions, of labels, or both, into records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.assembling import check_some_exist, clean_captions, with_labels
from kclip.data.sources.class_spelling import settle_spelling
from kclip.data.sources.image_files import FoundFiles, ImageFolder, tidy_name
from kclip.data.sources.label_table import read_label_table
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.data.sources.split_lists import Splits, read_split_lists, split_in_table
from kclip.data.sources.tables import (
    CAPTION_NAMES,
    IMAGE_NAMES,
    SPLIT_NAMES,
    Table,
    line_name,
    read_table,
)
from kclip.data.sources.text_files import quoted
from kclip.errors import UserError


@dataclass(frozen=True)
class _CaptionTable:
    """Image name -> captions, image name -> split, and what was left out."""

    captions: dict[str, list[str]]
    splits: dict[str, str]
    rejections: list[Rejection]
    notes: tuple[str, ...]


def read_csv_source(
    images_dir: Path,
    captions: Path | None,
    labels: Path | None,
    split_files: Mapping[str, Path] = MappingProxyType({}),
    options: ReadingOptions = DEFAULTS,
) -> Source:
    """Reads a CSV of captions, a CSV of labels, or both.

    Args:
        images_dir: folder of the images.
        captions: has a column `image` with paths below `images_dir`, a column `caption` with one
            caption a row or a list of them, and perhaps a column `split`. Where it is given, it
            says which images there are.
        labels: see `read_label_table`. Without captions its images are taken, and those whose cell
            is empty show none of the classes. With captions, images that it does not name are of
            unknown labels.
        split_files: split name -> text file with one image name a line. Where given, only listed
            images are taken. Without them and without a column `split` all go to `train`.
        options: of the tables.

    Returns:
        Records in the order of the table, with `id` = `file_name` = the name in the table.

    Raises:
        UserError: neither is given, a file can't be read, a column is absent or unclear, or no
            named image exists.
    """
    if captions is None and labels is None:
        raise UserError("neither captions nor labels are given; give --captions or --labels.")
    folder = ImageFolder(images_dir, options.allow_outside)
    if captions is None:
        assert labels is not None
        source = _from_labels(folder, labels, split_files, options)
    else:
        source = _from_captions(folder, captions, labels, split_files, options)
    return settle_spelling(source, options.similar_names)


def _from_captions(
    folder: ImageFolder,
    captions: Path,
    labels: Path | None,
    split_files: Mapping[str, Path],
    options: ReadingOptions,
) -> Source:
    table = _caption_table(captions, options)
    found = folder.find_all(table.captions)
    splits = _splits(folder, found, split_files, table.splits, captions)
    rejections = [*table.rejections, *found.rejections, *splits.rejections]
    records = []
    for name, path in found.paths.items():
        split = splits.of_file.get(path)
        kept = clean_captions(name, table.captions[name], rejections) if split else ()
        if split and kept:
            records.append(ImageRecord(name, name, path, kept, (), split))
    check_some_exist(records, folder.path, captions, rejections)
    source = Source(records, rejections, table.notes + splits.notes)
    return _labelled(folder, source, found, labels, options) if labels else source


def _labelled(
    folder: ImageFolder,
    source: Source,
    captioned: FoundFiles,
    labels: Path,
    options: ReadingOptions,
) -> Source:
    table = read_label_table(labels, options)
    found = folder.find_all(table.labels)
    of_file = {path: table.labels[name] for name, path in found.paths.items()}
    named = {path: name for name, path in found.paths.items()}
    joined = with_labels(source, of_file, named, captioned.paths.values(), labels)
    rejections = [*joined.rejections, *table.rejections, *found.rejections]
    return Source(joined.records, rejections, joined.notes + table.notes)


def _from_labels(
    folder: ImageFolder, labels: Path, split_files: Mapping[str, Path], options: ReadingOptions
) -> Source:
    table = read_label_table(labels, options)
    found = folder.find_all(table.labels)
    splits = _splits(folder, found, split_files, {}, labels)
    records = [
        ImageRecord(name, name, path, (), table.labels[name], splits.of_file[path])
        for name, path in found.paths.items()
        if path in splits.of_file
    ]
    rejections = [*table.rejections, *found.rejections, *splits.rejections]
    check_some_exist(records, folder.path, labels, rejections)
    return Source(records, rejections, table.notes + splits.notes)


def _splits(
    folder: ImageFolder,
    found: FoundFiles,
    split_files: Mapping[str, Path],
    of_name: Mapping[str, str],
    table: Path,
) -> Splits:
    """The split of each file: by the lists, by the table's own column, or `train`."""
    if not split_files:
        return Splits({path: of_name.get(name, "train") for name, path in found.paths.items()})
    if of_name:
        raise UserError(
            f"{table} has a column of splits and --split-lists is given; leave out one of them."
        )
    return read_split_lists(split_files, folder, found, table)


def _caption_table(path: Path, options: ReadingOptions) -> _CaptionTable:
    table = read_table(path, options)
    image, caption = _columns(table, options)
    split = table.find(SPLIT_NAMES, None, "the header")
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    rejections = list(table.rejections)
    for line, row in table.rows:
        name = tidy_name(row[image]) if row[image] else ""
        if not name:
            rejections.append(Rejection(line_name(table, line), "no file name"))
            continue
        own = "train" if split is None else split_in_table(row[split], f"{path} line {line}")
        if splits.setdefault(name, own) != own:
            reason = f"duplicate id: {name} is in {splits[name]} already"
            rejections.append(Rejection(line_name(table, line), reason))
            continue
        captions.setdefault(name, []).append(row[caption])
    notes = table.left_aside(image, caption, split)
    return _CaptionTable(captions, splits if split is not None else {}, rejections, notes)


def _columns(table: Table, options: ReadingOptions) -> tuple[int, int]:
    image = table.find(IMAGE_NAMES, options.image_column, "--image-column")
    caption = table.find(CAPTION_NAMES, options.caption_column, "--caption-column")
    if image is None or caption is None:
        raise UserError(
            f"{table.path} has the columns {quoted(table.columns)}; expected 'image', 'caption' "
            "in its first line, or other names as --image-column and --caption-column."
        )
    return image, caption
