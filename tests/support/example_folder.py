"""The files that examples in docstrings and documents speak of, as small as they come."""

import json
import shutil
from functools import cache
from pathlib import Path
from random import Random

import keras_hub
import numpy as np
from tiny_clip import sentencepiece_model, tiny_clip_tokenizer, vocabulary

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.data.sources.synthetic.drawing import draw_scene
from kclip.data.sources.synthetic.generation import generate_scenes
from kclip.data.sources.synthetic.scenes import sample_scene
from kclip.export.folder import export_model
from kclip.inference.embedder import Embedder
from kclip.inference.trained_classifier import TrainedClassifier
from kclip.models import ImageClassifier, ImageEncoder, MultiLabelClassifier
from kclip.multilabel.thresholds import Thresholds
from kclip.training.dual_encoder.building import build_dual_encoder
from kclip.zero_shot.saved_classifier import load_or_build_classifier

IMAGES = ("cat.jpg", "dog.jpg", "photo.jpg", "beach.jpg", "photos/1.jpg", "photos/2.jpg")
DEMO, DIM = "runs/demo/model", 128
SEEN, UNSEEN = ["sea", "sand"], ["kite"]


def write_example_folder(folder: Path, goldens: Path) -> Path:
    """Writes all of it; models have the sizes of the preset tiny, and are not trained."""
    _write_images(folder)
    _write_dual_encoder(folder / DEMO)
    embedder = Embedder.from_name(folder / DEMO)
    shutil.copytree(folder / "runs/demo", folder / "runs/mine")
    (folder / "exports").mkdir()
    export_model(embedder, folder / "exports/demo", ["onnx"], "a demo")
    (folder / "results").mkdir()
    load_or_build_classifier(folder / "results/classes.npz", embedder, ["cat", "dog"], ["a {}"])
    classifier = ImageClassifier(_image_encoder(), ["cat", "dog"])
    TrainedClassifier(classifier).save(folder / "runs/xception/model")
    for run in ("clip_decoder", "labels"):
        _write_recognizer(folder / "runs" / run / "model")
    _write_clips(folder, goldens)
    shutil.copytree(goldens / "hf_bert_tiny", folder / "all-MiniLM-L6-v2")
    shutil.copytree(goldens / "hf_vit_tiny", folder / "vit-base")
    _write_records(folder)
    return folder


def _write_records(folder: Path) -> None:
    source = folder / "source"
    generate_scenes(source, num_train=6, num_dev=3, zero_shot_per_class=1)
    BuildTFRecords(
        source="csv",
        images=source / "images",
        captions=source / "captions.csv",
        labels=source / "labels.csv",
        split_lists=(f"train={source}/train.txt", f"validation={source}/dev.txt"),
        output=folder / "tfrecords/synthetic",
        workers=1,
    ).run()


def _write_images(folder: Path) -> None:
    for seed, name in enumerate(IMAGES):
        (folder / name).parent.mkdir(exist_ok=True)
        draw_scene(sample_scene(Random(seed)), Random(seed)).save(folder / name)
    (folder / "captions.csv").write_text("image,caption\n1.jpg,a red circle\n2.jpg,a blue square\n")


@cache
def _image_encoder() -> ImageEncoder:
    return ImageEncoder("small_cnn", image_size=64, name="image_encoder")


def _write_dual_encoder(folder: Path) -> None:
    captions = ["a red circle", "two blue squares", "a photo of a small star"]
    model, preprocessor = build_dual_encoder(
        ImageTower(backbone="small_cnn", size=64, pooling="flatten"),
        TextTower(backbone="tiny", vocabulary_size=1024, sequence_length=24),
        Objective(projection_dim=DIM),
        captions,
    )
    model.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))


def _write_recognizer(folder: Path) -> None:
    model = MultiLabelClassifier(_image_encoder(), SEEN, query_dim=DIM, dim=64)
    queries = np.eye(3, DIM, dtype="float32")
    model.set_queries(queries[:2])
    model.save_to_preset(str(folder))
    classes = {"seen": SEEN, "unseen": UNSEEN, "query_source": DEMO, "templates": ["a {}"]}
    (folder / "classes.json").write_text(json.dumps(classes))
    np.savez(folder / "queries.npz", names=np.array(SEEN + UNSEEN), embeddings=queries)
    Thresholds("global", None, None, "nothing", 0.0, {}).save(folder / "thresholds.json")


def _write_clips(folder: Path, goldens: Path) -> None:
    shutil.copytree(goldens / "open_clip_tiny", folder / "CLIP-ViT-B-32-laion2B-s34B-b79K")
    copy = shutil.copytree(goldens / "hf_clip_tiny", folder / "clip-vit-base-patch32")
    words, merges = vocabulary(), tiny_clip_tokenizer().merges
    (copy / "vocab.json").write_text(json.dumps(words))
    (copy / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    definition = {"model": {"type": "BPE", "vocab": words, "merges": merges}}
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    (folder / "spiece.model").write_bytes(sentencepiece_model())
    tower = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32}
    image = keras_hub.models.CLIPVisionEncoder(patch_size=8, image_shape=(16, 16, 3), **tower)
    text = keras_hub.models.CLIPTextEncoder(vocabulary_size=40, embedding_dim=16, **tower)
    backbone = keras_hub.models.CLIPBackbone(image, text, projection_dim=12)
    backbone.save_to_preset(str(folder / "runs/keras_hub_clip"))
