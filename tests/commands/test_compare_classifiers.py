import json
import shutil

import pytest
from class_folders import write_class_folders
from fake_embedder import FakeEmbedder
from soft_images import encoded, soft_image, write_soft_images
from tiny_models import randomize, tiny_dual_encoder, tiny_preprocessor

from kclip.cli import main
from kclip.data.images.content import content_digests
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.inference.trained_classifier import TrainedClassifier
from kclip.models import ImageClassifier, ImageEncoder

CLASSES = ["red", "blue", "green"]  # in another order than that of the folders
ZERO_SHOT, PROBE = ("--zero-shot", "colours"), ("--probe", "colours")


@pytest.fixture
def data(tmp_path, monkeypatch):
    write_class_folders(tmp_path / "images", per_class=8)
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: FakeEmbedder())
    return tmp_path


@pytest.fixture
def classifier(tmp_path):
    def save(class_names=CLASSES, trained_on=()):
        encoder = ImageEncoder("small_cnn", image_size=32, name="image_encoder")
        model = ImageClassifier(encoder, class_names)
        randomize(model)
        TrainedClassifier(model, trained_on).save(tmp_path / "run" / "model")
        return "--classifier", str(tmp_path / "run" / "model")

    return save


def compare(data, *options):
    flags = ["--images", str(data / "images"), "--output", str(data / "out")]
    main("compare_classifiers", [*flags, "--resamples", "200", *options])
    return json.loads((data / "out" / "metrics.json").read_text())


def failure(capsys, data, *options):
    with pytest.raises(SystemExit) as exit_info:
        compare(data, *options)
    assert exit_info.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_all_methods_on_the_same_images(data, classifier, capsys):
    share = ("--train-fraction", "0.5", "--shots", "1", "2", "4", "--draws", "3")
    metrics = compare(data, *ZERO_SHOT, *PROBE, *share, *classifier())
    names = ["colours, zero-shot", "colours, linear probe", "run, fine-tuned"]
    assert [row["name"] for row in metrics["methods"]] == names
    assert (metrics["num_images"], metrics["num_train_images"]) == (12, 12)
    assert [row["accuracy"] for row in metrics["methods"][:2]] == [1.0, 1.0]
    assert len(metrics["differences"]) == 3
    (curve,) = metrics["few_shot"]
    assert [row["shots"] for row in curve["shots"]] == [1, 2, 4]
    assert all(len(row["accuracies"]) == 3 for row in curve["shots"])
    assert (curve["zero_shot"], curve["all"]) == (1.0, 1.0)
    assert {path.name for path in (data / "out").iterdir()} == {
        "metrics.json", "report.md", "confusion_matrices.png", "accuracies.png", "few_shot.png",
        "embeddings",
    }  # fmt: skip
    report = (data / "out" / "report.md").read_text()
    assert "Published" not in report
    assert "colours, zero-shot − colours, linear probe" in report
    assert "| colours, zero-shot    | 100.0 [100.0, 100.0]" in capsys.readouterr().out


def test_a_classifier_is_asked_in_its_own_order_of_classes(data, classifier):
    options = classifier()
    own = TrainedClassifier.from_folder(options[1])
    folder = read_labelled_folder(data / "images")
    predicted = own.embed_images(folder.images, progress=False).argmax(axis=1)
    right = [
        CLASSES[number] == list(folder.classes)[label]
        for number, label in zip(predicted, folder.class_indices, strict=True)
    ]
    (row,) = compare(data, *options)["methods"]
    assert row["accuracy"] == pytest.approx(sum(right) / len(right))
    assert row["class_names"] == ["blue", "green", "red"]


def test_few_shots_are_of_distinct_images(tmp_path, data, capsys):
    for name, start in (("red", 0), ("blue", 100)):
        for path in write_soft_images(tmp_path / "train" / name, range(start, start + 3)):
            path.with_suffix(".jpg").write_bytes(encoded(soft_image(int(path.stem)), "JPEG"))
    shutil.rmtree(data / "images" / "green")
    options = (*PROBE, "--train-images", str(tmp_path / "train"), "--shots")
    assert "has 3; use fewer shots" in failure(capsys, data, *options, "4")
    assert compare(data, *options, "3")["num_train_images"] == 12


def test_embeddings_are_computed_once(data, monkeypatch):
    embedder = FakeEmbedder()
    monkeypatch.setattr("kclip.inference.embedder.Embedder.from_name", lambda _: embedder)
    for _ in range(2):
        compare(data, *ZERO_SHOT, *PROBE, "--train-fraction", "0.5", "--shots", "1")
    assert embedder.num_embedded == 24


def test_training_images_of_their_own(data):
    write_class_folders(data / "train", per_class=3, seed=1)
    metrics = compare(data, *PROBE, "--train-images", str(data / "train"))
    assert (metrics["num_images"], metrics["num_train_images"]) == (24, 9)
    assert metrics["methods"][0]["about"]["num_train_images"] == 9


@pytest.fixture
def splits(data):
    for number, (split, count) in enumerate((("train", 5), ("val", 2), ("test", 3))):
        write_class_folders(data / "splits" / split, per_class=count, seed=10 + number)
    return "--images", str(data / "splits")


