"""The report on inputs that were left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from kclip.data.image_record import Rejection, Source
from kclip.errors import KclipError
from kclip.files import write_csv

REJECTED_FILE = "rejected.csv"


def write_rejected(directory: Path, rejections: Iterable[Rejection]) -> Path:
    """Writes `rejected.csv` (header `file_name,reason`), sorted, and returns its path."""
    path = directory / REJECTED_FILE
    rows = sorted((item.file_name, item.reason) for item in rejections)
    write_csv(path, ("file_name", "reason"), rows)
    return path


def check_rejected(
    source: Source,
    from_images: Sequence[Rejection],
    num_images: int,
    max_fraction: float,
    report: Path,
) -> None:
    """Raises `KclipError` when too much was left out.

    Only part of a source may have been built, so names and captions are judged by the whole
    source and images by those that were opened.

    Args:
        source: with what its reader left out; several entries for one file count once, and those
            that lose no image do not count.
        from_images: images that could not be stored.
        num_images: images that were opened, bad ones included.
        max_fraction: 0 to 1.
        report: where the reasons can be read.
    """
    # Inputs that no record was made of are known by their names alone, records are counted.
    names = {item.file_name for item in source.rejections if item.loses_image}
    strangers = names - {record.file_name for record in source.records}
    num_source = max(1, len(strangers) + len(source.records))
    lost_when_opened = len(from_images) / max(1, num_images) * len(source.records)
    fraction = (len(names) + lost_when_opened) / num_source
    if fraction <= max_fraction + 1e-9:  # rounding
        return
    common = common_reasons((*source.rejections, *from_images))
    raise KclipError(
        f"{len(names) + len(from_images)} images were rejected, {fraction:.1%} where "
        f"--max-rejected allows {max_fraction:.1%}; most often: {common}. See {report}; repair the "
        "images, or raise --max-rejected and run again (finished shards are kept)."
    )


def common_reasons(rejections: Iterable[Rejection]) -> str:
    """The three kinds of reasons that are met most often, each with its number.

    Example:
        >>> common_reasons([Rejection("a", "missing"), Rejection("b", "too few cells: 1")])
        'missing (1), too few cells (1)'
    """
    kinds = Counter(item.reason.partition(":")[0] for item in rejections)
    return ", ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common(3))
