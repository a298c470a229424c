import csv
import json
from pathlib import Path

import pytest
from soft_images import encoded, soft_image, write_soft_images

from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.data.copies import fingerprinting


def copied_folder(folder: Path, count: int) -> Path:
    """`count` images, each a second time as a JPEG; captions.csv with one caption each."""
    paths = write_soft_images(folder / "images", range(count))
    for seed, path in enumerate(paths):
        path.with_suffix(".jpg").write_bytes(encoded(soft_image(seed), "JPEG", quality=70))
    names = sorted(path.name for path in (folder / "images").iterdir())
    rows = [f"{name},image {name}" for name in names]
    (folder / "captions.csv").write_text("\n".join(["image,caption", *rows]) + "\n")
    return folder


def build(folder: Path, output: Path, **options) -> dict[str, set[str]]:
    """Split -> the names in it, from the captions that are stored with the images."""
    BuildTFRecords(
        source="csv",
        images=folder / "images",
        captions=folder / "captions.csv",
        output=output,
        workers=1,
        **options,
    ).run()
    names: dict[str, set[str]] = {}
    for shard in output.glob("kclip-*"):
        data = shard.read_bytes()
        split = shard.name.split("-")[1].removesuffix(".tfrecord")
        found = {
            p.name for p in (folder / "images").iterdir() if f"image {p.name}".encode() in data
        }
        names.setdefault(split, set()).update(found)
    return names


def listed(output: Path) -> list[dict[str, str]]:
    with (output / "copies.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_copies_stay_on_one_side_with_their_captions(tmp_path, capsys):
    folder = copied_folder(tmp_path / "mine", 12)
    splits = build(folder, tmp_path / "out", validation_fraction=0.25)
    assert {split: len(names) for split, names in splits.items()} == {"train": 18, "validation": 6}
    stems = {split: {Path(name).stem for name in names} for split, names in splits.items()}
    assert not stems["train"] & stems["validation"]
    rows = listed(tmp_path / "out")
    assert len(rows) == 24 and {row["across_splits"] for row in rows} == {"no"}
    assert "copies    24 images in 12 groups (copies.csv)" in capsys.readouterr().out


def test_copies_that_given_splits_share_are_kept_and_listed(tmp_path, capsys):
    folder = copied_folder(tmp_path / "mine", 6)
    (folder / "train.txt").write_text("".join(f"{n:03d}.png\n" for n in range(6)))
    (folder / "dev.txt").write_text("000.jpg\n001.jpg\n")
    lists = (f"train={folder}/train.txt", f"validation={folder}/dev.txt")
    splits = build(folder, tmp_path / "out", split_lists=lists)
    assert splits["validation"] == {"000.jpg", "001.jpg"} and len(splits["train"]) == 6
    assert "2 images of validation have copies in train" in capsys.readouterr().out
    assert [
        (row["split"], row["file_name"], row["copy_of"]) for row in listed(tmp_path / "out")
    ] == [
        ("validation", "000.jpg", ""),
        ("train", "000.png", "000.jpg"),
        ("validation", "001.jpg", ""),
        ("train", "001.png", "001.jpg"),
    ]


def test_a_build_that_goes_on_samples_the_same_and_opens_nothing_again(tmp_path, monkeypatch):
    folder = copied_folder(tmp_path / "mine", 8)
    first = build(folder, tmp_path / "out", validation_fraction=0.25)
    (tmp_path / "out/dataset_info.json").unlink()
    next((tmp_path / "out").glob("kclip-train*")).unlink()
    monkeypatch.setattr(fingerprinting, "fingerprint", lambda *_: pytest.fail("opened again"))
    assert build(folder, tmp_path / "out", validation_fraction=0.25) == first


def test_it_can_be_left_out(tmp_path, capsys):
    folder = copied_folder(tmp_path / "mine", 4)
    build(folder, tmp_path / "out", find_copies=False)
    assert not (tmp_path / "out/copies.csv").exists()
    assert "copies    not looked for" in capsys.readouterr().out
    assert "fingerprints" not in json.dumps([p.name for p in (tmp_path / "out/build").iterdir()])
