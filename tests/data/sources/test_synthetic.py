import csv
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path
from random import Random

import numpy as np
import pytest
from caption_reader import captions_fit, read_caption
from PIL import Image

from kclip.data.records.writer import SOURCE_FOLDER, check_output
from kclip.data.sources.synthetic import generation as synthetic
from kclip.data.sources.synthetic.captions import describe_scene
from kclip.data.sources.synthetic.drawing import draw_scene
from kclip.data.sources.synthetic.generation import generate_scenes
from kclip.data.sources.synthetic.scenes import (
    COLOURS,
    NEVER_TRAINED,
    POSITIONS,
    SHAPES,
    TRAINED,
    Group,
    Scene,
    sample_scene,
    sample_single,
)
from kclip.errors import UserError

SMALL = {"num_train": 12, "num_dev": 6, "zero_shot_per_class": 2}
CLASS_NAMES = {f"{colour} {shape}" for colour, shape in NEVER_TRAINED}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "shapes"
    generate_scenes(folder, **SMALL)
    return folder


@pytest.fixture(scope="module")
def described() -> list[tuple[Scene, list[str]]]:
    """As many scenes as the default dev split holds, with their captions."""
    randoms = [Random(f"described/{index}") for index in range(500)]
    scenes = [sample_scene(random) for random in randoms]
    return [(s, describe_scene(s, random)) for s, random in zip(scenes, randoms, strict=True)]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_folder_holds_what_its_files_name(dataset):
    train, dev = ((dataset / f"{split}.txt").read_text().split() for split in ("train", "dev"))
    images = sorted(path.name for path in (dataset / "images").iterdir())
    assert (len(train), len(dev)) == (12, 6)
    assert images == sorted(train + dev)
    with (dataset / "captions.csv").open(newline="") as file:
        captions = defaultdict(set)
        for row in csv.DictReader(file):
            captions[row["image"]].add(row["caption"])
    assert sorted(captions) == images
    assert {len(texts) for texts in captions.values()} == {5}
    with (dataset / "labels.csv").open(newline="") as file:
        labels = {row["image"]: row["labels"].split(";") for row in csv.DictReader(file)}
    assert sorted(labels) == images
    for name in images:
        for caption in captions[name]:
            groups, _, _ = read_caption(caption)
            assert {f"{g['colour']} {g['shape']}" for g in groups} == set(labels[name])


def test_class_folders_are_the_never_trained_combinations(dataset):
    folders = {
        path.name: len(list(path.glob("*.png"))) for path in (dataset / "zero_shot").iterdir()
    }
    assert folders == dict.fromkeys(CLASS_NAMES, 2)
    with Image.open(next((dataset / "zero_shot").rglob("*.png"))) as image:
        assert (image.size, image.mode) == ((96, 96), "RGB")


def test_same_seed_gives_the_same_bytes(dataset, tmp_path):
    generate_scenes(tmp_path / "again", **SMALL)
    generate_scenes(tmp_path / "other", **SMALL, seed=1)
    assert digests(tmp_path / "again") == digests(dataset)
    assert digests(tmp_path / "other")["captions.csv"] != digests(dataset)["captions.csv"]


def test_existing_dataset_is_kept(dataset):
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    generate_scenes(dataset, **SMALL)
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


def test_another_request_in_the_same_folder_is_an_error(dataset):
    before = digests(dataset)
    with pytest.raises(UserError, match="other settings"):
        generate_scenes(dataset, **SMALL, seed=7)
    assert digests(dataset) == before


