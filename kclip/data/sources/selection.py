"""Decides which records of a source are built, in which order and split."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.errors import UserError

VALIDATION_SPLIT = "validation"


def merge(sources: Iterable[Source]) -> Source:
    """Joins sources into one; of records with one id the first stays, the others are rejected."""
    records: dict[str, ImageRecord] = {}
    rejections: list[Rejection] = []
    for source in sources:
        rejections += source.rejections
        for record in source.records:
            first = records.setdefault(record.id, record)
            if first is not record:
                reason = f"duplicate id: {record.id} is in {first.split} already"
                rejections.append(Rejection(record.file_name, reason))
    return Source(list(records.values()), rejections)


def select(
    records: Iterable[ImageRecord],
    *,
    seed: int,
    validation_fraction: float = 0.0,
    max_images: Mapping[str, int] | None = None,
    captions_per_image: int | None = None,
) -> dict[str, list[ImageRecord]]:
    """Shuffles each split and cuts it to size.

    Args:
        records: all of them; their order does not matter, their ids must differ.
        seed: of the shuffling.
        validation_fraction: part of the training records that goes to a split `validation`.
        max_images: split name -> the most records to keep; the key "" stands for all others.
        captions_per_image: the first so many captions are kept; all by default.

    Returns:
        Split name -> records, without empty splits, splits in alphabetical order.

    Raises:
        UserError: a share is asked for although there is a validation split, or `max_images`
            names a split that does not exist.
    """
    splits = _by_split(records, seed)
    if validation_fraction:
        _draw_validation(splits, validation_fraction)
    limits = dict(max_images or {})
    unknown = sorted(set(limits) - set(splits) - {""})
    if unknown:
        raise UserError(f"there is no split {unknown[0]!r}; the splits are {', '.join(splits)}.")
    return {
        split: [
            replace(record, captions=record.captions[:captions_per_image], split=split)
            for record in own[: limits.get(split, limits.get(""))]
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


def _draw_validation(splits: dict[str, list[ImageRecord]], share: float) -> None:
    if VALIDATION_SPLIT in splits:
        raise UserError(
            f"the source has a split {VALIDATION_SPLIT!r} already; leave out --validation-fraction."
        )
    train = splits.get("train", [])
    count = round(share * len(train))
    if not 0 < count < len(train):
        raise UserError(
            f"--validation-fraction {share} of {len(train)} training images is {count}; "
            "expected a share between 0 and 1 that leaves images on both sides."
        )
    splits[VALIDATION_SPLIT], splits["train"] = train[:count], train[count:]
