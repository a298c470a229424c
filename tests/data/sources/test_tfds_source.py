import numpy as np
import pytest
import tensorflow_datasets as tfds
from image_files import noise_pixels, noise_png

from kclip.data.image_record import UNKNOWN, Rejection
from kclip.data.images.opening import load_image
from kclip.data.sources.tfds import TFDSSource
from kclip.errors import UserError


class TinyCaptions(tfds.core.GeneratorBasedBuilder):
    """The features of coco_captions, with four images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        objects = {"label": tfds.features.ClassLabel(names=["dog", "cat"])}
        captions = {"id": np.int64, "text": tfds.features.Text()}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(),
                    "image/filename": tfds.features.Text(),
                    "image/id": np.int64,
                    "objects": tfds.features.Sequence(objects),
                    "captions": tfds.features.Sequence(captions),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 3), "val": self._generate_examples(3, 4)}

    def _generate_examples(self, start, stop):
        for i in range(start, stop):
            yield (
                i,
                {
                    "image": noise_pixels(i),
                    "image/filename": f"{i}.png",
                    "image/id": 100 + i,
                    "objects": [{"label": "cat"}, {"label": "dog"}, {"label": "cat"}][:i],
                    "captions": [{"id": 0, "text": f"noise {i}"}, {"id": 1, "text": " "}],
                },
            )


class TinyDigits(tfds.core.GeneratorBasedBuilder):
    """A classification dataset: no captions, no ids."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        label = tfds.features.ClassLabel(names=["zero", "one"])
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(4, 4, 1)), "label": label}
            ),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples("one"), "test": self._generate_examples(-1)}

    def _generate_examples(self, label):
        yield 0, {"image": np.full((4, 4, 1), 7, np.uint8), "label": label}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def test_a_captions_dataset_by_name(data_dir, tmp_path):
    dataset = TFDSSource("tiny_captions", data_dir, tmp_path)
    source = dataset.read()
    by_id = {record.id: record for record in source.records}
    assert sorted(by_id) == ["100", "101", "102", "103"]
    assert by_id["102"].captions == ("noise 2",)
    assert by_id["102"].labels == ("cat", "dog")
    assert by_id["100"].labels == ()
    assert by_id["103"].split == "val"
    assert Rejection("0.png", "empty caption") in source.rejections

    assert not by_id["102"].image.exists()
    dataset.fetch_images([by_id["102"], by_id["103"]])
    np.testing.assert_array_equal(load_image(by_id["102"].image), noise_pixels(2))
    np.testing.assert_array_equal(load_image(by_id["103"].image), noise_pixels(3))
    assert not by_id["101"].image.exists()


def test_a_classification_dataset(data_dir, tmp_path):
    dataset = TFDSSource("tiny_digits", data_dir, tmp_path)
    unlabelled, record = sorted(dataset.read().records, key=lambda record: record.split)
    assert (unlabelled.labels, unlabelled.ignored_labels) == ((), (UNKNOWN,))
    assert (record.id, record.labels, record.captions) == ("train/00000000", ("one",), ())
    dataset.fetch_images([record])
    assert load_image(record.image).getpixel((0, 0)) == (7, 7, 7)


def test_unknown_names_and_datasets_without_images(data_dir, tmp_path):
    with pytest.raises(UserError, match="TFDS knows no dataset 'no_such_dataset'"):
        TFDSSource("no_such_dataset", data_dir, tmp_path)

    class TinyNumbers(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict({"number": np.int64})
            )

        def _split_generators(self, dl_manager):
            return {"train": iter([(0, {"number": 1})])}

        def _generate_examples(self):
            return iter(())

    with pytest.raises(UserError, match="'tiny_numbers' has no image; it has number"):
        TFDSSource("tiny_numbers", data_dir, tmp_path)


def test_a_build_of_kclip_is_a_tfds_dataset(tmp_path):
    from dataclasses import replace

    from kclip.data.image_record import ImageRecord
    from kclip.data.records.encoding import Encoding
    from kclip.data.records.metadata import write_metadata
    from kclip.data.records.writer import build_shards

    record = ImageRecord(
        "7", "a/7.png", noise_png(7), ("noise",), ("odd", "even"), "train", ("big",)
    )
    folder = tmp_path / "built"
    write_metadata(folder, build_shards({"train": [record]}, folder, Encoding(), {}, 1, {}).shards)
    dataset = TFDSSource(str(folder), None, tmp_path / "images")
    (found,) = dataset.read().records
    dataset.fetch_images([found])
    assert found.image.read_bytes() == noise_png(7)
    assert found == replace(record, image=found.image)
