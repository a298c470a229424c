import csv
import json
import shutil
from pathlib import Path

import pytest
import voc_files
from nus_wide_files import CONCEPTS, LABELS, SEEN, write_nus_wide
from voc_files import write_voc

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.data.pipeline.split_reading import iterate_ignored_labels, iterate_labels
from kclip.data.records.writer import open_split
from kclip.errors import KclipError, UserError


def labels_of(output: Path, split: str) -> list[tuple[str, ...]]:
    return sorted(tuple(names) for _, names in iterate_labels(open_split(output, split)))


def rejected(output: Path) -> dict[str, str]:
    with (output / "rejected.csv").open(newline="") as file:
        return {row["file_name"]: row["reason"] for row in csv.DictReader(file)}


def flat_images(folder: Path, names: list[str]) -> Path:
    images = write_nus_wide(folder / "photos") / "Flickr"
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
    assert "next: kclip train_clip_decoder" in capsys.readouterr().out


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
    images = flat_images(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / "tags.csv").write_text("image,tags\na.jpg,dog snow\nb.jpg,\n")
    output = tmp_path / "out"
    BuildTFRecords(
        source="csv", images=images, labels=tmp_path / "tags.csv", workers=1, output=output
    ).run()
    assert labels_of(output, "train") == [(), ("dog", "snow")]


def test_csv_with_a_column_for_each_class(tmp_path):
    images = flat_images(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / "classes.csv").write_text("image,fire truck,cat\na.jpg,1,1\nb.jpg,0,0\n")
    output = tmp_path / "out"
    BuildTFRecords(
        source="csv", images=images, labels=tmp_path / "classes.csv", workers=1, output=output
    ).run()
    assert labels_of(output, "train") == [(), ("fire truck", "cat")]


def test_voc_keeps_what_is_ignored(tmp_path, capsys):
    build = {"source": "voc", "data_dir": write_voc(tmp_path / "VOCdevkit"), "workers": 1}
    output = tmp_path / "out"
    BuildTFRecords(**build, output=output).run()
    assert "no labelled test" not in capsys.readouterr().out
    labels, ignored = {}, {}
    for split in ("train", "test"):
        files = open_split(output, split)
        labels |= dict(iterate_labels(files))
        ignored |= dict(iterate_ignored_labels(files))
    by_name = {f"{number}.jpg": names for number, names in labels.items()}
    assert by_name == voc_files.LABELS
    assert {f"{number}.jpg": names for number, names in ignored.items()} == (
        dict.fromkeys(by_name, []) | voc_files.IGNORED
    )
    BuildTFRecords(**build, output=output).run()  # the same request: nothing to do
    BuildTFRecords(verify=True, output=output).run()


def test_other_ignored_labels_are_another_request(tmp_path):
    root, output = write_voc(tmp_path / "VOCdevkit"), tmp_path / "out"
    build = {"source": "voc", "data_dir": root, "workers": 1, "output": output}
    BuildTFRecords(**build).run()
    path = root / "VOC2007/ImageSets/Main/dog_trainval.txt"
    path.write_text(path.read_text().replace("000005  0", "000005 -1"))
    with pytest.raises(UserError, match="other images, captions or labels"):
        BuildTFRecords(**build).run()


def test_voc_without_labels_of_test_says_what_it_takes(tmp_path, capsys):
    root, output = write_voc(tmp_path / "VOCdevkit"), tmp_path / "out"
    (root / "VOC2007/ImageSets/Main/test.txt").unlink()
    BuildTFRecords(source="voc", data_dir=root, workers=1, output=output).run()
    said = "no labelled test images of VOC 2007; taking train as train, val as validation"
    assert said in capsys.readouterr().out
    assert labels_of(output, "validation") == [("car", "chair", "dog")]


def write_instances(path: Path, ids: list[int]) -> Path:
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in ids],
        "annotations": [{"image_id": i, "category_id": i % 2} for i in ids],
        "categories": [{"id": 0, "name": "even"}, {"id": 1, "name": "odd"}],
    }
    path.write_text(json.dumps(content))
    return path


def test_coco_instances_of_two_splits(tmp_path):
    build = {"source": "coco", "images": flat_images(tmp_path, [f"{i}.jpg" for i in range(1, 5)])}
    build["workers"] = 1
    train = write_instances(tmp_path / "train.json", [1, 2, 3])
    validation = write_instances(tmp_path / "val.json", [4])
    output = tmp_path / "out"
    BuildTFRecords(**build, labels=train, validation_labels=validation, output=output).run()
    assert labels_of(output, "train") == [("even",), ("odd",), ("odd",)]
    assert labels_of(output, "validation") == [("even",)]
    folder = tmp_path / "photos/Flickr"
    with pytest.raises(UserError, match="needs --validation-labels"):
        BuildTFRecords(**build, labels=train, validation_images=folder, output=output).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "nus_wide"}, "--source nus_wide needs --data-dir"),
        ({"source": "voc"}, "--source voc needs --data-dir"),
        (
            {"source": "voc", "data_dir": Path("x"), "year": 207},
            "--year is 207; give a number from 2005",
        ),
        ({"source": "nus_wide", "data_dir": Path("x"), "year": 2007}, "--year has no meaning"),
        ({"source": "nus_wide", "data_dir": Path("x"), "labels": Path("y")}, "--labels has no"),
        ({"source": "csv", "images": Path("x")}, "give --captions or --labels"),
        ({"source": "coco", "images": Path("x")}, "give --captions or --labels"),
    ],
)
def test_labelled_sources_say_what_they_need(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        BuildTFRecords(output=tmp_path / "out", **options).run()
