import csv
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
from class_folders import write_class_folders
from model_folder import checked_card

from kclip.cli import main
from kclip.data.images.content import content_digests
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.inference.trained_classifier import TrainedClassifier
from kclip.training.classifier.data import read_classifier_data
from kclip.training.common.callbacks import RunState

FAST = ("--size", "32", "--batch-size", "8", "--epochs", "2", "--head-learning-rate", "0.01")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_class_folders(tmp_path_factory.mktemp("data") / "images", per_class=10)


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "run"
    train(images, output, "--train-fraction", "0.8")
    return output


def train(images, output, *options):
    flags = ["--images", str(images), "--output", str(output), *FAST, *options]
    main("train_classifier", flags)


def failure(capsys, images, output, *options):
    with pytest.raises(SystemExit) as exit_info:
        train(images, output, *options)
    return exit_info.value.code, capsys.readouterr().err.strip().splitlines()[-1]


def test_the_run_folder(run):
    assert {path.name for path in run.iterdir()} == {
        "config.json", "history.csv", "curves.png", "confusion_matrix.png", "metrics.json",
        "report.md", "model", "checkpoint", "tensorboard", "checksums.json",
    }  # fmt: skip
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["fine_tuning"] for row in rows] == ["1", "1"]  # no weights, so no head alone
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["num_images"] == 6  # a fifth of four fifths of 30
    assert np.shape(metrics["confusion_matrix"]) == (3, 3)
    report = (run / "report.md").read_text()
    assert "confusion_matrix.png" in report and "18 / 6" in report and "of 2, fine-tuned" in report


def test_the_model_has_a_card(run):
    card = checked_card(run)
    assert card.data.pipeline_tag == "image-classification"
    assert "training images" in card.text and "95 % interval" in card.text


def test_reloading_gives_what_was_measured(run, images):
    classifier = TrainedClassifier.from_folder(run / "model")
    assert classifier.class_names == ["blue", "green", "red"]
    folder = read_labelled_folder(images)
    probabilities = classifier.embed_images(folder.images, batch_size=7, progress=False)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    again = TrainedClassifier.from_folder(run / "model")
    assert again.digest == classifier.digest
    assert np.array_equal(again.embed_images(folder.images, 7, progress=False), probabilities)


def test_the_model_folder_knows_what_it_was_trained_on(run, images):
    classifier = TrainedClassifier.from_folder(run / "model")
    digests = content_digests(read_labelled_folder(images).images)
    assert len(classifier.trained_on) == 24
    assert classifier.trained_on < set(digests)


@pytest.fixture(scope="module")
def pretrained(images, tmp_path_factory):
    """Weights of a network that has been trained a little, for both parts of a fine-tuning."""
    from kclip.models import ImageEncoder

    path = tmp_path_factory.mktemp("weights") / "tower.weights.h5"
    keras.utils.set_random_seed(5)
    ImageEncoder("small_cnn", image_size=32).backbone.save_weights(path)
    return str(path)


def stop_in_batch(monkeypatch, batch):
    """Sends the process Ctrl-C after so many batches in all."""
    seen = []

    def interrupt(self, number, logs=None, after=RunState.on_train_batch_end):
        seen.append(number)
        if len(seen) == batch:
            os.kill(os.getpid(), signal.SIGINT)
        after(self, number, logs)

    monkeypatch.setattr(RunState, "on_train_batch_end", interrupt)


