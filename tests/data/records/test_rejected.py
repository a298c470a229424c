from pathlib import Path

import pytest

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.records.rejected import check_rejected, write_rejected
from kclip.errors import KclipError

REPORT = Path("rejected.csv")


def test_the_report_is_sorted(tmp_path):
    (tmp_path / "build").mkdir()
    path = write_rejected(tmp_path, [Rejection("b,1", "missing"), Rejection("a", "empty")])
    assert path.read_text() == 'file_name,reason\na,empty\n"b,1",missing\n'


def bad(count, reason="missing"):
    return [Rejection(str(i), reason) for i in range(count)]


def source(num_records, rejections):
    return Source(
        [ImageRecord(f"good{i}", f"good{i}", b"") for i in range(num_records)], rejections
    )


def test_fractions_are_of_distinct_files():
    check_rejected(source(99, bad(1)), [], 99, 0.01, REPORT)
    check_rejected(source(99, bad(1) + bad(1, "empty caption")), [], 99, 0.01, REPORT)
    check_rejected(source(100, []), bad(1), 100, 0.01, REPORT)
    check_rejected(source(99, bad(1)), bad(1), 99, 0.02, REPORT)
    check_rejected(source(990, bad(10)), [], 30, 0.01, REPORT)  # 30 of 990 were built
    kept = [Rejection("good0", "empty caption")]  # named, but built with its other captions
    for read, images in [
        (source(98, bad(2)), []),
        (source(100, []), bad(2)),
        (source(99, bad(1)), [Rejection("good7", "empty")]),
        (source(100, kept), bad(1)),
    ]:
        with pytest.raises(KclipError, match="2 images were rejected, 2.0%"):
            check_rejected(read, images, len(read.records), 0.01, REPORT)


def test_the_error_names_the_commonest_reasons():
    images = bad(3, "truncated: half") + [Rejection("x", "empty")]
    with pytest.raises(KclipError, match=r"truncated \(3\), empty \(1\). See rejected.csv"):
        check_rejected(source(10, []), images, 10, 0.01, REPORT)


def test_names_of_any_bytes_are_reported_and_none_is_a_formula(tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    path = write_rejected(tmp_path, [Rejection(name, "empty"), Rejection("=1+1.png", "empty")])
    assert path.read_text() == ("file_name,reason\n'=1+1.png,empty\ncaf\\udce9.png,empty\n")
