import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.errors import KclipError, UserError

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/build_tfrecords.py"


def noise_png(seed: int, side: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def user_folder(folder: Path, count: int, side: int = 12) -> Path:
    """images/NNN.png and captions.csv with two captions each."""
    (folder / "images").mkdir(parents=True)
    rows = ["image,caption"]
    for i in range(count):
        (folder / f"images/{i:03d}.png").write_bytes(noise_png(i, side))
        rows += [f"{i:03d}.png,noise {i}", f"{i:03d}.png,more noise {i}"]
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder


def csv_build(folder: Path, output: Path, **options) -> BuildTFRecords:
    options = {"workers": 1} | options
    return BuildTFRecords(
        source="csv",
        images=folder / "images",
        captions=folder / "captions.csv",
        output=output,
        **options,
    )


def shard_digests(output: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in output.glob("kclip-*")
    }


def examples(output: Path, split: str) -> list[dict]:
    import tensorflow_datasets as tfds

    return list(tfds.as_numpy(tfds.builder_from_directory(output).as_dataset(split=split)))


def rejected(output: Path) -> dict[str, str]:
    with (output / "rejected.csv").open(newline="") as file:
        return {row["file_name"]: row["reason"] for row in csv.DictReader(file)}


def test_csv_with_lists_and_labels_is_what_tfds_reads(tmp_path, capsys):
    folder = user_folder(tmp_path / "mine", 12)
    (folder / "labels.csv").write_text("image,labels\n000.png,red ball;dog\n")
    (folder / "train.txt").write_text("".join(f"{i:03d}.png\n" for i in range(8)))
    (folder / "dev.txt").write_text("008.png\n009.png\n")
    lists = (f"train={folder}/train.txt", f"validation={folder}/dev.txt")
    csv_build(
        folder,
        tmp_path / "out",
        split_lists=lists,
        labels=folder / "labels.csv",
        max_images=("train=7",),
        captions_per_image=1,
        shards=("train=3",),
    ).run()
    train, validation = (examples(tmp_path / "out", split) for split in ("train", "validation"))
    assert len(train) == 7
    assert sorted(example["id"] for example in validation) == [b"008.png", b"009.png"]
    for example in train + validation:
        i = int(example["file_name"][:3])
        expected = Image.open(io.BytesIO(noise_png(i, 12)))
        np.testing.assert_array_equal(example["image"], np.asarray(expected))
        assert example["captions"].tolist() == [f"noise {i}".encode()]
        assert example["labels"].tolist() == ([b"red ball", b"dog"] if i == 0 else [])
        assert example["ignored_labels"].tolist() == ([] if i == 0 else [b"*"])
    summary = capsys.readouterr().out
    for part in (
        "train 7, validation 2",
        "rejected  0",
        "4 shards",
        "images/s",
        "next: kclip train_dual_encoder",
        "note      2 of 12 images of captions.csv are in no list",
        "note      labels.csv has no labels for 9 of 10 images",
    ):
        assert part in summary


def write_coco(folder: Path, split: str, ids: list[int]) -> None:
    (folder / split).mkdir(parents=True)
    for i in ids:
        (folder / split / f"{i}.png").write_bytes(noise_png(i, 12))
    images = [{"id": i, "file_name": f"{i}.png"} for i in ids]
    captions = [{"image_id": i, "caption": f"noise {i}, {n}"} for i in ids for n in range(5)]
    boxes = [{"image_id": i, "category_id": i % 2} for i in ids]
    categories = [{"id": 0, "name": "even"}, {"id": 1, "name": "odd"}]
    content = {"images": images, "annotations": captions}
    (folder / f"captions_{split}.json").write_text(json.dumps(content))
    content = {"images": images, "annotations": boxes, "categories": categories}
    (folder / f"instances_{split}.json").write_text(json.dumps(content))


def test_coco_with_two_jsons(tmp_path, capsys):
    write_coco(tmp_path, "train", list(range(10)))
    (tmp_path / "train/99.png").write_bytes(noise_png(99, 12))  # named by no JSON
    write_coco(tmp_path, "val", [9, 10, 11])  # both have an image 9
    BuildTFRecords(
        source="coco",
        images=tmp_path / "train",
        captions=tmp_path / "captions_train.json",
        labels=tmp_path / "instances_train.json",
        validation_images=tmp_path / "val",
        validation_captions=tmp_path / "captions_val.json",
        captions_per_image=3,
        workers=1,
        output=tmp_path / "out",
    ).run()
    train, validation = (examples(tmp_path / "out", split) for split in ("train", "validation"))
    assert [len(example["captions"]) for example in train] == [3] * 10
    assert {int(e["id"]): e["labels"].tolist() for e in train}[3] == [b"odd"]
    assert sorted(example["id"].decode() for example in validation) == [
        "validation/10", "validation/11", "validation/9",
    ]  # fmt: skip
    assert rejected(tmp_path / "out") == {}
    # Training images have labels, so that these have none must not say that they show nothing.
    assert all(example["ignored_labels"].tolist() == [b"*"] for example in validation)
    summary = capsys.readouterr().out
    assert "labels of all 3 images of the split validation are unknown" in summary
    assert "1 of 11 images in " in summary and "train are in no record (such as 99.png)" in summary


def test_coco_with_a_fraction(tmp_path):
    write_coco(tmp_path, "train", list(range(10)))
    BuildTFRecords(
        source="coco",
        images=tmp_path / "train",
        captions=tmp_path / "captions_train.json",
        validation_fraction=0.4,
        max_images=("train=5", "validation=3"),
        workers=1,
        output=tmp_path / "out",
    ).run()
    train, validation = (examples(tmp_path / "out", split) for split in ("train", "validation"))
    ids = {example["id"] for example in train + validation}
    assert (len(train), len(validation), len(ids)) == (5, 3, 8)


def test_class_folders_and_a_tfds_dataset_made_of_them(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(noise_png(3, 12))
    BuildTFRecords(
        source="folders", images=tmp_path / "mine", workers=1, output=tmp_path / "first"
    ).run()
    BuildTFRecords(
        source="tfds", dataset=str(tmp_path / "first"), workers=1, output=tmp_path / "second"
    ).run()
    first, second = (
        {e["id"]: e["labels"].tolist() for e in examples(tmp_path / name, "train")}
        for name in ("first", "second")
    )
    assert first == second
    assert first == {b"cat/1.png": [b"cat"], b"cat/2.png": [b"cat"], b"dog/1.png": [b"dog"]}


def test_the_generated_default(tmp_path, monkeypatch):
    from kclip.data.sources.synthetic import generation as synthetic

    def small(directory, seed):
        synthetic.generate_scenes(
            directory, num_train=6, num_dev=3, zero_shot_per_class=1, seed=seed
        )

    monkeypatch.setattr("kclip.data.sources.registry.generate_scenes", small)
    monkeypatch.chdir(tmp_path)
    BuildTFRecords(workers=1).run()
    train = examples(tmp_path / "tfrecords/synthetic", "train")
    assert len(train) == 6
    assert all(len(e["captions"]) == 5 and len(e["labels"]) > 0 for e in train)
    assert len(examples(tmp_path / "tfrecords/synthetic", "validation")) == 3


def damage_some(folder: Path) -> dict[str, str]:
    """Makes eight of the images bad and returns their reasons."""
    images = folder / "images"
    (images / "000.png").unlink()
    (images / "001.png").write_bytes(b"")
    (images / "002.png").write_bytes(noise_png(2, 12)[:150])
    (images / "003.png").write_text("words")
    huge = bytearray(noise_png(4, 12))
    huge[16:24] = (30_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    (images / "004.png").write_bytes(bytes(huge))
    frames = [Image.new("RGB", (4, 4), (i * 90, 0, 0)) for i in range(3)]
    frames[0].save(images / "005.png", "GIF", save_all=True, append_images=frames[1:])
    with (folder / "captions.csv").open("a") as file:
        file.write("006.png,\nunknown.png,who is this\n")
    return {
        "000.png": "missing",
        "001.png": "empty",
        "002.png": "truncated",
        "003.png": "not an image",
        "004.png": "image bomb",
        "005.png": "animation",
        "006.png": "empty caption",
        "unknown.png": "missing",
    }


def test_every_bad_input_is_named_and_the_rest_is_built(tmp_path):
    folder = user_folder(tmp_path / "mine", 30)
    expected = damage_some(folder)
    for workers in (1, 2):
        output = tmp_path / f"out{workers}"
        csv_build(folder, output, workers=workers, max_rejected=0.5, shards=("4",)).run()
        assert {n: r.partition(":")[0] for n, r in rejected(output).items()} == expected
        assert len(examples(output, "train")) == 24
    assert shard_digests(tmp_path / "out1") == shard_digests(tmp_path / "out2")
    assert (tmp_path / "out1/rejected.csv").read_text() == (
        tmp_path / "out2/rejected.csv"
    ).read_text()


def test_too_many_rejections_end_the_build_but_keep_the_shards(tmp_path):
    folder = user_folder(tmp_path / "mine", 30)
    damage_some(folder)
    with pytest.raises(KclipError, match="8 images were rejected, 25.8%.*rejected.csv") as caught:
        csv_build(folder, tmp_path / "out").run()
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out/dataset_info.json").exists()
    assert len(rejected(tmp_path / "out")) == 8
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("kclip-*")}
    csv_build(folder, tmp_path / "out", max_rejected=0.3).run()
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("kclip-*")}
    assert len(examples(tmp_path / "out", "train")) == 24


def test_the_seed_and_the_request_decide_the_bytes(tmp_path):
    folder = user_folder(tmp_path / "mine", 20)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        csv_build(folder, tmp_path / name, seed=seed).run()
    assert shard_digests(tmp_path / "a") == shard_digests(tmp_path / "b")
    assert shard_digests(tmp_path / "a") != shard_digests(tmp_path / "c")
    with pytest.raises(UserError, match="seed 0 then, 1 now"):
        csv_build(folder, tmp_path / "a", seed=1).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "csv"}, "--source csv needs --images"),
        ({"source": "tfds"}, "--source tfds needs --dataset"),
        ({"dataset": "coco"}, "--dataset has no meaning with --source synthetic"),
        ({"resize": 0}, "--resize is 0; give a number from 1"),
        ({"workers": 0}, "--workers is 0"),
        ({"jpeg_quality": 101}, "--jpeg-quality is 101; give a number from 1 to 100"),
        ({"max_rejected": 2.0}, "--max-rejected is 2.0; give a number from 0 to 1"),
        ({"max_images": ("all",), "source": "folders", "images": Path()}, "--max-images got 'all'"),
        ({"verify": True}, "holds no finished TFRecords"),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, options, message):
    (tmp_path / "out").mkdir()
    if "images" in options:
        (tmp_path / "dog").mkdir()
        (tmp_path / "dog/1.png").touch()
        options = options | {"images": tmp_path}
    with pytest.raises(UserError, match=message):
        BuildTFRecords(output=tmp_path / "out", **options).run()


