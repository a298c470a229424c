import csv
import json
import shutil
from pathlib import Path

import pytest
from nus_wide_files import CONCEPTS, LABELS, SEEN, write_nus_wide

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.data.pipeline import iterate_labels
from kclip.data.tfrecords import open_split
from kclip.errors import KclipError, UserError


def labels_of(output: Path, split: str) -> list[tuple[str, ...]]:
    return sorted(tuple(names) for _, names in iterate_labels(open_split(output, split)))


def rejected(output: Path) -> dict[str, str]:
    with (output / "rejected.csv").open(newline="") as file:
        return {row["file_name"]: row["reason"] for row in csv.DictReader(file)}


def pictures(folder: Path, names: list[str]) -> Path:
    images = write_nus_wide(folder / "pictures") / "Flickr"
    for name in names:
        shutil.copy(images / "zoo/0006_16.jpg", images / name)
    return images


def test_nus_wide_with_its_classes(tmp_path, capsys):
    root, output = write_nus_wide(tmp_path / "nus"), tmp_path / "out"
    BuildTFRecords(source="nus_wide", data_dir=root, workers=1, output=output).run()
    expected = {"train": list(LABELS.values())[:4], "test": list(LABELS.values())[4:]}
    assert {split: labels_of(output, split) for split in expected} == {
        split: sorted(labels) for split, labels in expected.items()
    }
    assert (output / "seen_classes.txt").read_text().split() == SEEN
    assert (output / "unseen_classes.txt").read_text().split() == CONCEPTS
    BuildTFRecords(source="nus_wide", data_dir=root, workers=1, output=output).run()
    BuildTFRecords(verify=True, output=output).run()
    assert "next: python scripts/train_clip_decoder.py" in capsys.readouterr().out


def test_images_that_nus_wide_lacks_are_rejected(tmp_path):
    root, output = write_nus_wide(tmp_path / "nus"), tmp_path / "out"
    (root / "Flickr/zoo/0006_16.jpg").unlink()
    build = {"source": "nus_wide", "data_dir": root, "workers": 1, "output": output}
    with pytest.raises(KclipError, match="1 images were rejected, 16.7%"):
        BuildTFRecords(**build).run()
    assert rejected(output) == {"zoo/0006_16.jpg": "missing"}
    BuildTFRecords(**build, max_rejected=0.2).run()
    assert open_split(output, "test").num_records == 1


def test_csv_of_tags_alone(tmp_path):
    images = pictures(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / "tags.csv").write_text("image,tags\na.jpg,dog snow\nb.jpg,\n")
    output = tmp_path / "out"
    BuildTFRecords(
        source="csv", images=images, labels=tmp_path / "tags.csv", workers=1, output=output
    ).run()
    assert labels_of(output, "train") == [(), ("dog", "snow")]


def write_instances(path: Path, ids: list[int]) -> Path:
    content = {
        "images": [{"id": i, "file_name": "a.jpg"} for i in ids],
        "annotations": [{"image_id": i, "category_id": i % 2} for i in ids],
        "categories": [{"id": 0, "name": "even"}, {"id": 1, "name": "odd"}],
    }
    path.write_text(json.dumps(content))
    return path


def test_coco_instances_of_two_splits(tmp_path):
    build = {"source": "coco", "images": pictures(tmp_path, ["a.jpg"]), "workers": 1}
    train = write_instances(tmp_path / "train.json", [1, 2, 3])
    validation = write_instances(tmp_path / "val.json", [4])
    output = tmp_path / "out"
    BuildTFRecords(**build, labels=train, validation_labels=validation, output=output).run()
    assert labels_of(output, "train") == [("even",), ("odd",), ("odd",)]
    assert labels_of(output, "validation") == [("even",)]
    folder = tmp_path / "pictures/Flickr"
    with pytest.raises(UserError, match="needs --validation-labels"):
        BuildTFRecords(**build, labels=train, validation_images=folder, output=output).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "nus_wide"}, "--source nus_wide needs --data-dir"),
        ({"source": "nus_wide", "data_dir": Path("x"), "labels": Path("y")}, "--labels has no"),
        ({"source": "csv", "images": Path("x")}, "give --captions or --labels"),
        ({"source": "coco", "images": Path("x")}, "give --captions or --labels"),
    ],
)
def test_labelled_sources_say_what_they_need(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        BuildTFRecords(output=tmp_path / "out", **options).run()
