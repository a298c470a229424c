"""Training a multi-label classifier as a whole, in both ways to feed it."""

import csv
import dataclasses
import json
import signal

import numpy as np
import pytest
from decoder_run import (
    OPTIMIZATION,
    SEEN,
    TOWER,
    UNSEEN,
    config,
    write_dual_encoder,
    write_labelled_records,
)
from model_folder import checked_card

from kclip.commands.evaluate_multilabel import EvaluateMultilabel
from kclip.commands.train_clip_decoder import TrainClipDecoder
from kclip.config.clip_decoder import DecoderHead, JointObjective
from kclip.data.labelled.multilabel_reading import read_labelled_split
from kclip.data.pipeline.split_reading import iterate_labels
from kclip.data.records.writer import open_split
from kclip.errors import KclipError, UserError
from kclip.evaluation.remarks import training_remarks
from kclip.features import FeatureStore
from kclip.models import MultiLabelClassifier
from kclip.multilabel.recognition.recognizer import MultiLabelRecognizer
from kclip.reading import read_history
from kclip.training.clip_decoder import loss_weights
from kclip.training.clip_decoder.data import open_data


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_labelled_records(tmp_path_factory.mktemp("labelled"))


@pytest.fixture(scope="module")
def dual_encoder(tmp_path_factory):
    return write_dual_encoder(tmp_path_factory.mktemp("models") / "dual")