def run_script(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_script_ends_with_the_right_codes(tmp_path):
    folder = user_folder(tmp_path / "mine", 5)
    (folder / "wrong.csv").write_text("file,text\n")
    given = ("--source", "csv", "--images", folder / "images", "--output", tmp_path / "out")
    wrong = run_script(*given, "--captions", folder / "wrong.csv")
    assert wrong.returncode == 2
    assert "'file', 'text'; expected 'image', 'caption'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    built = run_script(*given, "--captions", folder / "captions.csv", "--workers", 2)
    assert built.returncode == 0, built.stderr
    assert "img/s" in built.stderr
    sound = run_script("--verify", "--output", tmp_path / "out")
    assert (sound.returncode, sound.stdout.count("train 5 records")) == (0, 1)
    shard = tmp_path / "out/kclip-train.tfrecord-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-1])
    damaged = run_script("--verify", "--output", tmp_path / "out")
    assert damaged.returncode == 1
    assert "not as they were written" in damaged.stderr


def test_help_and_workers_load_no_tensorflow():
    code = (
        "import sys, kclip.commands.build_tfrecords, kclip.data.records.workers;"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets', 'matplotlib', 'sklearn'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def finished_shards(output: Path) -> dict[str, int]:
    notes = output.glob("build/kclip-*.json")
    return {note.stem: (output / note.stem).stat().st_mtime_ns for note in notes}


# Runs the command and kills a process of it when so many shards are finished. One worker is then
# within a shard and will stay there: the path of its last image is never told.
STUCK_PATH = """
import pathlib, time

class StuckPath(type(pathlib.Path())):
    def __fspath__(self):
        time.sleep(3600)

    stat = __fspath__
"""
STOPPED_BUILD = """
import multiprocessing, os, signal, sys
from kclip.cli import main
from kclip.data.records import writer
from stuck_path import StuckPath

target, wanted = sys.argv[1], int(sys.argv[2])

def stopped(jobs, workers, write=writer.write_shards):
    last = jobs[-1].records[-1]
    object.__setattr__(last, "image", StuckPath(last.image))
    for number, result in enumerate(write([jobs[-1], *jobs[:wanted]], workers), 1):
        yield result
        if number == wanted:
            pids = {"build": os.getpid(), "worker": multiprocessing.active_children()[0].pid}
            os.kill(pids[target], signal.SIGKILL)

writer.write_shards = stopped
main("build_tfrecords", sys.argv[3:])
"""


def stopped_build(target: str, wanted: int, folder: Path, output: Path) -> tuple[int, str]:
    """Gives the exit code and stderr, whose end is that of the build's last process."""
    command = [sys.executable, "-c", STOPPED_BUILD, target, str(wanted), "--source", "csv"]
    command += ["--images", str(folder / "images"), "--captions", str(folder / "captions.csv")]
    command += ["--output", str(output), "--resize", "8", "--shards", "8", "--workers", "2"]
    (folder / "stuck_path.py").write_text(STUCK_PATH)
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    return run.returncode, run.stderr


def test_a_killed_worker_ends_the_build_with_a_sentence(tmp_path):
    folder = user_folder(tmp_path / "mine", 16)
    code, errors = stopped_build("worker", 1, folder, tmp_path / "out")
    assert code == 1
    assert "a worker process was killed" in errors
    assert "Traceback" not in errors


def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(tmp_path):
    folder = user_folder(tmp_path / "mine", 16)
    options = {"resize": 8, "shards": ("8",)}
    csv_build(folder, tmp_path / "whole", **options).run()
    output = tmp_path / "killed"
    for wanted in (1, 3):
        kept = finished_shards(output)
        code, _ = stopped_build("build", wanted, folder, output)
        assert code == -signal.SIGKILL
        assert len(finished_shards(output)) == len(kept) + wanted
        assert list(output.glob("build/*.tmp"))
        # What has a final name is whole, and what was finished before was not touched.
        expected = shard_digests(tmp_path / "whole")
        assert shard_digests(output).items() <= expected.items()
        assert kept.items() <= finished_shards(output).items()
        assert not (output / "dataset_info.json").exists()
    kept = finished_shards(output)
    csv_build(folder, output, **options).run()
    assert shard_digests(output) == shard_digests(tmp_path / "whole")
    assert kept.items() <= finished_shards(output).items()
    assert not list(output.glob("build/*.tmp"))
    info = [(tmp_path / name / "dataset_info.json").read_bytes() for name in ("whole", "killed")]
    assert info[0] == info[1]
