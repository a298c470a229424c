"""Training as a whole: the two ways to feed it agree, and a broken run ends like a whole one."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import small_run
from model_folder import checked_card
from small_run import IMAGE, OPTIMIZATION, TEXT, config, write_records

from kclip.cli import main
from kclip.commands.build_tfrecords import BuildTFRecords
from kclip.data.records.reading import iterate_split
from kclip.errors import KclipError, UserError
from kclip.evaluation.retrieval import evaluate_retrieval
from kclip.inference.embedder import Embedder
from kclip.training.common.callbacks import (
    StopOnCollapse,
    StopOnNonFiniteLoss,
    ValidationEmbeddings,
)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def finished(records, tmp_path_factory):
    """A run that nothing has interrupted."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    config(records, output).run()
    return output


def history(run):
    with (run / "history.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def weights(run):
    return Embedder.from_name(run / "model").model.get_weights()


def assert_same_run(run, other):
    for ours, theirs in zip(history(run), history(other), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for ours, theirs in zip(weights(run), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_run_leaves_all_that_it_promises(finished):
    names = "config.json history.csv curves.png metrics.json report.md model tensorboard".split()
    assert all((finished / name).exists() for name in names)
    assert [row["epoch"] for row in history(finished)] == [0, 1]
    assert list((finished / "tensorboard").rglob("events.*"))
    embedder = Embedder.from_name(finished / "model")
    assert embedder.embed_texts(["a red circle"]).shape == (1, 16)


def test_the_model_has_a_card(finished):
    card = checked_card(finished)
    recalls = json.loads((finished / "metrics.json").read_text())["retrieval"]["text_to_image"]
    figures = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert figures["text → image, recall@10"] == pytest.approx(recalls["recall@10"], abs=1e-4)
    assert "train, 48 images" in card.text and "All its weights began at random" in card.text


def test_a_run_reports_what_evaluation_of_its_model_gives(finished, records):
    """Training validates on records that TensorFlow decodes, evaluation on images by Pillow."""
    of_run = json.loads((finished / "metrics.json").read_text())["retrieval"]
    images = list(iterate_split(records, "validation"))
    evaluated = evaluate_retrieval(Embedder.from_name(finished / "model"), images)
    for direction in ("text_to_image", "image_to_text", "chance"):
        assert of_run[direction] == evaluated[direction]
    for ours, theirs in zip(of_run["examples"], evaluated["examples"], strict=True):
        assert ours["query"] == theirs["query"]
        scores = [[hit["score"] for hit in example["hits"]] for example in (ours, theirs)]
        np.testing.assert_allclose(*scores, atol=2e-4)  # four digits are kept


def test_the_model_has_the_weights_of_the_best_epoch(finished, records):
    losses = [row["val_loss"] for row in history(finished)]
    with np.load(finished / "checkpoint" / "best.npz") as best:
        assert int(str(best["state"])) == int(np.argmin(losses))
        total = sum(best[name].sum() for name in best.files if best[name].dtype == np.float32)
    assert sum(weight.sum() for weight in weights(finished)) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("captions", ["sample", "expand"])
@pytest.mark.slow
def test_cached_and_streamed_training_give_the_same_losses(
    records, tmp_path, captions, monkeypatch
):
    """Towers frozen, order and views fixed: the features are the towers' outputs, no more."""
    from kclip.data.pipeline.streamed_batches import StreamedBatches
    from kclip.training.dual_encoder import data as training_data
    from kclip.training.dual_encoder.cached_batches import CachedBatches

    def in_order(batches):
        return lambda *args, **kwargs: batches(*args, **{**kwargs, "shuffle": False})

    for batches in (StreamedBatches, CachedBatches):
        monkeypatch.setattr(training_data, batches.__name__, in_order(batches))
    settings = {
        "image": dataclasses.replace(IMAGE, train="head"),
        "text": dataclasses.replace(TEXT, train="head"),
        "optimization": dataclasses.replace(OPTIMIZATION, captions=captions, epochs=2),
    }
    config(records, tmp_path / "cached", **settings).run()
    streamed_data = training_data.streamed_data
    monkeypatch.setattr(training_data, "cached_data", lambda *args: streamed_data(*args[:5]))
    config(records, tmp_path / "streamed", **settings).run()
    cached, streamed = history(tmp_path / "cached"), history(tmp_path / "streamed")
    assert len(cached) == 2
    for ours, theirs in zip(cached, streamed, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.slow
def test_features_are_computed_once(records, tmp_path, capfd):
    settings = {
        "image": dataclasses.replace(IMAGE, train="head"),
        "optimization": dataclasses.replace(OPTIMIZATION, epochs=1, augmentation="flip"),
        "features_dir": tmp_path / "features",
    }
    config(records, tmp_path / "first", **settings).run()
    assert "Image features" in capfd.readouterr().err
    config(records, tmp_path / "second", **settings).run()
    assert "Image features" not in capfd.readouterr().err
    assert history(tmp_path / "first") == history(tmp_path / "second")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["all", "head", "last:1"], ids=["streamed", "cached", "cut"])
def test_a_run_stopped_within_an_epoch_ends_like_a_whole_one(records, finished, tmp_path, mode):
    whole = finished if mode == "all" else tmp_path / "whole"
    towers = {
        "image": dataclasses.replace(IMAGE, train=mode),
        "text": dataclasses.replace(TEXT, train=mode),
    }
    if mode != "all":
        config(records, whole, **towers).run()
    stop_in_batch(config(records, tmp_path / "broken", **towers), batch=9)
    assert not (tmp_path / "broken" / "model").exists()
    config(records, tmp_path / "broken", **towers, resume=tmp_path / "broken").run()
    assert_same_run(whole, tmp_path / "broken")


def stop_in_batch(command, batch):
    """Runs a command and sends it SIGTERM when it has seen that many batches in all."""
    import kclip.training.common.stop_signals

    class Countdown(kclip.training.common.stop_signals.StopRequest):
        batches = 0

        def __call__(self):
            self.batches += 1
            if self.batches == batch:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__call__()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kclip.training.common.stop_signals, "StopRequest", Countdown)
        with pytest.raises(KclipError, match="after batch 3; all is saved.*--resume") as stopped:
            command.run()
    assert stopped.value.exit_code == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_killed_process_goes_on_from_its_last_save(records, finished, tmp_path):
    """SIGKILL after the first epoch's save; `--resume` ends with the same weights."""
    script = f"""
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import sys
sys.path.insert(0, {os.path.dirname(small_run.__file__)!r})
from pathlib import Path
from kclip.training.common.callbacks import RunState
from small_run import config

def killed(self, epoch, batch, save=RunState._save):
    save(self, epoch, batch)
    if (epoch, batch) == (1, 0):
        os.kill(os.getpid(), 9)

RunState._save = killed
config(Path({str(records)!r}), Path({str(tmp_path / "run")!r})).run()
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    main("train_dual_encoder", ["--resume", str(tmp_path / "run")])
    assert_same_run(finished, tmp_path / "run")


def test_resuming_a_finished_run_only_reports_again(finished):
    before = (finished / "history.csv").read_text()
    config(None, finished).parse(["--resume", str(finished)]).run()
    assert (finished / "history.csv").read_text() == before


def test_resume_takes_no_other_flags(finished):
    with pytest.raises(UserError, match="--optimization.seed 3 was given too"):
        config(None, finished).parse(["--resume", str(finished), "--optimization.seed", "3"])


def test_a_run_folder_is_not_overwritten(records, finished):
    with pytest.raises(UserError, match="is not empty.*--resume"):
        config(records, finished).run()


@pytest.mark.slow
def test_a_run_in_chunks_learns_and_leaves_a_model(records, tmp_path):
    chunked = dataclasses.replace(OPTIMIZATION, chunk_size=4)
    config(records, tmp_path / "run", optimization=chunked).run()
    losses = [row["loss"] for row in history(tmp_path / "run")]
    assert losses[-1] < losses[0]
    assert Embedder.from_name(tmp_path / "run/model").embed_texts(["a circle"]).shape == (1, 16)


def test_chunks_that_make_up_no_batch_are_refused(records, tmp_path):
    chunked = dataclasses.replace(OPTIMIZATION, chunk_size=3)
    with pytest.raises(UserError, match="chunk-size 3 does not divide the batch of 8"):
        config(records, tmp_path / "run", optimization=chunked).run()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("train", ["all", "head"])
def test_class_pairs_want_a_frozen_tower_with_weights(records, tmp_path, train):
    settings = dataclasses.replace(OPTIMIZATION, class_pairs=2)
    run = config(records, tmp_path / "run", optimization=settings)
    run = dataclasses.replace(run, image=dataclasses.replace(run.image, train=train))
    with pytest.raises(UserError, match="class-pairs come from a frozen image tower"):
        run.run()


def test_a_batch_larger_than_the_data_is_refused(records, tmp_path):
    settings = dataclasses.replace(OPTIMIZATION, batch_size=49)
    with pytest.raises(UserError, match="a batch of 49 does not fit the 48 images"):
        config(records, tmp_path / "run", optimization=settings).run()


def test_images_without_captions_are_refused(records, tmp_path):
    BuildTFRecords(
        source="folders",
        images=records.parent / "source" / "zero_shot",
        validation_fraction=0.25,
        output=tmp_path / "labelled",
        workers=1,
    ).run()
    with pytest.raises(UserError, match="images of split 'train' have no captions"):
        config(tmp_path / "labelled", tmp_path / "run").run()
    assert not (tmp_path / "run").exists()


def test_a_frozen_image_tower_cannot_see_new_crops(records, tmp_path):
    with pytest.raises(UserError, match="augmentation crop"):
        config(
            records,
            tmp_path / "run",
            image=dataclasses.replace(IMAGE, train="head"),
            optimization=dataclasses.replace(OPTIMIZATION, augmentation="crop"),
        ).run()


def test_a_loss_that_is_no_number_ends_training():
    with pytest.raises(KclipError, match="the loss became nan in batch 5"):
        StopOnNonFiniteLoss().on_train_batch_end(4, {"loss": float("nan")})
    StopOnNonFiniteLoss().on_train_batch_end(4, {"loss": 3.2})


def test_embeddings_that_stay_in_one_point_end_training():
    spread = np.random.default_rng(0).normal(size=(20, 8))
    point = np.ones((20, 8)) + 1e-4 * spread
    current = {"texts": point}
    validation = ValidationEmbeddings(lambda: (spread, current["texts"]), np.arange(20))
    guard = StopOnCollapse(validation)

    def end_epoch(epoch):
        validation.on_epoch_end(epoch)
        guard.on_epoch_end(epoch)

    for epoch in range(4):
        end_epoch(epoch)
    current["texts"] = spread
    end_epoch(4)  # they came apart, so counting starts again
    current["texts"] = point
    for epoch in range(5, 9):
        end_epoch(epoch)
    with pytest.raises(KclipError, match="the text embeddings have collapsed.*up to epoch 10"):
        end_epoch(9)