@pytest.fixture(scope="module")
def finished(records, dual_encoder, tmp_path_factory):
    """A run on a frozen tower's maps that nothing has interrupted."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    config(records, output, dual_encoder).run()
    return output


def history(run):
    with (run / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def weights(run):
    return MultiLabelClassifier.from_preset(run / "model").get_weights()


def assert_same_run(run, other):
    for ours, theirs in zip(history(run), history(other), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for ours, theirs in zip(weights(run), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_run_leaves_all_that_it_promises(finished):
    names = "config.json history.csv curves.png metrics.json report.md model tensorboard".split()
    assert all((finished / name).exists() for name in names)
    assert [row["epoch"] for row in history(finished)] == [0, 1]
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["zsl"]["num_classes"] == 2 and metrics["gzsl"]["num_classes"] == 9
    assert "curves.png" in (finished / "report.md").read_text()


@pytest.mark.slow
def test_what_an_ignored_label_says_makes_no_difference(
    records, dual_encoder, tmp_path, monkeypatch
):
    """A third of all answers is ignored: a run that is told that they are yes ends alike."""
    ignored = {
        f"{n}.png": [name for c, name in enumerate(SEEN) if (n + c) % 3 == 0] for n in range(56)
    }
    module = "kclip.training.clip_decoder.labels"

    def iterate_ignored_labels(split):
        return ((name, ignored[name]) for name, _ in iterate_labels(split))

    def iterate_more_labels(split):
        return ((name, [*labels, *ignored[name]]) for name, labels in iterate_labels(split))

    def read_ignoring(data, split):
        images = read_labelled_split(data, split)
        told = [
            dataclasses.replace(record, ignored_labels=tuple(ignored[record.file_name]))
            for record in images.records
        ]
        return dataclasses.replace(images, records=told)

    monkeypatch.setattr(f"{module}.iterate_ignored_labels", iterate_ignored_labels)
    monkeypatch.setattr("kclip.training.clip_decoder.report.read_labelled_split", read_ignoring)
    changes = {"objective": JointObjective(alpha=0.0)}  # whose sentences would name them
    config(records, tmp_path / "no", dual_encoder, **changes).run()
    monkeypatch.setattr(f"{module}.iterate_labels", iterate_more_labels)
    config(records, tmp_path / "yes", dual_encoder, **changes).run()
    assert_same_run(tmp_path / "no", tmp_path / "yes")
    of_no, of_yes = (
        json.loads((tmp_path / run / "metrics.json").read_text()) for run in ("no", "yes")
    )
    assert (
        of_no["num_ignored"]
        == of_yes["num_ignored"]
        == sum(len(ignored[f"{n}.png"]) for n in range(40, 56))
    )
    assert [row["ap"] for row in of_no["per_class"]] == [row["ap"] for row in of_yes["per_class"]]


def test_the_model_has_a_card(finished):
    card = checked_card(finished)
    assert {result.dataset_split for result in card.data.eval_results} == {"validation"}
    assert "starts from `dual`" in card.text and "ZSL (unseen classes)" in card.text


def test_the_model_folder_is_what_recognition_reads(finished, dual_encoder, records):
    content = json.loads((finished / "model" / "classes.json").read_text())
    expected = {
        "seen": SEEN,
        "unseen": UNSEEN,
        "query_source": str(dual_encoder),
        "query_digest": None,
    }
    assert content == {**expected, "templates": ["a {}"]}
    recognizer = MultiLabelRecognizer.from_folder(finished / "model")
    images = sorted((records.parent / "images").iterdir())[:5]
    scores = recognizer.predict_scores(images, progress=False)
    assert scores.shape == (5, 9)
    fewer = recognizer.with_classes(["blue", "red"]).predict_scores(images, progress=False)
    np.testing.assert_allclose(fewer, scores[:, [0, 7]], rtol=1e-3, atol=1e-4)
    with np.load(finished / "model" / "queries.npz") as queries:
        assert queries["names"].tolist() == SEEN + UNSEEN
        lengths = np.linalg.norm(queries["embeddings"], axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_files_are_recognized_as_they_were_measured(finished, records):
    """Through TFRecords and as files alike."""
    model = MultiLabelClassifier.from_preset(finished / "model")
    train, validation = (open_split(records, split) for split in ("train", "validation"))
    data = open_data(model, train, validation, OPTIMIZATION, FeatureStore.at())
    measured = data.validation_logits(data.fed_model(model), 9)
    names = [name for name, _ in iterate_labels(validation)]
    recognizer = MultiLabelRecognizer.from_folder(finished / "model")
    files = [records.parent / "images" / name for name in names]
    recognized = recognizer.predict_scores(files, progress=False)
    np.testing.assert_allclose(recognized, measured, atol=5e-3)


def test_a_run_reports_what_evaluate_multilabel_reports(finished, records, tmp_path):
    """To the last bit, although training itself looks at feature maps in half precision.

    A run has more to remark on alone: its own course.
    """
    command = EvaluateMultilabel(
        model=str(finished / "model"), output=tmp_path, data=records, split="validation"
    )
    command.run()
    evaluated = json.loads((tmp_path / "metrics.json").read_text())
    of_run = json.loads((finished / "metrics.json").read_text())
    del of_run["run"]
    of_course = training_remarks(read_history(finished / "history.csv"))
    assert of_run.pop("remarks", []) == of_course + evaluated.pop("remarks", [])
    assert of_run == evaluated


def test_the_averaged_weights_are_what_is_measured_and_saved(finished):
    """The average of a momentum of 0.9 from the raw weights' path is not their end."""
    with np.load(finished / "checkpoint" / "state.npz") as state:
        arrays = [state[name] for name in sorted(state.files) if name != "state"]
    kernel = MultiLabelClassifier.from_preset(finished / "model").decoder.kernel.numpy()
    same = [a for a in arrays if a.shape == kernel.shape and np.allclose(a, kernel, rtol=1e-5)]
    raw = [a for a in arrays if a.shape == kernel.shape and not np.allclose(a, kernel, rtol=1e-5)]
    assert len(same) == 1 and len(raw) >= 1
    last, metrics = history(finished)[-1], json.loads((finished / "metrics.json").read_text())
    assert last["val_map"] == pytest.approx(metrics_of_seen(metrics), abs=1e-6)


def metrics_of_seen(metrics):
    """Seen classes keep their scores, and so their average precision, beside unseen ones."""
    return np.mean([row["ap"] for row in metrics["per_class"] if row["seen"]])


@pytest.mark.slow
@pytest.mark.parametrize("trained", [True, False], ids=["streamed", "cached"])
def test_a_run_stopped_within_an_epoch_ends_like_a_whole_one(
    records, dual_encoder, finished, tmp_path, trained
):
    changes = {"image": dataclasses.replace(TOWER, train="all" if trained else "head")}
    whole = tmp_path / "whole" if trained else finished
    if trained:
        config(records, whole, dual_encoder, **changes).run()
    stop_in_batch(config(records, tmp_path / "broken", dual_encoder, **changes), batch=7)
    assert not (tmp_path / "broken" / "model").exists()
    TrainClipDecoder.parse(["--resume", str(tmp_path / "broken")]).run()
    assert_same_run(whole, tmp_path / "broken")


