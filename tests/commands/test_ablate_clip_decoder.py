"""The ablation: which runs it makes, how it goes on, and what its tables say."""

import dataclasses
import json
import re
import signal

import numpy as np
import pytest
from decoder_run import (
    OPTIMIZATION,
    SEEN,
    TOWER,
    UNSEEN,
    write_dual_encoder,
    write_labelled_records,
)

from kclip.commands.ablate_clip_decoder import AblateClipDecoder
from kclip.commands.train_clip_decoder import TrainClipDecoder
from kclip.config.clip_decoder import DecoderHead
from kclip.errors import KclipError, UserError
from kclip.evaluation.ablation import summarize
from kclip.reports.ablation import loss_table, method_table
from kclip.training.common.callbacks import RunState
from kclip.training.common.run import Run
from kclip.training.common.stop_signals import StopRequest


def results(zsl, gzsl):
    figures = {"f1@3": 0.5, "f1@5": 0.25}
    return {"zsl": {"map": zsl, **figures}, "gzsl": {"map": gzsl, "seen_map": 0.1, **figures}}


def test_the_mean_and_the_spread_are_those_of_three_numbers():
    summary = summarize([results(0.1, 0.3), results(0.2, 0.3), results(0.6, 0.3)])
    assert summary["zsl_map"] == pytest.approx(0.3)
    assert summary["zsl_map_std"] == pytest.approx(np.sqrt((0.2**2 + 0.1**2 + 0.3**2) / 2))
    assert summary["gzsl_map_std"] == pytest.approx(0.0, abs=1e-9) and summary["runs"] == 3


def test_one_run_has_no_spread():
    assert "zsl_map_std" not in summarize([results(0.1, 0.3)])


def test_the_first_table_ticks_what_each_row_trains_with():
    rows = {name: summarize([results(0.334, 0.238)]) for name in ("word_vectors", "joint")}
    lines = [re.split(r"\s*\|\s*", line.strip("| ")) for line in loss_table(rows).splitlines()]
    assert lines[2] == ["ZSL", "word vectors", "✓", "", "", "33.4", "50.0", "25.0"]
    assert lines[3] == ["ZSL", "prompts", "✓", "✓", "✓", "33.4", "50.0", "25.0"]
    assert lines[5] == ["GZSL", "prompts", "✓", "✓", "✓", "23.8", "50.0", "25.0"]


def test_the_second_table_puts_baselines_first():
    rows = {"joint": summarize([results(0.3, 0.2)]), "random": {"zsl_map": 0.016, "gzsl_map": 0.03}}
    lines = method_table(rows).splitlines()[2:]
    assert ["random" in lines[0], "CLIP-Decoder" in lines[2]] == [True, True] and len(lines) == 4


@pytest.fixture(scope="module")
def command(tmp_path_factory, goldens):
    folder = tmp_path_factory.mktemp("ablation")
    for name, classes in (("seen", SEEN), ("unseen", UNSEEN)):
        (folder / f"{name}.txt").write_text("\n".join(classes))
    return AblateClipDecoder(
        model=str(write_dual_encoder(folder / "dual")),
        text_model=str(goldens / "hf_bert_tiny"),
        data=write_labelled_records(folder),
        seen_classes=folder / "seen.txt",
        unseen_classes=folder / "unseen.txt",
        output=folder / "runs",
        seeds=1,
        template=["a {}"],
        image=TOWER,
        head=DecoderHead(dim=16, num_heads=2, intermediate_dim=16, trained_fraction=0.5),
        optimization=OPTIMIZATION,
    )


@pytest.mark.slow
def test_it_trains_every_row_once_and_goes_on_where_it_was(command, monkeypatch):
    command.run()
    metrics = json.loads((command.output / "metrics.json").read_text())
    assert set(metrics) == {"caption_aligned", "strict"}
    for row in ("word_vectors", "classification", "joint"):
        for setting in metrics.values():
            assert 0 <= setting[row]["zsl_map"] <= 1 and setting[row]["runs"] == 1
    assert {"cosine", "random"} <= set(metrics["caption_aligned"])
    configs = {
        name: json.loads((command.output / name / "seed0/config.json").read_text())
        for name in (
            "word_vectors",
            "strict/joint",
            "caption_aligned/joint",
            "caption_aligned/classification",
        )
    }
    alphas = [config["objective"]["alpha"] for config in configs.values()]
    assert alphas == [0, 3.0, 0.1, 0]
    assert configs["strict/joint"]["model"] is None
    assert configs["caption_aligned/classification"]["queries"] is None
    assert (command.output / "ablation.png").stat().st_size > 0
    assert "✓" in (command.output / "report.md").read_text()

    monkeypatch.setattr(AblateClipDecoder, "_train", lambda *_: pytest.fail("again"))
    command.run()
    assert json.loads((command.output / "metrics.json").read_text()) == metrics


def test_it_goes_on_within_the_run_where_it_was_stopped(command, tmp_path):
    stopping = dataclasses.replace(command, output=tmp_path / "runs")
    request = StopRequest()
    run = Run(stopping.output, request, "the same command", resume=True)
    towers = {"model": command.model}

    def stop(self, number, logs=None, after=RunState.on_train_batch_end):
        request.signal = signal.SIGTERM
        after(self, number, logs)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KclipError, match="epoch 1 after"):
        patch.setattr(RunState, "on_train_batch_end", stop)
        stopping._run_once("caption_aligned/joint", towers, 0, run)
    with pytest.raises(KclipError, match="Go on with: the same command"):
        stopping._run_once("caption_aligned/joint", towers, 0, run)  # not even begun
    request.signal = None
    stopping._run_once("caption_aligned/joint", towers, 0, run)
    folder = stopping.output / "caption_aligned" / "joint" / "seed0"
    assert (folder / "model").is_dir() and (folder / "report.md").is_file()
    assert TrainClipDecoder.parse(["--resume", str(folder)]).output == folder


def test_other_settings_want_another_folder(command, tmp_path):
    first = dataclasses.replace(command, output=tmp_path / "runs")
    first._write_config()
    with pytest.raises(UserError, match="runs under other settings"):
        dataclasses.replace(first, seeds=2)._write_config()


def test_without_unseen_classes_nothing_begins(command, tmp_path):
    other = dataclasses.replace(command, unseen_classes=None, output=tmp_path / "runs")
    with pytest.raises(UserError, match="which labels of .* are unseen"):
        other.run()
    assert not (tmp_path / "runs").exists()
