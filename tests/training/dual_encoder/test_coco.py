"""The report's pair of towers, and a multi-label head, on real COCO files."""

import csv
import json
import math

import pytest

from kclip.cli import main
from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.inference.embedder import Embedder
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer


@pytest.mark.slow
@pytest.mark.real_data
def test_xception_and_bert_train_on_coco_in_mixed_precision(kclip_data, tmp_path):
    coco = kclip_data / "coco_mini"
    annotations = coco / "annotations"
    BuildTFRecords(
        source="coco",
        images=coco / "train2017",
        captions=next(annotations.glob("captions_train*.json")),
        validation_images=coco / "val2017",
        validation_captions=next(annotations.glob("captions_val*.json")),
        captions_per_image=3,
        max_images=("train=32", "validation=16"),
        output=tmp_path / "records",
        workers=2,
    ).run()
    arguments = """
        --preset bert_xception --image.size 71 --image.train all --text.train all
        --text.backbone tiny
        --optimization.dtype mixed_bfloat16 --optimization.batch-size 16 --optimization.epochs 1
        --optimization.captions sample --optimization.augmentation crop
    """.split()
    output = ["--data", str(tmp_path / "records"), "--output", str(tmp_path / "run")]
    main("train_dual_encoder", [*arguments, "--image.weights", "None", *output])
    with (tmp_path / "run" / "history.csv").open() as file:
        (epoch,) = csv.DictReader(file)
    assert math.isfinite(float(epoch["loss"])) and math.isfinite(float(epoch["val_loss"]))
    embedder = Embedder.from_name(tmp_path / "run" / "model")
    assert embedder.model.image_encoder.backbone_name == "xception"
    assert embedder.embed_texts(["a man on a horse"]).shape == (1, 256)


@pytest.mark.real_data
def test_a_full_head_of_80_classes_trains_on_instances(kclip_data, tmp_path):
    coco = kclip_data / "coco_mini"
    annotations = coco / "annotations"
    BuildTFRecords(
        source="coco",
        images=coco / "train2017",
        labels=annotations / "instances_train2017.json",
        validation_images=coco / "val2017",
        validation_labels=annotations / "instances_val2017.json",
        output=tmp_path / "records",
        workers=1,
    ).run()
    classes = {category["name"] for category in _categories(annotations)}
    (tmp_path / "classes.txt").write_text("\n".join(sorted(classes)))
    arguments = """
        --head.kind full --objective.alpha 0 --optimization.epochs 1 --optimization.batch-size 16
        --image.train all
    """.split()
    folders = ["--data", str(tmp_path / "records"), "--output", str(tmp_path / "run")]
    lists = ["--seen-classes", str(tmp_path / "classes.txt")]
    main("train_clip_decoder", [*arguments, *folders, *lists])
    with (tmp_path / "run" / "history.csv").open() as file:
        (epoch,) = csv.DictReader(file)
    assert math.isfinite(float(epoch["loss"])) and 0 < float(epoch["val_map"]) < 1
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "run" / "model")
    assert len(recognizer.class_names) == 80


def _categories(annotations):
    return json.loads((annotations / "instances_val2017.json").read_text())["categories"]