def stop_in_batch(command, batch):
    """Runs a command and sends it SIGTERM when it has seen that many batches in all."""
    import kclip.training.common.stop_signals

    class Countdown(kclip.training.common.stop_signals.StopRequest):
        batches = 0

        def __call__(self):
            self.batches += 1
            if self.batches == batch:
                signal.raise_signal(signal.SIGTERM)  # at once, whatever other threads do
            return super().__call__()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kclip.training.common.stop_signals, "StopRequest", Countdown)
        with pytest.raises(KclipError, match="after batch 2; all is saved.*--resume") as stopped:
            command.run()
    assert stopped.value.exit_code == 128 + signal.SIGTERM


def test_resuming_a_finished_run_only_reports_again(finished):
    before = (finished / "history.csv").read_text(), weights(finished)
    TrainClipDecoder.parse(["--resume", str(finished)]).run()
    assert (finished / "history.csv").read_text() == before[0]
    for ours, theirs in zip(weights(finished), before[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_maps_of_a_split_give_the_logits_that_its_images_give(finished, records):
    model = MultiLabelClassifier.from_preset(finished / "model")
    splits = [open_split(records, split) for split in ("train", "validation")]
    cached = open_data(model, *splits, OPTIMIZATION, FeatureStore.at())
    of_maps = cached.validation_logits(cached.fed_model(model), 9)
    model.image_encoder.trainable = True
    streamed = open_data(model, *splits, OPTIMIZATION, FeatureStore.at())
    of_images = streamed.validation_logits(streamed.fed_model(model), 9)
    assert of_images.shape == (16, 9)
    np.testing.assert_allclose(of_maps, of_images, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "grouped"])
def test_heads_of_learned_queries_need_no_texts(records, tmp_path, kind):
    head = DecoderHead(kind, 3 if kind == "grouped" else None, 16, 2, 16)
    classes = tmp_path / "classes.txt"
    classes.write_text("\n".join(SEEN))
    changes = {"head": head, "objective": JointObjective(alpha=0.0), "seen_classes": classes}
    config(records, tmp_path / "run", None, **changes).run()
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "run" / "model")
    assert (recognizer.class_names, recognizer.query_source) == (SEEN, None)
    assert "all" in json.loads((tmp_path / "run" / "metrics.json").read_text())


@pytest.mark.slow
def test_word_vectors_ask_and_cannot_align(records, dual_encoder, tmp_path):
    vectors = tmp_path / "glove.txt"
    rng = np.random.default_rng(0)
    rows = (" ".join(map(str, rng.normal(size=5))) for _ in SEEN + UNSEEN)
    words = zip(SEEN + UNSEEN, rows, strict=True)
    vectors.write_text("".join(f"{word} {row}\n" for word, row in words))
    changes = {"queries": str(vectors), "objective": JointObjective(alpha=0.0)}
    config(records, tmp_path / "run", dual_encoder, **changes).run()
    assert MultiLabelRecognizer.from_folder(tmp_path / "run" / "model").unseen == UNSEEN
    changes["objective"] = JointObjective()
    with pytest.raises(UserError, match="has no sentence encoder"):
        config(records, tmp_path / "other", dual_encoder, **changes).run()


@pytest.mark.slow
def test_a_tower_is_trained_in_half_precision_on_changed_images(records, dual_encoder, tmp_path):
    changes = {
        "image": dataclasses.replace(TOWER, train="all", learning_rate=1e-3),
        "optimization": dataclasses.replace(
            OPTIMIZATION, augmentation="randaugment", dtype="mixed_float16", epochs=1
        ),
    }
    config(records, tmp_path / "run", dual_encoder, **changes).run()
    assert np.isfinite(history(tmp_path / "run")[0]["loss"])
    recognizer = MultiLabelRecognizer.from_folder(tmp_path / "run" / "model")
    assert recognizer.model.image_encoder.compute_dtype == "float32"


@pytest.fixture(scope="module")
def tuned(records, dual_encoder, tmp_path_factory):
    """A run that has chosen its loss weights, of one pair on three folds."""
    output = tmp_path_factory.mktemp("runs") / "tuned"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss_weights, "GRID", GRID)
        config(records, output, dual_encoder, **TUNING).run()
    return output


