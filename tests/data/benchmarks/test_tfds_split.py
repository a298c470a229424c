import numpy as np
import pytest
import tensorflow_datasets as tfds
from image_files import noise_pixels, noise_png

from kclip.data.benchmarks.tfds_split import read_tfds
from kclip.data.images.opening import load_image
from kclip.errors import UserError


class TinyFashion(tfds.core.GeneratorBasedBuilder):
    """The features of fashion_mnist: no file names."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        label = tfds.features.ClassLabel(names=["trouser", "t-shirt", "bag"])
        features = {"image": tfds.features.Image(), "label": label}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._examples(0, 1), "test": self._examples(1, 3)}

    def _examples(self, start, stop):
        for number in range(start, stop):
            yield number, {"image": noise_pixels(number), "label": number - 1 if number else 2}

    def _generate_examples(self):
        return iter(())


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def test_a_data_set_by_name(data_dir):
    images = read_tfds("tiny_fashion", "test", data_dir)
    assert list(images.classes) == ["trouser", "t-shirt", "bag"]
    found = {record.labels[0]: record for record in images.records}
    assert set(found) == {"trouser", "t-shirt"}
    assert {record.file_name for record in images.records} == {"test/00000000", "test/00000001"}
    pixels = np.asarray(load_image(found["t-shirt"].image))
    np.testing.assert_array_equal(pixels, noise_pixels(2))


def test_an_unknown_split(data_dir):
    with pytest.raises(UserError, match="tiny_fashion has no split 'validation'; it has t"):
        read_tfds("tiny_fashion", "validation", data_dir)


def test_a_build_of_kclip(tmp_path):
    from kclip.data.image_record import ImageRecord
    from kclip.data.records.encoding import Encoding
    from kclip.data.records.metadata import write_metadata
    from kclip.data.records.writer import build_shards

    def build(folder, labels):
        records = [
            ImageRecord(str(n), f"{n}.png", noise_png(n), (), own, "test")
            for n, own in enumerate(labels)
        ]
        shards = build_shards({"test": records}, folder, Encoding(), {}, 1, {}).shards
        write_metadata(folder, shards)
        return str(folder)

    images = read_tfds(build(tmp_path / "single", [("dog",), ("cat",)]), "test", None)
    assert {r.file_name: r.labels for r in images.records} == {
        "0.png": ("dog",), "1.png": ("cat",),
    }  # fmt: skip
    assert images.classes == {"cat": ("cat",), "dog": ("dog",)}
    several = build(tmp_path / "several", [("dog",), ("cat", "dog")])
    with pytest.raises(UserError, match="one label each; in .*several 1.png has 2"):
        read_tfds(several, "test", None)
