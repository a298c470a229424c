"""Every command that reads class folders takes one split of them, by the same rule."""

import pytest
from fake_embedder import write_class_folders
from tiny_models import tiny_preprocessor

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.data.records.reading import iterate_split
from kclip.errors import UserError
from kclip.evaluation.consistency.samples import read_samples


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Three images a colour in Train, two in valid, one in Test, six colours each."""
    folder = tmp_path_factory.mktemp("splits") / "images"
    for split, count in (("Train", 3), ("valid", 2), ("Test", 1)):
        write_class_folders(folder / split, per_color=count)
    return folder


def test_the_report_of_a_training_takes_the_test_split(splits):
    assert len(TrainDualEncoder(zero_shot=splits)._class_images()) == 6
    assert len(TrainDualEncoder(zero_shot=splits, zero_shot_split="valid")._class_images()) == 12
    with pytest.raises(UserError, match="no 'dev1x'; give --zero-shot-split test"):
        TrainDualEncoder(zero_shot=splits, zero_shot_split="dev1x")._class_images()


def test_a_check_of_consistency_takes_the_test_split(splits):
    assert len(read_samples(tiny_preprocessor(), splits, [], 100).pixels) == 6
    assert len(read_samples(tiny_preprocessor(), splits, [], 100, "train").pixels) == 18


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        (None, {"train": 18, "validation": 12, "test": 6}),
        ("valid", {"validation": 12}),
    ],
)
def test_a_build_keeps_the_splits(splits, tmp_path, split, counts, capsys):
    options = {"source": "folders", "images": splits, "split": split, "workers": 1}
    BuildTFRecords(**options, output=tmp_path / "out").run()
    found = {name: len(list(iterate_split(tmp_path / "out", name))) for name in counts}
    assert found == counts
    assert "valid/ as the split validation" in capsys.readouterr().out