def test_probes_train_on_train_and_all_are_tested_on_test(data, splits, capsys):
    metrics = compare(data, *PROBE, *ZERO_SHOT, *splits)
    assert (metrics["num_images"], metrics["num_train_images"]) == (9, 15)
    lines = capsys.readouterr().err
    assert (
        "test/ is taken for evaluation (9 images); left aside: train (15), validation (6)" in lines
    )
    assert "train/ is taken for training (15 images)" in lines


def test_a_fraction_of_splits_could_be_of_any(data, splits, capsys):
    message = failure(capsys, data, *PROBE, *splits, "--train-fraction", "0.5")
    assert "so --train-fraction could be of any of them" in message
    metrics = compare(data, *PROBE, *splits, "--train-fraction", "0.6", "--split", "train")
    assert (metrics["num_images"], metrics["num_train_images"]) == (6, 9)


def test_published_figures_stand_apart_and_say_so(data):
    metrics = compare(data, *ZERO_SHOT, "--published", "animals10")
    report = (data / "out" / "report.md").read_text()
    assert "Published, on the report's own images" in report
    assert "| Xception, fine-tuned                 | 44.22    | –" in report
    assert "44.22" not in json.dumps(metrics)


def test_a_real_model_folder_end_to_end(tmp_path):
    write_class_folders(tmp_path / "images", per_class=4)
    folder = tmp_path / "tiny" / "model"
    tiny_dual_encoder().save_to_preset(str(folder))
    tiny_preprocessor().save_to_preset(str(folder))
    options = ("--zero-shot", str(folder), "--probe", str(folder), "--train-fraction", "0.5")
    metrics = compare(tmp_path, *options)
    names = [row["name"] for row in metrics["methods"]]
    assert names == ["tiny, zero-shot", "tiny, linear probe"]


def test_nothing_to_compare(data, capsys):
    assert "give --zero-shot, --probe or --classifier" in failure(capsys, data)


def test_a_probe_without_training_images(data, capsys):
    message = failure(capsys, data, *PROBE)
    assert "a probe needs training images; give --train-images or --train-fraction" in message


def test_two_sources_of_training_images(data, capsys):
    options = ("--train-fraction", "0.5", "--train-images", "x")
    assert "not both" in failure(capsys, data, *PROBE, *options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--shots", "0"), "--shots is 0; give a number from 1"),
        (("--shots", "5"), "5 training images a class are asked for, but 'blue' has 4"),
        (("--draws", "0", "--shots", "1"), "--draws is 0; give a number from 1"),
        (("--resamples", "3"), "--resamples is 3"),
    ],
)
def test_numbers_that_make_no_sense(data, capsys, options, sentence):
    assert sentence in failure(capsys, data, *PROBE, "--train-fraction", "0.5", *options)


def test_shots_without_a_probe(data, capsys):
    assert "--shots needs a model" in failure(capsys, data, *ZERO_SHOT, "--shots", "1")


def test_class_sets_that_differ(data, capsys):
    write_class_folders(data / "train", per_class=3, seed=1)
    (data / "train" / "red").rename(data / "train" / "pink")
    message = failure(capsys, data, *PROBE, "--train-images", str(data / "train"))
    assert "must show the same classes" in message and "has pink" in message


def test_a_classifier_of_other_classes(data, capsys, classifier):
    options = classifier(["cat", "dog"])
    message = failure(capsys, data, *options)
    assert "knows cat, dog, but the class folders are blue, green, red" in message


def test_a_classifier_that_was_trained_on_the_test_images(data, capsys, classifier):
    digests = content_digests(read_labelled_folder(data / "images").images)
    message = failure(capsys, data, *classifier(trained_on=digests[:3]))
    assert "was trained on 3 of the 24 test images" in message


def test_training_images_among_the_test_images(data, capsys):
    shutil.copytree(data / "images", data / "train")
    message = failure(capsys, data, *PROBE, "--train-images", str(data / "train"))
    assert "the probe was trained on 24 of the 24 test images" in message


def test_a_missing_folder(data, capsys):
    message = failure(capsys, data, *ZERO_SHOT, "--images", str(data / "none"))
    assert "none is not a folder" in message


def test_model_folders_of_another_kind(tmp_path, capsys, classifier):
    write_class_folders(tmp_path / "images", per_class=2)
    tiny_dual_encoder().save_to_preset(str(tmp_path / "dual"))
    message = failure(capsys, tmp_path, "--classifier", str(tmp_path / "dual"))
    assert "holds kclip>DualEncoder, not a kclip image classifier" in message
    message = failure(capsys, tmp_path, "--zero-shot", classifier()[1])
    assert "kclip>ImageClassifier" in message


def test_a_classifier_of_the_hub_is_asked_by_its_name(data, monkeypatch, classifier):
    _, folder = classifier()
    load, asked = TrainedClassifier.from_folder, []

    def from_folder(name):
        asked.append(name)
        return load(folder)

    monkeypatch.setattr(TrainedClassifier, "from_folder", from_folder)
    metrics = compare(data, "--classifier", "hf://owner/name")
    assert asked == ["hf://owner/name"]
    assert [method["name"].split(",")[0] for method in metrics["methods"]] == ["name"]
