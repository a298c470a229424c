"""Every reader of kclip of files that are not its own, each with a small sound file of its kind."""

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from fake_embedder import FakeEmbedder, write_color_images
from image_files import noise_png
from nus_wide_files import write_nus_wide
from voc_files import write_voc

from kclip.commands.train_dual_encoder import TrainDualEncoder
from kclip.config.parsing import from_json, to_json
from kclip.data.benchmarks import celeba, cifar, imagenet, pets
from kclip.data.collections.collecting import collect
from kclip.data.copies.fingerprinting import Fingerprinter
from kclip.data.image_record import ImageRecord
from kclip.data.images.opening import load_image
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.rejected import write_rejected
from kclip.data.records.verify import verify_build
from kclip.data.records.writer import build_shards
from kclip.data.sources.coco import read_coco_source
from kclip.data.sources.csv import read_csv_source
from kclip.data.sources.karpathy import read_karpathy
from kclip.data.sources.label_table import read_label_table
from kclip.data.sources.nus_wide import read_nus_wide
from kclip.data.sources.voc import read_voc
from kclip.models.pretrained.huggingface_config import read_config
from kclip.models.pretrained.image_settings import read_image_settings
from kclip.models.pretrained.open_clip_config import read_open_clip_config
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.pretrained.sentence_transformers import own_pooling
from kclip.models.pretrained.text_towers import read_text_tokenizer
from kclip.models.pretrained.tokenizer_files import read_tokenizer
from kclip.multilabel.prompting.caption_file import CaptionFile
from kclip.multilabel.queries.word_vectors import WordVectors
from kclip.multilabel.recognition.recognizer import _read_classes
from kclip.multilabel.thresholds import Thresholds
from kclip.reading import read_history
from kclip.retrieval.index import ImageIndex
from kclip.training.clip_decoder.loss_weights import Trial, read_trials, write_trials
from kclip.training.common.callbacks.checkpoint import load_arrays, save_arrays
from kclip.zero_shot.prompts import resolve_templates
from kclip.zero_shot.saved_classifier import load_classifier, load_or_build_classifier

GOLDENS = Path(__file__).parents[1] / "goldens"
# The file that is damaged, and what reads it.
Reader = tuple[Path, Callable[[], object]]


def all_readers(root: Path) -> dict[str, Reader]:
    """Writes the files below `root`: what is read -> file and reader."""
    readers: dict[str, Reader] = {}
    for write in (_tables, _labels, _benchmarks, _build, _models, _results, _words, _index):
        readers |= write(root / write.__name__)
    return readers


def _written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def _tables(root: Path) -> dict[str, Reader]:
    for name in ("a.png", "b.png"):
        _written(root / "images" / name, noise_png(1))
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]
    captions = [{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "two"}]
    shown = [{"image_id": 1, "category_id": 5}, {"image_id": 2, "category_id": 5}]
    coco = {"images": images, "annotations": captions}
    labels = {"images": images, "annotations": shown, "categories": [{"id": 5, "name": "dog"}]}
    entry = {"filename": "a.png", "split": "train", "imgid": 3, "sentences": [{"raw": "a dog"}]}
    table = _written(root / "captions.csv", 'image,caption\na.png,a dog\nb.png,"two, dogs"\n')
    listed = _written(root / "train.txt", "a.png\nb.png\n")
    coco_path = _written(root / "coco.json", coco)
    labels_path = _written(root / "instances.json", labels)
    karpathy = _written(root / "karpathy.json", {"images": [entry], "dataset": "mine"})
    label_table = _written(root / "labels.csv", "image,labels\na.png,dog;cat\nb.png,\n")
    folder = root / "images"
    return {
        "coco captions": (coco_path, lambda: read_coco_source(folder, coco_path, None, "train")),
        "coco labels": (labels_path, lambda: read_coco_source(folder, None, labels_path, "train")),
        "karpathy": (karpathy, lambda: read_karpathy(folder, karpathy)),
        "caption table": (table, lambda: read_csv_source(folder, table, None, {})),
        "label table": (label_table, lambda: read_label_table(label_table)),
        "split list": (listed, lambda: read_csv_source(folder, table, None, {"train": listed})),
        "image": (folder / "a.png", lambda: load_image(folder / "a.png")),
    }