# 24 images in three batches an epoch: two epochs of the head, then two of the network.
@pytest.mark.parametrize("batch", [2, 8], ids=["head", "network"])
def test_a_run_that_ctrl_c_ended_goes_on_to_the_same_end(
    images, pretrained, tmp_path, monkeypatch, capsys, batch
):
    options = ("--weights", pretrained, "--head-epochs", "2", "--learning-rate", "0.001")
    options += ("--augmentation", "none", "--features-dir", str(tmp_path / "features"))
    train(images, tmp_path / "whole", *options)
    shutil.rmtree(tmp_path / "features")  # the other run computes its own
    with monkeypatch.context() as patch:
        stop_in_batch(patch, batch)
        code, message = failure(capsys, images, tmp_path / "broken", *options)
    assert code == 128 + signal.SIGINT
    assert message.startswith("error: stopped by SIGINT in epoch 1 after batch 2; all is saved")
    assert not (tmp_path / "broken" / "model").exists()
    capsys.readouterr()
    main("train_classifier", ["--resume", str(tmp_path / "broken")])
    assert "computing the frozen network's features" not in capsys.readouterr().err
    whole, broken = (
        TrainedClassifier.from_folder(tmp_path / run / "model").model.get_weights()
        for run in ("whole", "broken")
    )
    for ours, theirs in zip(broken, whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    histories = [(tmp_path / run / "history.csv").read_text() for run in ("whole", "broken")]
    rows = [list(csv.DictReader(text.splitlines())) for text in histories]
    assert [row["fine_tuning"] for row in rows[1]] == ["0", "0", "1", "1"]
    for ours, theirs in zip(*rows, strict=True):
        assert float(ours["val_loss"]) == pytest.approx(float(theirs["val_loss"]), rel=1e-4)


def test_an_unreadable_image_is_named_before_training(images, tmp_path, capsys):
    spoilt = write_class_folders(tmp_path / "images", per_class=10)
    for number in range(10):
        (spoilt / "red" / f"{number}.png").write_bytes(b"no image")
    code, message = failure(capsys, spoilt, tmp_path / "run")
    assert code == 2 and ": not an image" in message and "--max-unreadable" in message
    assert not (tmp_path / "run").exists()


def test_validation_images_must_show_the_same_classes(images, tmp_path, capsys):
    other = write_class_folders(tmp_path / "other", per_class=2)
    (other / "red").rename(other / "pink")
    code, message = failure(capsys, images, tmp_path / "run", "--validation-images", str(other))
    assert code == 2 and "has pink" in message


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--fine-tune-layers", "-1"],
            "--fine-tune-layers is -1; give a number from 0 to 1,000,000 or all",
        ),
        (["--fine-tune-layers", "0"], "would leave a network without weights untrained"),
        (
            ["--validation-fraction", "0.01"],
            "--validation-fraction 0.01 of a class of 10 images is 0",
        ),
        (["--train-fraction", "1.5"], "--train-fraction is 1.5; give a number from 0 to 1"),
        (["--epochs", "0"], "--epochs is 0; give a number from 1"),
        (["--backbone", "xeption"], "there is no image backbone 'xeption'"),
        (["--weights", "none.h5"], "there is no weights file 'none.h5'"),
        (["--images", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_folder(
    images, tmp_path, capsys, options, sentence
):
    code, message = failure(capsys, images, tmp_path / "run", *options)
    assert code == 2
    assert message.startswith("error: ") and sentence in message
    assert not (tmp_path / "run").exists()


def test_splits_are_not_pooled(tmp_path):
    for number, (split, count) in enumerate((("train", 4), ("val", 2), ("test", 3))):
        write_class_folders(tmp_path / "splits" / split, per_class=count, seed=number)
    data = read_classifier_data(tmp_path / "splits", None, None, None, 0.2, seed=0)
    assert [len(data.train), len(data.validation)] == [12, 6]
    assert {name.split("/")[0] for name in data.train.file_names} == {"train"}
    assert {name.split("/")[0] for name in data.validation.file_names} == {"val"}
    (tmp_path / "splits" / "val").rename(tmp_path / "val")
    data = read_classifier_data(tmp_path / "splits", None, None, None, 0.25, seed=0)
    names = [*data.train.file_names, *data.validation.file_names]
    assert (len(data.validation), len(set(names))) == (3, 12)
    assert {name.split("/")[0] for name in names} == {"train"}


def test_a_folder_that_is_in_use(images, run, capsys):
    code, message = failure(capsys, images, run)
    assert code == 2 and "is not empty; give another --output" in message
