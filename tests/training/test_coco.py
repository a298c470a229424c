"""The report's pair of towers on real COCO files, as a user would start them."""

import csv
import math

import pytest

from kclip.cli import main
from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.embedding import Embedder


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
        output=tmp_path / "records",
        workers=2,
    ).run()
    arguments = """
        --preset bert_xception --image.size 96 --image.train --text.train --text.backbone mini
        --optimization.dtype mixed_bfloat16 --optimization.batch-size 16 --optimization.epochs 1
        --optimization.captions draw --optimization.augmentation crop
    """.split()
    output = ["--data", str(tmp_path / "records"), "--output", str(tmp_path / "run")]
    main("train_dual_encoder", [*arguments, "--image.weights", "None", *output])
    with (tmp_path / "run" / "history.csv").open() as file:
        (epoch,) = csv.DictReader(file)
    assert math.isfinite(float(epoch["loss"])) and math.isfinite(float(epoch["val_loss"]))
    embedder = Embedder.from_name(tmp_path / "run" / "model")
    assert embedder.model.image_encoder.backbone_name == "xception"
    assert embedder.embed_texts(["a man on a horse"]).shape == (1, 256)