def _labels(root: Path) -> dict[str, Reader]:
    voc, nus_wide = write_voc(root / "voc"), write_nus_wide(root / "nus")
    annotated = write_voc(root / "annotated", class_lists=False)
    tags = next(path for path in sorted(nus_wide.rglob("*.txt")) if "Tags" in path.name)
    truth = next(path for path in sorted(nus_wide.rglob("*.txt")) if "Labels_" in path.name)
    return {
        "voc xml": (annotated / "VOC2007/Annotations/000005.xml", lambda: read_voc(annotated)),
        "voc list": (voc / "VOC2007/ImageSets/Main/dog_trainval.txt", lambda: read_voc(voc)),
        "nus_wide tags": (tags, lambda: read_nus_wide(nus_wide)),
        "nus_wide labels": (truth, lambda: read_nus_wide(nus_wide)),
    }


def _benchmarks(root: Path) -> dict[str, Reader]:
    from scipy.io import savemat

    kinds = [("ILSVRC2012_ID", int), ("WNID", "O"), ("words", "O"), ("num_children", int)]
    synsets = np.array([(1, "n01", "dog, hound", 0), (2, "n02", "cat", 0)], kinds)
    kit = root / "imagenet/ILSVRC2012_devkit_t12/data"
    kit.mkdir(parents=True)
    savemat(kit / "meta.mat", {"synsets": synsets})
    for number in (1, 2):
        _written(root / f"imagenet/val/ILSVRC2012_val_{number:08d}.JPEG", noise_png(number))
    answers = _written(kit / "ILSVRC2012_validation_ground_truth.txt", "2\n1\n")
    batch = _written(root / "cifar-10-batches-bin/test_batch.bin", bytes(3073 * 2))
    _written(batch.with_name("batches.meta.txt"), "dog\ncat\n")
    _written(root / "images/a_1.jpg", noise_png(1))
    breeds = _written(root / "annotations/test.txt", "a_1 1 1 1\n")
    _written(root / "img_align_celeba/1.jpg", noise_png(1))
    people = _written(root / "identity_CelebA.txt", "1.jpg 7\n")
    _written(root / "list_eval_partition.txt", "1.jpg 2\n")
    return {
        "meta.mat": (kit / "meta.mat", lambda: imagenet.read_imagenet(root / "imagenet")),
        "ground truth": (answers, lambda: imagenet.read_imagenet(root / "imagenet")),
        "cifar": (batch, lambda: cifar.read_cifar10(root)),
        "pets": (breeds, lambda: pets.read_pets(root)),
        "celeba": (people, lambda: celeba.read_celeba(root, 1, 0)),
    }


def _build(root: Path) -> dict[str, Reader]:
    records = [ImageRecord("1", "1.png", noise_png(1), ("a dog",), ("dog",), "train")]

    def build() -> None:
        result = build_shards({"train": records}, root, Encoding(), {}, 1, {"seed": 0})
        write_metadata(root, result.shards)
        write_rejected(root, [])

    build()
    shard = next(root.glob("*.tfrecord-*"))
    about = root / "build" / f"{shard.name}.json"
    return {
        "shard": (shard, lambda: verify_build(root)),
        "dataset_info.json": (root / "dataset_info.json", lambda: verify_build(root)),
        "shard's result": (about, lambda: verify_build(root)),
        "shard's result again": (about, build),
        "request": (root / "build/request.json", build),
    }


