"""A CLIP-Decoder run so small that tests repeat it: coloured pictures, a tiny dual encoder."""

import csv
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from tiny_models import SIZE, tiny_dual_encoder, tiny_preprocessor

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.commands.train_clip_decoder import TrainClipDecoder
from kclip.config.clip_decoder import DecoderHead, DecoderOptimization, JointObjective
from kclip.config.towers import ImageTower

SEEN, UNSEEN = ["blue", "circle", "green", "small", "square", "star", "three"], ["red", "large"]
HEAD = DecoderHead(dim=16, num_heads=2, intermediate_dim=16)
OPTIMIZATION = DecoderOptimization(
    epochs=2, batch_size=8, optimizer="adamw", learning_rate=1e-2, ema=0.9
)
TOWER = ImageTower(backbone="small_cnn", size=SIZE, train="head")


def write_labelled_records(folder: Path) -> Path:
    """TFRecords of 40 training and 16 validation pictures of one to three labels, or none."""
    images = folder / "images"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = SEEN + UNSEEN
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "labels"))
        for number in range(56):
            chosen = rng.choice(len(names), size=number % 4, replace=False)
            pixels = np.zeros((SIZE, SIZE, 3)) + 255 * np.isin(np.arange(3), chosen)
            pixels = (pixels + rng.uniform(-60, 60, pixels.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(images / f"{number}.png")
            writer.writerow((f"{number}.png", ";".join(names[c] for c in chosen)))
    for split, numbers in (("train", range(40)), ("validation", range(40, 56))):
        (folder / f"{split}.txt").write_text("".join(f"{number}.png\n" for number in numbers))
    BuildTFRecords(
        source="csv",
        images=images,
        labels=folder / "labels.csv",
        split_lists=tuple(f"{split}={folder}/{split}.txt" for split in ("train", "validation")),
        output=folder / "records",
        shards=("3",),
        workers=1,
    ).run()
    (folder / "records" / "seen_classes.txt").write_text("\n".join(SEEN) + "\n")
    (folder / "records" / "unseen_classes.txt").write_text("\n".join(UNSEEN) + "\n")
    return folder / "records"


def write_dual_encoder(folder: Path) -> Path:
    """The model folder of a tiny dual encoder that knows the labels' words."""
    keras.utils.set_random_seed(0)
    model = tiny_dual_encoder(standardize=True)
    model.save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    return folder


def config(records: Path, output: Path, model: Path | None, **changes) -> TrainClipDecoder:
    """A run of two epochs of five batches."""
    settings = {
        "template": ["a {}"],
        "image": TOWER,
        "head": HEAD,
        "objective": JointObjective(sentence="a {}"),
        "optimization": OPTIMIZATION,
    }
    model_name = None if model is None else str(model)
    return TrainClipDecoder(data=records, output=output, model=model_name, **(settings | changes))
