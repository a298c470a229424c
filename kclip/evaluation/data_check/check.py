"""All checks of a data set, and its numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kclip.data.copies.listing import ListedCopy, count_shared, list_copies
from kclip.data.copies.search import find_copies
from kclip.data.image_record import UNKNOWN, ImageRecord, Rejection
from kclip.data.records.rejected import common_reasons
from kclip.evaluation.data_check.captions import check_captions
from kclip.evaluation.data_check.classes import check_classes, count_labels
from kclip.evaluation.data_check.findings import (
    NOTE,
    WARNING,
    Finding,
    by_level,
    counted,
    make_finding,
)
from kclip.evaluation.data_check.images import check_images, size_statistics
from kclip.evaluation.data_check.leaks import check_copies
from kclip.evaluation.data_check.tokens import TextReader, check_tokens, least_tokens


@dataclass(frozen=True)
class CheckedData:
    """What is known of N images once each was opened.

    Attributes:
        records: of the images; their bytes may be left out.
        fingerprints: (N,) of the dtype `FINGERPRINT`; zeros where an image can't be read.
        faults: row -> why it can't.
        rejections: what the reader of the source left out.
    """

    records: Sequence[ImageRecord]
    fingerprints: np.ndarray
    faults: Mapping[int, str]
    rejections: Sequence[Rejection] = ()


@dataclass(frozen=True)
class CheckResults:
    """What was found.

    Attributes:
        numbers: of the data set, as JSON can hold them.
        findings: the serious ones first.
        copies: all images that have copies.
        records: the N images.
        unreadable: rows of images that can't be read.
    """

    numbers: dict[str, Any]
    findings: list[Finding]
    copies: list[ListedCopy]
    records: Sequence[ImageRecord]
    unreadable: frozenset[int]

    def as_dict(self) -> dict[str, Any]:
        """Numbers and findings, as JSON can hold them."""
        return {**self.numbers, "findings": [finding.as_dict() for finding in self.findings]}


def check_data(data: CheckedData, reader: TextReader | None = None) -> CheckResults:
    """Runs every check.

    Args:
        data: the data set.
        reader: of a model that is to be trained on it or asked about it, or None.
    """
    records = data.records
    names, splits = [r.file_name for r in records], [r.split for r in records]
    labels, captions = [r.labels for r in records], [r.captions for r in records]
    copies = list_copies(names, splits, find_copies(data.fingerprints))
    classes = sorted({label for own in labels for label in own})
    texts = [text for own in captions for text in own]
    findings = (
        check_copies(copies, Counter(splits), labels)
        + check_images(data.fingerprints, data.faults, names)
        + check_captions(captions, names)
        + check_classes(labels, splits)
        + _unknown_labels(records)
        + check_tokens(classes, texts, reader)
        + _left_out(data.rejections)
    )
    numbers = _numbers(data, copies, texts)
    return CheckResults(numbers, by_level(findings), copies, records, frozenset(data.faults))


def _numbers(
    data: CheckedData, copies: Sequence[ListedCopy], texts: Sequence[str]
) -> dict[str, Any]:
    records = data.records
    splits = [record.split for record in records]
    return {
        "num_images": len(records),
        "splits": {split: _split_numbers(records, split) for split in dict.fromkeys(splits)},
        "num_unreadable": len(data.faults),
        "num_left_out": len(data.rejections),
        "sizes": size_statistics(data.fingerprints),
        "num_copies": len(copies),
        "shared_copies": [
            {"split": split, "other": other, "images": count}
            for (split, other), count in count_shared(copies).items()
        ],
        "caption_words": dict(sorted(Counter(least_tokens(text) - 2 for text in texts).items())),
        "classes": count_labels([record.labels for record in records], splits),
    }


def _split_numbers(records: Sequence[ImageRecord], split: str) -> dict[str, int]:
    own = [record for record in records if record.split == split]
    return {
        "images": len(own),
        "captions": sum(len(record.captions) for record in own),
        "labels": sum(len(record.labels) for record in own),
        "unknown_labels": sum(map(_is_unknown, own)),
    }


def _is_unknown(record: ImageRecord) -> bool:
    return UNKNOWN in record.ignored_labels


def _unknown_labels(records: Sequence[ImageRecord]) -> list[Finding]:
    rows = [row for row, record in enumerate(records) if _is_unknown(record)]
    if not rows:
        return []
    return [
        make_finding(
            "unknown labels",
            NOTE,
            f"{counted(len(rows), 'image')} of {len(records):,} of which nobody said what they "
            "show.",
            "They count neither for nor against a class. Give their labels, or an empty cell "
            "where an image shows none of the classes.",
            [records[row].file_name for row in rows],
            rows,
        )
    ]


def _left_out(rejections: Sequence[Rejection]) -> list[Finding]:
    if not rejections:
        return []
    return [
        make_finding(
            "left out",
            WARNING,
            f"{counted(len(rejections), 'input')} left out by the reader; most often: "
            f"{common_reasons(rejections)}.",
            "build_tfrecords leaves them out, too, and names them in rejected.csv.",
            [f"{item.file_name}: {item.reason}" for item in rejections],
        )
    ]
