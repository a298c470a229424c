import numpy as np
from image_files import noise_pixels, noise_png

from kclip.data.encoding import Encoding
from kclip.data.metadata import write_metadata
from kclip.data.records import ImageRecord
from kclip.data.tfrecords import build_shards


def test_tfds_opens_a_build_with_an_empty_shard(tmp_path):
    import tensorflow_datasets as tfds

    records = [
        ImageRecord("bad", "bad.png", b"words"),
        ImageRecord("1", "1.png", noise_png(1), ("one", "eins"), ("odd", "square"), "train"),
        ImageRecord("2", "2.png", noise_png(2, 5, 7), (), (), "train"),
    ]
    result = build_shards({"train": records}, tmp_path, Encoding(), {"": 3}, 1, {})
    write_metadata(tmp_path, result.shards)
    builder = tfds.builder_from_directory(tmp_path)
    assert builder.info.splits["train"].num_examples == 2
    first, second = tfds.as_numpy(builder.as_dataset(split="train"))
    np.testing.assert_array_equal(first["image"], noise_pixels(1))
    assert first["captions"].tolist() == [b"one", b"eins"]
    assert first["labels"].tolist() == [b"odd", b"square"]
    assert (first["id"], first["file_name"]) == (b"1", b"1.png")
    assert (second["height"], second["width"]) == second["image"].shape[:2] == (5, 7)
    assert second["captions"].shape == (0,)