def test_foreign_folder_is_an_error_and_an_empty_one_is_filled(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(UserError, match="choose another folder"):
        generate_scenes(tmp_path / "photos", **SMALL)
    with pytest.raises(UserError, match="is a file"):
        generate_scenes(tmp_path / "photos" / "holiday.jpg", **SMALL)
    (tmp_path / "empty").mkdir()
    generate_scenes(tmp_path / "empty", **SMALL)
    assert json.loads((tmp_path / "empty" / "request.json").read_text())["num_train"] == 12


@pytest.mark.parametrize("name", ["num_train", "num_dev", "zero_shot_per_class"])
def test_counts_below_one_are_errors(tmp_path, name):
    with pytest.raises(UserError, match=f"{name} is 0"):
        generate_scenes(tmp_path / "shapes", **{**SMALL, name: 0})


def test_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(scene, random):
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic, "describe_scene", interrupt)
    with pytest.raises(KeyboardInterrupt):
        generate_scenes(tmp_path / "shapes", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_never_trained_combinations_leave_every_part_seen():
    assert len(NEVER_TRAINED) == 8 and len(TRAINED) == 40
    assert {colour for colour, _ in TRAINED} == set(COLOURS)
    assert {shape for _, shape in TRAINED} == set(SHAPES)
    # Neither part alone can name more than half of the classes.
    for part in (0, 1):
        parts = [combination[part] for combination in NEVER_TRAINED]
        assert {parts.count(value) for value in parts} == {2}


def test_never_trained_combinations_are_in_no_scene_or_caption(described):
    for scene, captions in described:
        assert not CLASS_NAMES & set(scene.labels)
        for caption in captions:
            assert not any(name in caption for name in CLASS_NAMES)


def test_perfect_reader_finds_scenes_within_the_top_ten(described):
    scenes = [scene for scene, _ in described]
    hits = []
    for index, (_, captions) in enumerate(described):
        for caption in captions:
            fits = captions_fit(caption, scenes)
            assert fits[index], (caption, scenes[index])
            # Scenes that fit as well count as ranked before the right one.
            hits.append(sum(fits) <= 10)
    assert np.mean(hits) > 0.97


def test_captions_vary_and_class_prompts_are_among_them(described):
    captions = [caption for _, texts in described for caption in texts]
    bare = [text for text in captions if re.fullmatch(r"(a photo of )?(an? )?\w+ \w+\.?", text)]
    assert len(set(captions)) > 0.8 * len(captions)
    assert len(bare) > 0.05 * len(captions)
    assert max(len(text.split()) for text in captions) <= 28


@pytest.mark.parametrize("position", POSITIONS)
def test_object_is_drawn_at_its_position(position):
    scene = Scene((Group("red", "circle", "small", "plain"),), position, "light")
    pixels = np.asarray(draw_scene(scene, Random(0))).astype(int)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1] > 100)
    down = 0 if "top" in position else 2 if "bottom" in position else 1
    across = 0 if "left" in position else 2 if "right" in position else 1
    assert (rows.mean() // 32, columns.mean() // 32) == (down, across)
    # A disc whose radius is 0.95 times 13 to 15 pixels.
    assert np.pi * 12**2 < len(rows) < np.pi * 14.5**2


def test_relations_are_drawn_as_told():
    groups = (Group("red", "star", "large", "plain"), Group("blue", "heart", "large", "plain", 2))
    for arrangement, axis in (("left", 1), ("above", 0)):
        pixels = np.asarray(draw_scene(Scene(groups, arrangement, "dark"), Random(0))).astype(int)
        red = np.nonzero(pixels[..., 0] - pixels[..., 2] > 100)[axis]
        blue = np.nonzero(pixels[..., 2] - pixels[..., 0] > 100)[axis]
        assert red.mean() < 40 < 56 < blue.mean()


def test_textures_differ_in_their_pixels():
    images = {
        texture: np.asarray(
            draw_scene(
                Scene((Group("red", "square", "large", texture),), "middle", "dark"), Random(0)
            )
        )[35:61, 35:61]
        for texture in ("plain", "striped", "dotted")
    }
    spread = {texture: pixels[..., 1].std() for texture, pixels in images.items()}
    assert spread["plain"] < 5 < 40 < min(spread["striped"], spread["dotted"])


def test_single_scene_has_one_object_of_its_class():
    for index in range(50):
        scene = sample_single(Random(index), "red", "circle")
        assert (scene.labels, scene.num_objects) == (("red circle",), 1)


def test_a_generation_that_was_killed_is_done_again(tmp_path):
    source = tmp_path / "out" / SOURCE_FOLDER
    left = tmp_path / "out" / f".{SOURCE_FOLDER}-abcd1234" / SOURCE_FOLDER / "images"
    left.mkdir(parents=True)
    (left / "train_000000.png").touch()
    check_output(tmp_path / "out")
    generate_scenes(source, num_train=1, num_dev=1, zero_shot_per_class=1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [SOURCE_FOLDER]
    assert len(list((source / "images").iterdir())) == 2
