import numpy as np
from image_files import noise_pixels, noise_png

from kclip.data.image_record import ImageRecord
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.writer import build_shards


def test_tfds_opens_a_build_with_an_empty_shard(tmp_path):
    import tensorflow_datasets as tfds

    records = [
        ImageRecord("bad", "bad.png", b"words"),
        ImageRecord("1", "1.png", noise_png(1), ("one", "eins"), ("odd", "square"), "train"),
        ImageRecord("2", "2.png", noise_png(2, 5, 7), (), (), "train", ("even",)),
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
    assert second["captions"].shape == first["ignored_labels"].shape == (0,)
    assert second["ignored_labels"].tolist() == [b"even"]


def metadata_by_tfds(folder, shards):
    """TFDS looks at file names only, so empty namesakes of the shards serve it as well."""
    import tensorflow_datasets as tfds
    from etils import epath

    text = tfds.features.Text()
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "id": text,
            "file_name": text,
            "captions": tfds.features.Sequence(text),
            "labels": tfds.features.Sequence(text),
            "ignored_labels": tfds.features.Sequence(text),
            "height": tfds.features.Scalar(np.int32),
            "width": tfds.features.Scalar(np.int32),
        }
    )
    split_infos = []
    for split in ("train", "validation"):
        own = [shard for shard in shards if shard.split == split]
        template = tfds.core.ShardedFileTemplate(
            epath.Path(folder), None, "kclip", split, "tfrecord"
        )
        lengths, num_bytes = [s.num_records for s in own], sum(s.num_bytes for s in own)
        split_infos.append(
            tfds.core.SplitInfo(
                name=split, shard_lengths=lengths, num_bytes=num_bytes, filename_template=template
            )
        )
    for shard in shards:
        (folder / shard.file_name).touch()
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=features,
        split_infos=split_infos,
        version="2.0.0",
        check_data=False,
        description="Images with captions and labels, one record per image (kclip).",
    )


def test_metadata_equals_that_of_tfds_to_the_byte(tmp_path):
    splits = {
        "train": [ImageRecord(str(i), f"{i}.png", noise_png(i), ("one",)) for i in range(5)],
        "validation": [ImageRecord("v", "v.png", noise_png(9), (), ("odd",), "validation")],
    }
    result = build_shards(splits, tmp_path / "ours", Encoding(), {"train": 2}, 1, {})
    write_metadata(tmp_path / "ours", result.shards)
    (tmp_path / "tfds").mkdir()
    metadata_by_tfds(tmp_path / "tfds", result.shards)
    for name in ("features.json", "dataset_info.json"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "tfds" / name).read_bytes()
