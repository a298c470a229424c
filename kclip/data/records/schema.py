"""THE feature specification: what a record holds, for the writer and for every reader."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

DATASET_NAME = "kclip"
VERSION = "1.0.0"


def _connector(name: str, **settings: Any) -> dict[str, Any]:
    return {"pythonClassName": f"tensorflow_datasets.core.features.{name}", **settings}


_IMAGE = _connector(
    "image_feature.Image", image={"dtype": "uint8", "shape": {"dimensions": ["-1", "-1", "3"]}}
)
_TEXT = _connector("text_feature.Text", text={})
_TEXTS = _connector("sequence_feature.Sequence", sequence={"feature": _TEXT, "length": "-1"})
_INTEGER = _connector("scalar.Scalar", tensor={"dtype": "int32", "encoding": "none", "shape": {}})
# The TFDS specification of a record, as TFDS keeps it; see tfrecords/README.md for its meaning.
FEATURES = _connector(
    "features_dict.FeaturesDict",
    featuresDict={
        "features": {
            "image": _IMAGE,
            "id": _TEXT,
            "file_name": _TEXT,
            "captions": _TEXTS,
            "labels": _TEXTS,
            "ignored_labels": _TEXTS,
            "height": _INTEGER,
            "width": _INTEGER,
        }
    },
)


def serialize(
    *,
    image: bytes,
    id: str,
    file_name: str,
    captions: Iterable[str],
    labels: Iterable[str],
    height: int,
    width: int,
    ignored_labels: Sequence[str] = (),
) -> bytes:
    """Serializes one record as a `tf.train.Example`, always to the same bytes.

    The message is so small that its wire format is written here: the workers that build shards
    then start without TensorFlow, whose import costs more than a shard. The result equals
    `tf.train.Example(...).SerializeToString(deterministic=True)`.

    Args:
        image: JPEG or PNG bytes.
        id: unique in the dataset.
        file_name: as the source names it.
        captions: any number of sentences.
        labels: any number of names.
        height: of the stored image, in pixels.
        width: of the stored image, in pixels.
        ignored_labels: names that count neither as right nor as wrong. The feature is left out
            where there are none, as it is in records written before it existed.

    Returns:
        The serialized example; `parse` is its inverse.

    Example:
        >>> texts = dict(id="7", file_name="7.png", captions=["a dot"], labels=[])
        >>> len(serialize(image=b"...", height=1, width=1, **texts))
        127
    """
    by_name = {
        "image": _bytes_feature([image]),
        "id": _bytes_feature([id.encode()]),
        "file_name": _bytes_feature([file_name.encode()]),
        "captions": _bytes_feature(caption.encode() for caption in captions),
        "labels": _bytes_feature(label.encode() for label in labels),
        "height": _int_feature(height),
        "width": _int_feature(width),
    }
    if ignored_labels:
        by_name["ignored_labels"] = _bytes_feature(label.encode() for label in ignored_labels)
    entries = (_field(1, name.encode()) + _field(2, by_name[name]) for name in sorted(by_name))
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def parse(serialized: "tf.Tensor") -> dict[str, Any]:
    """Parses one serialized record; the image stays encoded.

    Args:
        serialized: scalar string tensor.

    Returns:
        `image`, `id`, `file_name`: scalar strings; `captions`, `labels`, `ignored_labels`:
        strings of shape (any,); `height`, `width`: scalar int32.
    """
    import tensorflow as tf

    lists = tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)
    return _sizes_as_int32(tf.io.parse_single_example(serialized, _specification(lists)))


def parse_batch(serialized: "tf.Tensor") -> dict[str, Any]:
    """Parses B records at once, in a tenth of the time that `parse` takes for them.

    Args:
        serialized: string tensor (B,).

    Returns:
        As of `parse`: (B,), and ragged strings (B, any) for the lists.
    """
    import tensorflow as tf

    lists = tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)
    return _sizes_as_int32(tf.io.parse_example(serialized, _specification(lists)))


def _specification(lists: Any) -> dict[str, Any]:
    import tensorflow as tf

    scalars = {name: tf.io.FixedLenFeature([], tf.string) for name in ("image", "id", "file_name")}
    sizes = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("height", "width")}
    return scalars | sizes | dict.fromkeys(("captions", "labels", "ignored_labels"), lists)


def _sizes_as_int32(record: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return record | {name: tf.cast(record[name], tf.int32) for name in ("height", "width")}


def _bytes_feature(values: Iterable[bytes]) -> bytes:
    return _field(1, b"".join(_field(1, value) for value in values))  # Feature.bytes_list.value


def _int_feature(value: int) -> bytes:
    return _field(3, _field(1, _varint(value)))  # Feature.int64_list.value, packed


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload  # 2: length-delimited


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