GRID = ((2.0, 1.0),)
TUNING = {
    "tune_loss_weights": True,
    "optimization": dataclasses.replace(OPTIMIZATION, epochs=1),
}


def test_copies_lie_in_one_fold():
    groups = np.array([0, 1, 0, 3, 1, 5, 3])
    folds = loss_weights._image_folds(groups, np.random.default_rng(0))
    assert [folds[0], folds[1], folds[3]] == [folds[2], folds[4], folds[6]]
    alone = loss_weights._image_folds(np.arange(30), np.random.default_rng(0))
    assert np.bincount(alone).tolist() == [10, 10, 10]


@pytest.mark.slow
def test_loss_weights_are_chosen_on_the_training_split(tuned):
    trials = loss_weights.read_trials(tuned / "tuning.csv")
    assert [(t.alpha, t.fold) for t in trials] == [(2, 0), (2, 1), (2, 2)]
    assert all(0 <= t.zsl_map <= 1 and 0 < t.gzsl_map <= 1 for t in trials)
    assert "2 L_clip + 1 L_c, chosen by tuning.csv" in (tuned / "report.md").read_text()


def test_the_best_weights_have_the_best_mean_over_the_folds():
    """0.3 and 0.5 against 0.6 and 0.4: what is best on one fold, or last, is not it."""
    scores = {(0.0, 1.0): (0.3, 0.5), (1.0, 1.0): (0.6, 0.4), (3.0, 1.0): (0.2, 0.7)}
    trials = [
        loss_weights.Trial(*pair, fold, 0.0, 0.0, score)
        for pair, of_folds in scores.items()
        for fold, score in enumerate(of_folds)
    ]
    assert loss_weights.best_weights(trials) == (1.0, 1.0)


@pytest.mark.slow
def test_the_search_of_loss_weights_goes_on_where_it_was_stopped(
    tuned, records, dual_encoder, tmp_path, monkeypatch
):
    """It is asked once before a trial, and after each of its three batches: here in the third."""
    monkeypatch.setattr(loss_weights, "GRID", GRID)
    stop_in_batch(config(records, tmp_path / "run", dual_encoder, **TUNING), batch=11)
    assert len(loss_weights.read_trials(tmp_path / "run" / "tuning.csv")) == 2
    computed = []

    def noted(*args, held_out_map=loss_weights._held_out_map, **kwargs):
        computed.append(kwargs["objective"])
        return held_out_map(*args, **kwargs)

    monkeypatch.setattr(loss_weights, "_held_out_map", noted)
    TrainClipDecoder.parse(["--resume", str(tmp_path / "run")]).run()
    assert len(computed) == 1  # the one that was broken
    ours, theirs = (
        [dataclasses.astuple(t) for t in loss_weights.read_trials(run / "tuning.csv")]
        for run in (tmp_path / "run", tuned)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert not (tmp_path / "run" / "tuning").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"objective": JointObjective(0.0, 0.0)}, "weigh the two losses"),
        ({"objective": JointObjective(sentence="a photo")}, "has no {} for the labels"),
        ({"head": DecoderHead("full")}, "a full head cannot recognize the 2 unseen classes"),
        ({"optimization": dataclasses.replace(OPTIMIZATION, ema=1.0)}, "--optimization.ema is 1"),
        ({"optimization": dataclasses.replace(OPTIMIZATION, batch_size=41)}, "a batch of 41"),
        (
            {"optimization": dataclasses.replace(OPTIMIZATION, augmentation="crop")},
            "a frozen image tower sees each image once",
        ),
        (
            {"tune_loss_weights": True, "image": dataclasses.replace(TOWER, train="all")},
            "--tune-loss-weights trains many heads",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_folder(
    records, dual_encoder, tmp_path, changes, sentence
):
    with pytest.raises(UserError, match=sentence):
        config(records, tmp_path / "run", dual_encoder, **changes).run()
    assert not (tmp_path / "run").exists()


def test_queries_must_come_from_somewhere(records, tmp_path):
    with pytest.raises(UserError, match="a zero_shot head asks by.*--queries or --model"):
        config(records, tmp_path / "run", None).run()


def test_a_run_folder_is_not_overwritten(records, dual_encoder, finished):
    with pytest.raises(UserError, match="is not empty.*--resume"):
        config(records, finished, dual_encoder).run()
