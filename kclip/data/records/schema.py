"""THE feature specification: what a record holds, for the writer and for every reader."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import tensorflow as tf

DATASET_NAME = "kclip"
# To be raised with every change of what a record holds or means: readers take this one alone.
SCHEMA_VERSION = "2.0.0"


@dataclass(frozen=True)
class Feature:
    """One feature of a record.

    Attributes:
        name: by which records, batches and TFDS know it.
        kind: `image` (encoded bytes), `text`, `texts` (any number) or `number`.
        is_optional: whether records without a value leave it out.
    """

    name: str
    kind: Literal["image", "text", "texts", "number"]
    is_optional: bool = False


# See tfrecords/README.md for their meaning. The metadata for TFDS, the writer and all readers are
# made from this list, so a new feature is a line here (and one in `ImageRecord`).
SPEC = (
    Feature("image", "image"),
    Feature("id", "text"),
    Feature("file_name", "text"),
    Feature("captions", "texts"),
    Feature("labels", "texts"),
    Feature("ignored_labels", "texts", is_optional=True),
    Feature("height", "number"),
    Feature("width", "number"),
)


def _connector(name: str, **settings: Any) -> dict[str, Any]:
    return {"pythonClassName": f"tensorflow_datasets.core.features.{name}", **settings}


_TEXT = _connector("text_feature.Text", text={})
_TFDS_KINDS = {
    "image": _connector(
        "image_feature.Image",
        image={"dtype": "uint8", "shape": {"dimensions": ["-1", "-1", "3"]}},
    ),
    "text": _TEXT,
    "texts": _connector("sequence_feature.Sequence", sequence={"feature": _TEXT, "length": "-1"}),
    "number": _connector(
        "scalar.Scalar", tensor={"dtype": "int32", "encoding": "none", "shape": {}}
    ),
}
# The specification as TFDS keeps it.
FEATURES = _connector(
    "features_dict.FeaturesDict",
    featuresDict={"features": {feature.name: _TFDS_KINDS[feature.kind] for feature in SPEC}},
)


def serialize(**values: Any) -> bytes:
    """Serializes one record as a `tf.train.Example`, always to the same bytes.

    The message is so small that its wire format is written here: the workers that build shards
    then start without TensorFlow, whose import costs more than a shard. The result equals
    `tf.train.Example(...).SerializeToString(deterministic=True)`.

    Args:
        **values: of the features in `SPEC`, by name: bytes for an image, strings, lists of strings,
            integers. Optional ones may be absent or empty.

    Returns:
        The serialized example; `parse` is its inverse.

    Raises:
        TypeError: a feature is missing or unknown.

    Example:
        >>> texts = dict(id="7", file_name="7.png", captions=["a dot"], labels=[])
        >>> len(serialize(image=b"...", height=1, width=1, **texts))
        127
    """
    needed = {feature.name for feature in SPEC if not feature.is_optional}
    if not needed <= set(values) <= {feature.name for feature in SPEC}:
        raise TypeError(f"a record has {sorted(values)}; expected {sorted(needed)}")
    by_name = {
        feature.name: _encoded(feature.kind, values[feature.name])
        for feature in SPEC
        if values.get(feature.name) or not feature.is_optional
    }
    entries = (_field(1, name.encode()) + _field(2, by_name[name]) for name in sorted(by_name))
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def _encoded(kind: str, value: Any) -> bytes:
    if kind == "number":
        return _field(3, _field(1, _varint(value)))  # Feature.int64_list.value, packed
    values = value if kind == "texts" else [value]
    encoded = (item if isinstance(item, bytes) else item.encode() for item in values)
    return _field(1, b"".join(_field(1, item) for item in encoded))  # Feature.bytes_list.value


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
    return _numbers_as_int32(tf.io.parse_single_example(serialized, _specification(lists)))


def parse_batch(serialized: "tf.Tensor") -> dict[str, Any]:
    """Parses B records at once, in a tenth of the time that `parse` takes for them.

    Args:
        serialized: string tensor (B,).

    Returns:
        As of `parse`: (B,), and ragged strings (B, any) for the lists.
    """
    import tensorflow as tf

    lists = tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)
    return _numbers_as_int32(tf.io.parse_example(serialized, _specification(lists)))


def _specification(lists: Any) -> dict[str, Any]:
    import tensorflow as tf

    text = tf.io.FixedLenFeature([], tf.string)
    number = tf.io.FixedLenFeature([], tf.int64)
    kinds = {"image": text, "text": text, "texts": lists, "number": number}
    return {feature.name: kinds[feature.kind] for feature in SPEC}


def _numbers_as_int32(record: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    numbers = [feature.name for feature in SPEC if feature.kind == "number"]
    return record | {name: tf.cast(record[name], tf.int32) for name in numbers}


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload  # 2: length-delimited


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
