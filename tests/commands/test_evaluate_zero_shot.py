import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_embedder import COLORS, FakeEmbedder, write_class_folders, write_color_images
from PIL import Image
from soft_images import encoded, soft_image, write_soft_images

from kclip.cli import main


@pytest.fixture
def data(tmp_path, monkeypatch):
    write_class_folders(tmp_path / "images")
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: FakeEmbedder())
    return tmp_path


def evaluate(data, *options):
    flags = ["--model", "m", "--output", str(data / "out")]
    if not {"--images", "--data-dir", "--tfds"} & set(options):
        flags += ["--images", str(data / "images")]
    main("evaluate_zero_shot", [*flags, *map(str, options)])


def metrics_of(data):
    return json.loads((data / "out" / "metrics.json").read_text())


def predictions_of(data):
    with (data / "out" / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def failure(capsys, data, *options):
    with pytest.raises(SystemExit) as exit_info:
        evaluate(data, *options)
    return exit_info.value.code, capsys.readouterr().err


def test_metrics_pictures_and_report(data, capsys):
    evaluate(data)
    metrics = json.loads((data / "out" / "metrics.json").read_text())
    names = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "top_5_accuracy")
    assert [metrics[name] for name in names] == [1.0] * 5
    assert metrics["templates"] == ["a photo of a {}."]
    assert metrics["evaluated_on"] == "all 18 images"
    assert {path.name for path in (data / "out").iterdir()} == {
        "metrics.json", "report.md", "predictions.csv", "per_class.csv", "classes.npz",
        "confusion_matrix.png", "reliability.png", "coverage.png",
    }  # fmt: skip
    output = capsys.readouterr().out
    assert "| accuracy        | 100.0 %   |" in output
    assert "| purple | 100.0 %   | 100.0 % | 100.0 % | 3      |" in output


def test_templates_are_those_that_were_asked_for(data):
    evaluate(data, "--template", "a {} wall", "one {}", "small_pictures")
    templates = json.loads((data / "out" / "metrics.json").read_text())["templates"]
    assert templates[:2] == ["a {} wall", "one {}"]
    assert "a blurry photo of a {}." in templates


def test_a_template_without_braces(data, capsys):
    code, message = failure(capsys, data, "--template", "a photo")
    assert code == 2
    assert "'a photo' has no {}" in message


def test_a_flat_folder(data, capsys):
    write_color_images(data / "flat")
    code, message = failure(capsys, data, "--images", str(data / "flat"))
    assert code == 2
    assert "flat" in message and "no class folders" in message


def test_one_class(data, capsys):
    write_color_images(data / "single" / "red", per_color=1)
    code, message = failure(capsys, data, "--images", str(data / "single"))
    assert code == 2
    assert "holds the one class 'red'" in message


@pytest.mark.parametrize("make", [True, False])
def test_an_empty_or_missing_folder(data, capsys, make):
    if make:
        (data / "nothing").mkdir()
    code, message = failure(capsys, data, "--images", str(data / "nothing"))
    assert code == 2
    assert "nothing" in message and len(message.strip().splitlines()) == 1


def test_stray_images_beside_the_class_folders(data, capsys):
    for number in range(4):
        shutil.copy(data / "images/red/red_0.png", data / f"images/stray_{number}.png")
    code, message = failure(capsys, data)
    assert code == 2  # 4 of 22 are more than 1 % and more than three
    assert "stray_0.png: no class folder" in message and "give --max-unreadable 0.19" in message
    evaluate(data, "--max-unreadable", 0.19)
    assert metrics_of(data)["num_images"] == 18


@pytest.fixture
def splits(data):
    """Three images a colour to train on, two to validate and one to test."""
    for split, count in (("Train", 3), ("valid", 2), ("test", 1)):
        write_class_folders(data / "splits" / split, per_color=count)
    return data / "splits"


def test_the_test_split_is_measured_and_validation_calibrated_on(data, splits, capsys):
    evaluate(data, "--images", splits, "--calibration-images", splits)
    metrics = metrics_of(data)
    assert (metrics["num_images"], metrics["calibration"]["num_images"]) == (6, 12)
    assert {row["file"].split("/")[0] for row in predictions_of(data)} == {"test"}
    output = capsys.readouterr().err
    assert "test/ is taken for evaluation (6 images); left aside: train (18)" in output
    assert "valid/ is taken for calibration (12 images)" in output


