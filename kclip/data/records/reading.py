"""Reads records back without TensorFlow, for what looks at them once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kclip.data.image_record import ImageRecord
from kclip.data.records.file_format import read_records
from kclip.data.records.schema import SPEC
from kclip.data.records.writer import open_split
from kclip.errors import KclipError

_VARINT, _BYTES = 0, 2  # wire types of protocol buffers


def iterate_split(directory: Path, split: str) -> Iterator[ImageRecord]:
    """Yields the records of a split in the order of its files, each image as its encoded bytes.

    Raises:
        UserError: there is no finished build in the folder, or it has no such split.
        KclipError: a record is damaged or cut off.
    """
    for path in open_split(directory, split).files:
        with path.open("rb") as file:
            try:
                for payload in read_records(file):
                    yield parse_record(payload, split)
            except KclipError as error:
                raise KclipError(f"{path}: {error}; build it again") from None


def parse_record(payload: bytes, split: str) -> ImageRecord:
    """Parses one serialized record; the inverse of `schema.serialize`.

    Args:
        payload: a `tf.train.Example` of bytes, as `schema.serialize` gives it.
        split: that it lies in.

    Example:
        >>> from kclip.data.records.schema import serialize
        >>> texts = dict(id="7", file_name="7.png", captions=["a dot", "one"], labels=[])
        >>> parse_record(serialize(image=b"...", height=1, width=1, **texts), "test")
        ImageRecord(id='7', file_name='7.png', image=b'...', captions=('a dot', 'one'), labels=(), \
split='test', ignored_labels=())
    """
    found = {name: list(_bytes_list(value)) for name, value in _features(payload)}
    values: dict[str, Any] = {"split": split}
    for feature in SPEC:
        raw = found.get(feature.name, [])
        if feature.kind == "image":
            values[feature.name] = raw[0]
        elif feature.kind == "text":
            values[feature.name] = raw[0].decode()
        elif feature.kind == "texts":
            values[feature.name] = tuple(item.decode() for item in raw)
    return ImageRecord(**values)


def _features(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and values of the entries of `Example.features.feature`, a map."""
    for _, features in _fields(payload):
        for _, entry in _fields(features):
            parts = dict(_fields(entry))
            yield parts[1].decode(), parts[2]


def _bytes_list(feature: bytes) -> Iterator[bytes]:
    """The values of `Feature.bytes_list`, field 1; lists of numbers have other fields."""
    for kind, values in _fields(feature):
        if kind == 1:
            for _, value in _fields(values):
                yield value


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of the fields of bytes in a message; numbers are passed over."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        length, position = _varint(message, position)
        if tag & 7 == _BYTES:
            yield tag >> 3, message[position : position + length]
            position += length
        elif tag & 7 != _VARINT:
            raise KclipError(f"a record has a field of kind {tag & 7}; expected bytes and integers")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
