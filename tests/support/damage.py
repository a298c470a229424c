"""Damage to files, as Hypothesis draws it: of bytes, and of the values in a JSON file."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

# Values that a reader of JSON does not expect, in places where it expects others.
ODD_VALUES = [
    None, True, -1, 0, 10**30, 1.5, -1e300, "", "a\0b\n", "../../etc/passwd", "\ud800", [], {},
    [[]], [1, "a", None], {"a": {"b": []}}, {"": 0}, "9" * 400,
]  # fmt: skip
_ODD_BYTES = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"NaN",
    b"9" * 400,
    b"[" * 20_000,
    b"\r",
    b'"',
]


@st.composite
def damaged_bytes(draw, whole: bytes) -> bytes:
    """A file cut off, with bits flipped, or with a part replaced by another."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        kind = draw(st.sampled_from(("cut", "flip", "replace", "double", "random")))
        if kind == "cut":
            del data[start:]
        elif kind == "flip" and start < len(data):
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "replace":
            data[start:end] = draw(st.sampled_from(_ODD_BYTES))
        elif kind == "double":
            data[start:start] = data[start:end]
        else:
            data[start:end] = draw(st.binary(max_size=12))
    return bytes(data)


@st.composite
def damaged_json(draw, whole: bytes) -> bytes:
    """JSON in which one to three values are others, or are gone."""
    content = json.loads(whole)
    for _ in range(draw(st.integers(1, 3))):
        content = _with_other_value(draw, content)
    return json.dumps(content).encode()


def _with_other_value(draw, value: Any) -> Any:
    places = list(value) if isinstance(value, dict) else list(range(_length(value)))
    if not places or draw(st.integers(0, 4)) == 0:
        return copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    place = draw(st.sampled_from(places))
    if draw(st.integers(0, 5)) == 0:
        del value[place]
    else:
        value[place] = _with_other_value(draw, value[place])
    return value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """Either kind of damage, where the file is JSON."""
    try:
        json.loads(whole)
    except ValueError:
        return damaged_bytes(whole)
    return st.one_of(damaged_json(whole), damaged_json(whole), damaged_bytes(whole))