def test_images_that_are_measured_and_calibrated_on_are_said(data, splits, capsys):
    (splits / "test").rename(data / "removed")
    evaluate(data, "--images", splits, "--calibration-images", splits)
    expected = "12 of the 12 measured images are calibrated on as well"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(("split", "count"), [("Train", 18), ("validation", 12), ("all", 36)])
def test_another_split_is_measured_where_it_is_named(data, splits, split, count):
    evaluate(data, "--images", splits, "--split", split)
    assert metrics_of(data)["num_images"] == count


def test_predictions_name_the_likeliest_classes(data):
    evaluate(data, "--top-k", 2)
    rows = predictions_of(data)
    assert list(rows[0]) == [
        "file", "true_class", "predicted_class",
        "class_1", "probability_1", "class_2", "probability_2",
    ]  # fmt: skip
    assert [row["file"] for row in rows[:2]] == ["blue/blue_0.png", "blue/blue_1.png"]
    for row in rows:
        assert row["predicted_class"] == row["class_1"] == row["true_class"]
        assert float(row["probability_1"]) > float(row["probability_2"])


def test_below_the_threshold_the_answer_is_unknown(data, monkeypatch):
    unsure = FakeEmbedder()
    unsure.logit_scale = 3.0  # so that probabilities differ in the digits that are written
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: unsure)
    evaluate(data)
    sure = sorted(float(row["probability_1"]) for row in predictions_of(data))
    evaluate(data, "--threshold", (sure[8] + sure[9]) / 2)
    rows = predictions_of(data)
    assert sum(row["predicted_class"] == "unknown" for row in rows) == 9
    abstention = metrics_of(data)["abstention"]
    assert (abstention["coverage"], abstention["accuracy"]) == (0.5, 1.0)
    assert "50.0 % of the images are answered" in (data / "out" / "report.md").read_text()
    evaluate(data, "--threshold", 1)
    assert metrics_of(data)["abstention"]["accuracy"] is None


@pytest.fixture
def confusing(data):
    """A third of the red images lie in the folder of blue, so that there is something to fit."""
    for name in ("red_0.png", "red_1.png"):
        (data / "images" / "red" / name).rename(data / "images" / "blue" / name)
    (data / "images" / "grey" / "grey_0.png").rename(data / "images" / "green" / "grey_0.png")
    return data


def test_a_share_is_calibrated_on_and_not_measured(confusing):
    evaluate(confusing, "--calibration-fraction", 0.4, "--seed", 3)
    metrics = metrics_of(confusing)
    calibration = metrics["calibration"]
    # 2 of 5 blue, 2 of 4 green, 1 of 2 grey, 1 of 3 purple and yellow; the one red stays
    assert calibration["num_images"] == 7
    assert metrics["num_images"] == sum(map(sum, metrics["confusion_matrix"])) == 11
    assert metrics["evaluated_on"] == "the 11 images that no temperature was fitted on"
    assert calibration["fitted_on"] == "40% of each class, sampled by seed 3 (7 images)"
    assert calibration["temperature"] != 1
    assert len(predictions_of(confusing)) == 11
    assert len(calibration["reliability"]["after"]) == 15
    saved = np.load(confusing / "out" / "classes.npz")
    assert float(saved["temperature"]) == calibration["temperature"]
    report = (confusing / "out" / "report.md").read_text()
    assert "sampled by seed 3" in report and "after calibration" in report


def test_no_copy_of_a_measured_image_is_calibrated_on(data):
    for name, start in (("red", 0), ("blue", 100)):
        for path in write_soft_images(data / "copied" / name, range(start, start + 6)):
            copy = encoded(soft_image(int(path.stem)), "JPEG", quality=60)
            path.with_suffix(".jpg").write_bytes(copy)
    evaluate(data, "--images", data / "copied", "--calibration-fraction", 0.5)
    measured = [row["file"].rsplit(".", 1)[0] for row in predictions_of(data)]
    assert len(measured) == 12
    assert all(measured.count(name) == 2 for name in measured)


