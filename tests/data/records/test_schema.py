from pathlib import Path

import numpy as np
import pytest

from kclip.data.records.schema import (
    FEATURES,
    SCHEMA_VERSION,
    SPEC,
    parse,
    parse_batch,
    serialize,
)

RECORD = {
    "image": b"\x00\xff" * 40_000,  # long enough for a length of three bytes
    "id": "7",
    "file_name": "é/7.png",
    "captions": ["a dot", "ein Pünktchen"],
    "labels": [],
    "height": 200,
    "width": 3,
}


def example_by_tensorflow(record):
    import tensorflow as tf

    def texts(values):
        encoded = [v if isinstance(v, bytes) else v.encode() for v in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    def number(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {name: texts([record[name]]) for name in ("image", "id", "file_name")}
    feature |= {name: texts(record[name]) for name in ("captions", "labels")}
    if record.get("ignored_labels"):
        feature["ignored_labels"] = texts(record["ignored_labels"])
    feature |= {name: number(record[name]) for name in ("height", "width")}
    return tf.train.Example(features=tf.train.Features(feature=feature))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"labels": ["a", "b"]},
        {"captions": []},
        {"height": 1, "width": 70_000},
        {"ignored_labels": ()},
        {"ignored_labels": ("a", "ü")},
    ],
)
def test_serialize_equals_tensorflow_to_the_byte(change):
    record = RECORD | change
    expected = example_by_tensorflow(record).SerializeToString(deterministic=True)
    assert serialize(**record) == expected


def test_parse_is_the_inverse():
    import tensorflow as tf

    parsed = parse(tf.constant(serialize(**RECORD)))
    assert parsed["image"].numpy() == RECORD["image"]
    assert parsed["file_name"].numpy().decode() == RECORD["file_name"]
    assert [c.decode() for c in parsed["captions"].numpy()] == RECORD["captions"]
    assert parsed["labels"].shape == parsed["ignored_labels"].shape == (0,)
    assert (parsed["height"].numpy(), parsed["width"].numpy()) == (200, 3)
    assert parsed["width"].dtype == tf.int32


def test_parse_gives_ignored_labels():
    import tensorflow as tf

    parsed = parse(tf.constant(serialize(**RECORD, ignored_labels=("cat", "dog"))))
    assert parsed["ignored_labels"].numpy().tolist() == [b"cat", b"dog"]


def test_other_features_are_an_error():
    with pytest.raises(TypeError, match="expected"):
        serialize(**RECORD, size=1)
    with pytest.raises(TypeError, match="expected"):
        serialize(**{name: value for name, value in RECORD.items() if name != "labels"})


def test_features_read_what_serialize_wrote():
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict.from_json(FEATURES)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image = tf.io.encode_png(pixels).numpy()
    decoded = features.deserialize_example(serialize(**RECORD | {"image": image}))
    np.testing.assert_array_equal(decoded["image"], pixels)
    assert decoded["captions"].numpy()[1].decode() == "ein Pünktchen"
    assert set(decoded) == {*RECORD, "ignored_labels"}
    assert decoded["ignored_labels"].shape == (0,)
    with_ignored = serialize(**RECORD | {"image": image}, ignored_labels=("cat",))
    decoded = features.deserialize_example(with_ignored)
    assert decoded["ignored_labels"].numpy().tolist() == [b"cat"]


def test_a_batch_is_parsed_as_its_records_are():
    import tensorflow as tf

    more = {"captions": ["one", "two", "three"], "labels": ["cat"], "ignored_labels": ("dog",)}
    records = [serialize(**RECORD), serialize(**(RECORD | more)), serialize(**RECORD)]
    together = parse_batch(tf.constant(records))
    for row, record in enumerate(records):
        for name, value in parse(tf.constant(record)).items():
            assert together[name].dtype == value.dtype
            np.testing.assert_array_equal(together[name][row], value)


def test_the_readme_describes_every_feature_and_the_version():
    text = (Path(__file__).parents[3] / "tfrecords/README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    described = {name.strip(" `") for row in rows for name in row.split(",")}
    assert {feature.name for feature in SPEC} <= described
    assert f"({SCHEMA_VERSION})" in text