def _models(root: Path) -> dict[str, Reader]:
    clip = shutil.copytree(GOLDENS / "hf_clip_v5_folder", root / "clip")
    siglip = shutil.copytree(GOLDENS / "hf_siglip_tiny", root / "siglip")
    bert = shutil.copytree(GOLDENS / "hf_roberta_tiny", root / "roberta")
    open_clip = shutil.copytree(GOLDENS / "open_clip_tiny", root / "open_clip")
    modules = _written(bert / "modules.json", [{"type": "b.Pooling", "path": "1_Pooling"}])
    pooling = _written(bert / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    return {
        "clip config": (clip / "config.json", lambda: read_config(clip)),
        "siglip config": (siglip / "config.json", lambda: read_config(siglip)),
        "open_clip config": (
            open_clip / "open_clip_config.json",
            lambda: read_open_clip_config(open_clip),
        ),
        **{
            f"images of {path.name}": (path, lambda: read_image_settings(clip, "clip", 32))
            for path in clip.glob("*processor_config.json")
        },
        **{
            f"tokenizer of {path.name}": (path, lambda: read_tokenizer(clip, "clip", 500))
            for path in _present(clip, "tokenizer.json", "tokenizer_config.json", "vocab.json")
        },
        "text tokenizer": (bert / "tokenizer.json", lambda: read_text_tokenizer(bert)),
        "text config": (bert / "config.json", lambda: read_text_tokenizer(bert)),
        "modules.json": (modules, lambda: own_pooling(bert)),
        "pooling": (pooling, lambda: own_pooling(bert)),
        "safetensors": (bert / "model.safetensors", lambda: _all_tensors(bert)),
    }


def _present(folder: Path, *names: str) -> Iterator[Path]:
    return (folder / name for name in names if (folder / name).is_file())


def _all_tensors(folder: Path) -> None:
    with SafetensorsFolder(folder) as tensors:
        for name in tensors.names:
            tensors.read(name, tensors.shape(name))


def _results(root: Path) -> dict[str, Reader]:
    config = TrainDualEncoder(data=Path("data"), output=Path("runs/a"))
    settings = _written(root / "config.json", to_json(config))
    history = _written(root / "history.csv", "epoch,loss\n0,1.5\n1,\n")
    write_trials([Trial(1.0, 0.5, 0, 0.7, 0.3, 0.4)], root / "trials.csv")
    save_arrays(root / "state.npz", [np.arange(3.0)], {"epoch": 1})
    Thresholds("per_class", None, None, "dev", 0.5, {"dog": 0.25}).save(root / "thresholds.json")
    classes = {"seen": ["a"], "unseen": ["b"], "query_source": None, "templates": ["{}"]}
    classes_path = _written(root / "classes.json", classes)
    load_or_build_classifier(
        root / "classes.npz", FakeEmbedder(), {"a": ("a",), "b": ("b",)}, ["{}"]
    )
    prints = Fingerprinter(root / "prints.npz")
    prints([noise_png(1)], 1)
    return {
        "config.json": (settings, lambda: from_json(TrainDualEncoder, settings)),
        "history.csv": (history, lambda: read_history(history)),
        "trials.csv": (root / "trials.csv", lambda: read_trials(root / "trials.csv")),
        "state.npz": (root / "state.npz", lambda: load_arrays(root / "state.npz")),
        "thresholds.json": (
            root / "thresholds.json",
            lambda: Thresholds.load(root / "thresholds.json").of(["dog", "cat"]),
        ),
        "classes.json": (classes_path, lambda: _read_classes(classes_path)),
        "classes.npz": (
            root / "classes.npz",
            lambda: load_classifier(root / "classes.npz", FakeEmbedder()),
        ),
        "fingerprints": (root / "prints.npz", lambda: Fingerprinter(root / "prints.npz")),
    }


def _words(root: Path) -> dict[str, Reader]:
    templates = _written(root / "templates.txt", "# of photos\na photo of a {}.\n{}\n")
    captions = _written(root / "captions.json", {"cat, dog": "A cat and a dog."})
    glove = _written(root / "glove.txt", "dog 0.5 1 2\ncat 1 2 3\n")
    word2vec = _written(
        root / "word2vec.bin", b"2 2\ndog " + bytes(8) + b"\ncat " + b"\0\0\x80?" * 2
    )
    return {
        "templates": (templates, lambda: resolve_templates([str(templates)])),
        "captions of combinations": (captions, lambda: CaptionFile(captions)),
        "glove": (glove, lambda: WordVectors.from_file(glove).embed_classes(["dog"])),
        "word2vec": (word2vec, lambda: WordVectors.from_file(word2vec).embed_classes(["cat"])),
    }


def _index(root: Path) -> dict[str, Reader]:
    images = write_color_images(root / "images", per_color=1, size=8)
    ImageIndex.build(root / "index", FakeEmbedder(), [root / "images"])
    images[0].unlink()
    images[1].write_bytes(b"no image")
    ImageIndex.build(root / "index", FakeEmbedder(), [root / "images"])
    with tarfile.open(root / "images.tar", "w") as tar:
        tar.add(images[2], "a.png")
    listed = _written(root / "images.txt", f"images/{images[2].name}\n")

    def read() -> None:
        index = ImageIndex.open(root / "index")
        index.search(np.ones((2, index.width)), 3)
        assert len(list(index.places())) + len(index.left_out) >= 0

    own = ("index.json", "rows-1.bin", "names-1.bin", "removed-1.npy", "left_out-2.json")
    return {f"index: {name}": (root / "index" / name, read) for name in own} | {
        "tar": (root / "images.tar", lambda: collect([root / "images.tar"])),
        "list of images": (listed, lambda: collect([listed])),
    }
