"""Decides which records of a source are built, in which order and split."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from kclip.data.copies.groups import take_groups
from kclip.data.image_record import ImageRecord, Rejection, Source, all_there
from kclip.errors import UserError

VALIDATION_SPLIT = "validation"
# From records to the group of copies that each belongs to.
GroupCopies = Callable[[Sequence[ImageRecord]], Sequence[int] | np.ndarray]


def merge(sources: Iterable[Source]) -> Source:
    """Joins sources into one in which every id and every file comes once.

    Of two records of one file, or of one id in one split, the first stays and the other is
    rejected. Where splits number their images alike, those of the later split get its name before
    their ids.
    """
    sources = list(sources)
    notes = [note for source in sources for note in source.notes]
    rejections = [item for source in sources for item in source.rejections]
    kept: dict[str, ImageRecord] = {}
    files: dict[Path, ImageRecord] = {}
    records = [record for source in sources for record in source.records]
    renamed = _splits_to_rename(records)
    for split in renamed:
        notes.append(
            f"ids of the split {split!r} are those of other images in another split, too; they "
            f"have '{split}/' before them now"
        )
    for record in records:
        if record.split in renamed:
            record = replace(record, id=f"{record.split}/{record.id}")
        first = kept.get(record.id)
        if isinstance(record.image, Path):
            first = files.setdefault(record.image, record) if first is None else first
        if first is not None and first is not record:
            what = record.id if first.id == record.id else record.file_name
            reason = f"duplicate id: {what} is in {first.split} already"
            rejections.append(Rejection(record.file_name, reason))
        else:
            kept[record.id] = record
    fetching = [s.fetch_images for s in sources if s.fetch_images is not all_there]
    fetch = fetching[0] if fetching else all_there
    return Source(list(kept.values()), rejections, tuple(notes), fetch)


def _splits_to_rename(records: Iterable[ImageRecord]) -> list[str]:
    """Splits, an id of which is that of another split's other image."""
    first: dict[str, ImageRecord] = {}
    renamed: dict[str, None] = {}
    for record in records:
        other = first.setdefault(record.id, record)
        if other.split != record.split and other.image != record.image:
            renamed[record.split] = None
    return list(renamed)


def select(
    records: Iterable[ImageRecord],
    *,
    seed: int,
    validation_fraction: float = 0.0,
    max_images: Mapping[str, int] | None = None,
    captions_per_image: int | None = None,
    group_copies: GroupCopies | None = None,
) -> dict[str, list[ImageRecord]]:
    """Shuffles each split and cuts it to size.

    Args:
        records: all of them; their order does not matter, their ids must differ.
        seed: of the shuffling.
        validation_fraction: part of the training records that goes to a split `validation`.
        max_images: split name -> the most records to keep; the key "" stands for all others.
        captions_per_image: the first so many captions are kept; all by default.
        group_copies: says which records are copies of each other. It is asked only where a
            validation split is sampled, about the records of both sides; those of a group all go to
            one of them. Without it copies may lie on both.

    Returns:
        Split name -> records, without empty splits, splits in alphabetical order.

    Raises:
        UserError: a fraction is asked for although there is a validation split, or leaves one side
            empty, or `max_images` names a split that does not exist.
    """
    splits = _by_split(records, seed)
    limits = dict(max_images or {})
    if validation_fraction:
        _sample_validation(splits, validation_fraction)
    unknown = sorted(set(limits) - set(splits) - {""})
    if unknown:
        raise UserError(f"there is no split {unknown[0]!r}; the splits are {', '.join(splits)}.")
    splits = {split: own[: limits.get(split, limits.get(""))] for split, own in splits.items()}
    if validation_fraction and group_copies:
        _join_copies(splits, validation_fraction, group_copies)
    return {
        split: [
            replace(record, captions=record.captions[:captions_per_image], split=split)
            for record in own
        ]
        for split, own in sorted(splits.items())
        if own
    }


def _by_split(records: Iterable[ImageRecord], seed: int) -> dict[str, list[ImageRecord]]:
    splits: dict[str, list[ImageRecord]] = {}
    for record in sorted(records, key=lambda record: record.id):
        splits.setdefault(record.split, []).append(record)
    for split, own in splits.items():
        # A text as seed: its random numbers do not depend on the Python process.
        Random(f"{seed}/{split}").shuffle(own)
    return splits


def _sample_validation(splits: dict[str, list[ImageRecord]], fraction: float) -> None:
    if VALIDATION_SPLIT in splits:
        raise UserError(
            f"the source has a split {VALIDATION_SPLIT!r} already; leave out --validation-fraction."
        )
    train = splits.get("train", [])
    count = round(fraction * len(train))
    if not 0 < count < len(train):
        raise UserError(
            f"--validation-fraction {fraction} of {len(train)} training images is {count}; "
            "expected a fraction between 0 and 1 that leaves images on both sides."
        )
    splits[VALIDATION_SPLIT], splits["train"] = train[:count], train[count:]


def _join_copies(
    splits: dict[str, list[ImageRecord]], fraction: float, group_copies: GroupCopies
) -> None:
    """Samples again among the images of both sides, whole groups of copies at a time."""
    count = len(splits[VALIDATION_SPLIT])
    both = splits[VALIDATION_SPLIT] + splits["train"]
    groups = np.asarray(group_copies(both))
    taken = take_groups(groups, count)
    if not 0 < taken.sum() < len(both):
        smallest = np.unique(groups, return_counts=True)[1].min()
        raise UserError(
            f"--validation-fraction {fraction} of {len(both)} images is {count}, but each has "
            f"copies, and the smallest group of copies has {smallest} images; expected a fraction "
            "that leaves a whole group on either side."
        )
    splits[VALIDATION_SPLIT] = [both[row] for row in np.flatnonzero(taken)]
    splits["train"] = [both[row] for row in np.flatnonzero(~taken)]