def test_images_of_their_own_are_calibrated_on(confusing):
    write_class_folders(confusing / "others", per_color=2)
    evaluate(confusing, "--calibration-images", confusing / "others")
    metrics = metrics_of(confusing)
    assert (metrics["num_images"], metrics["calibration"]["num_images"]) == (18, 12)
    evaluate(
        confusing, "--calibration-images", confusing / "others", "--calibration-fraction", 0.4,
    )  # fmt: skip
    metrics = metrics_of(confusing)
    assert (metrics["num_images"], metrics["calibration"]["num_images"]) == (11, 19)


def test_the_threshold_for_a_wanted_accuracy_is_chosen_on_the_calibration_images(confusing):
    evaluate(confusing, "--calibration-images", confusing / "images", "--wanted-accuracy", 0.5)
    abstention = metrics_of(confusing)["abstention"]
    chosen = abstention["chosen"]
    assert abstention["threshold"] == chosen["threshold"] and chosen["num_images"] == 18
    # The same images here, so that the counts are those that are measured.
    assert abstention["accuracy"] == chosen["num_right"] / chosen["num_answered"]
    assert 0.5 <= chosen["bound"] < abstention["accuracy"]
    report = (confusing / "out" / "report.md").read_text()
    promise = f"the accuracy on images of this kind is above {100 * chosen['bound']:.1f} %"
    assert promise in report


def test_eighteen_images_do_not_promise_ninety_percent(confusing, capsys):
    flags = ("--calibration-images", confusing / "images", "--wanted-accuracy", 0.9)
    code, message = failure(capsys, confusing, *flags)
    assert code == 2
    assert "no threshold makes 90.0% of the answers right, as far as 18 calibration" in message


def test_calibration_images_of_other_classes(data, capsys):
    write_class_folders(data / "others", per_color=1)
    (data / "others" / "red").rename(data / "others" / "crimson")
    code, message = failure(capsys, data, "--calibration-images", data / "others")
    assert code == 2
    assert "'crimson' in" in message and "is none of the classes: blue, green" in message


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--threshold", "1.5"), "--threshold is 1.5; give a number from 0 to 1"),
        (("--wanted-accuracy", "90"), "--wanted-accuracy is 90.0; give a number from 0 to 1"),
        (("--wanted-accuracy", "0.9"), "give --calibration-fraction or --calibration-images"),
        (("--wanted-accuracy", "0.9", "--threshold", "0.5"), "not both"),
        (("--calibration-fraction", "-0.1"), "--calibration-fraction is -0.1"),
        (
            ("--calibration-fraction", "1"),
            "--calibration-fraction is 1.0; give a number from 0 to 0.99",
        ),
        (("--calibration-fraction", "0.01"), "of 18 images in 6 classes is none"),
        (("--top-k", "0"), "--top-k is 0"),
        (("--protocol", "cifar10"), "leave out the other data options"),
        (("--protocol", "mnist", "--data-dir", "x"), "there is no protocol 'mnist'; expected one"),
        (("--protocol", "pets", "--data-dir", "x"), "www.robots.ox.ac.uk"),
    ],
)
def test_mistakes_are_one_sentence(data, capsys, options, sentence):
    code, message = failure(capsys, data, *options)
    assert code == 2
    assert sentence in message.strip().splitlines()[-1] and message.count("error") == 1
    assert not (data / "out" / "metrics.json").exists()


def test_no_images_at_all(data, capsys):
    with pytest.raises(SystemExit):
        main("evaluate_zero_shot", ["--model", "m", "--output", str(data / "out")])
    assert "give --images, or --protocol and --data-dir" in capsys.readouterr().err


def test_synonyms_come_from_a_file(data):
    (data / "images" / "red").rename(data / "images" / "rosso")
    file = data / "classes.txt"
    file.write_text("# Italian\nrosso: red, crimson\nblue\ngreen\ngrey: grey\npurple\nyellow\n")
    evaluate(data, "--classes", file)
    metrics = metrics_of(data)
    assert metrics["class_names"] == ["blue", "green", "grey", "purple", "red", "yellow"]
    assert metrics["accuracy"] == 1.0


def test_a_file_of_classes_that_lacks_one(data, capsys):
    (data / "classes.txt").write_text("red\nblue\ngreen\n")
    code, message = failure(capsys, data, "--classes", data / "classes.txt")
    assert code == 2
    assert "lacks 3 of the 6 classes, such as 'grey'" in message


def test_a_benchmark_has_its_own_prompts_and_published_figures(data):
    folder = data / "cifar" / "cifar-100-binary"
    folder.mkdir(parents=True)
    names = [*["red", "green", "blue"], *(f"class_{n}" for n in range(97))]
    (folder / "fine_label_names.txt").write_text("\n".join(names))
    colors = np.array([[220, 40, 40], [40, 180, 60], [40, 80, 220]], np.uint8)
    rows = [bytes([0, n]) + np.repeat(color, 32 * 32).tobytes() for n, color in enumerate(colors)]
    (folder / "test.bin").write_bytes(b"".join(rows))
    evaluate(data, "--protocol", "cifar100", "--data-dir", data / "cifar")
    metrics = metrics_of(data)
    assert (metrics["accuracy"], metrics["mean_per_class_accuracy"]) == (1.0, 1.0)
    assert "a blurry photo of a {}." in metrics["templates"]
    assert {"model": "CLIP ViT-B/32", "percent": 64.2, "source": "open_clip, CLIP_benchmark"} in (
        metrics["published"]
    )
    report = (data / "out" / "report.md").read_text()
    assert "| 64.2 %" in report and "published: open_clip" in report
    assert "cannot be zero-shot" in report
    with Image.open(data / "out" / "confusion_matrix.png") as picture:
        picture.load()


def test_class_embeddings_are_computed_once(data, monkeypatch):
    evaluate(data, "--calibration-fraction", 0.4)
    monkeypatch.setattr(FakeEmbedder, "embed_texts", None)  # would fail if it were called
    evaluate(data)
    assert metrics_of(data)["calibration"]["temperature"] == 1


def test_a_data_set_of_tfds(data):
    from kclip.data.records.encoding import Encoding
    from kclip.data.records.metadata import write_metadata
    from kclip.data.records.writer import build_shards
    from kclip.data.sources.folders import read_class_folders

    records = [
        replace(record, split="test") for record in read_class_folders(data / "images").records
    ]
    shards = build_shards({"test": records}, data / "built", Encoding(), {}, 1, {}).shards
    write_metadata(data / "built", shards)
    evaluate(data, "--tfds", data / "built", "--template", "a {} wall")
    assert metrics_of(data)["accuracy"] == 1.0


def test_celebrities_with_a_file_of_names(data):
    paths = sorted((data / "images").rglob("*.png"))
    (data / "celeba" / "img_align_celeba").mkdir(parents=True)
    rows = []
    for number, path in enumerate(paths):
        path.rename(data / "celeba" / "img_align_celeba" / f"{number}.jpg")
        rows.append((f"{number}.jpg", sorted(COLORS).index(path.parent.name)))
    (data / "celeba" / "identity_CelebA.txt").write_text(
        "".join(f"{name} {identity}\n" for name, identity in rows)
    )
    (data / "celeba" / "list_eval_partition.txt").write_text(
        "".join(f"{name} 2\n" for name, _ in rows)
    )
    names = "".join(f"{identity}: {name}\n" for identity, name in enumerate(sorted(COLORS)))
    (data / "names.txt").write_text(names)
    flags = ["--protocol", "celeba", "--data-dir", data / "celeba"]
    evaluate(data, *flags, "--identities", 4, "--classes", data / "names.txt")
    metrics = metrics_of(data)
    assert (metrics["num_images"], metrics["accuracy"]) == (12, 1.0)
    assert len(metrics["class_names"]) == 4  # those of the draw, however many the file names
    assert "a portrait of {}." in metrics["templates"]
    evaluate(data, *flags, "--identities", 6)  # numbers for names: the model can't know them
    assert metrics_of(data)["class_names"][0] == "celebrity 0"
