"""The benchmark as a whole, on coloured pictures and a tiny dual encoder."""

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import signal

import pytest
from decoder_run import SEEN, UNSEEN, write_dual_encoder, write_labelled_records

from kclip.commands.run_multilabel_benchmark import RunMultilabelBenchmark
from kclip.errors import KclipError, UserError
from kclip.evaluation.benchmark import cells
from kclip.evaluation.benchmark.measures import FIGURES
from kclip.training.benchmark import bench, methods
from kclip.training.common.callbacks import RunState

METHODS = ("cosine", "yes_or_no", "list_all", "top_all", "fc_adapter", "linear_probe")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="module")
def command(folder):
    """One that has been run."""
    records = write_labelled_records(folder / "data")
    command = RunMultilabelBenchmark(
        model=str(write_dual_encoder(folder / "model")),
        data=(records,),
        output=folder / "results",
        methods=(*METHODS, "mld_adapter_transferred", "baseline_vgg16_head"),
        ratios=(0.2, 1.0),
        seeds=1,
        template=("a {}",),
        transfer_from=records,
    )
    command.run()
    return command


@pytest.fixture
def asked(monkeypatch):
    """The cells that are computed, in their order."""
    cells_asked = []
    model_outputs = bench.MultilabelBench._model_outputs

    def noted(own, cell):
        cells_asked.append(cell)
        return model_outputs(own, cell)

    monkeypatch.setattr(bench.MultilabelBench, "_model_outputs", noted)
    return cells_asked


def test_it_leaves_all_that_it_promises(command):
    metrics = json.loads((command.output / "metrics.json").read_text())
    assert set(metrics) == set(command.methods)
    for method, by_ratio in metrics.items():
        shares = set() if method in METHODS[:4] else {"0.2", "1.0"}
        zero_shot = method in (*METHODS[:4], "mld_adapter_transferred")
        assert set(by_ratio) == (shares | {"0.0"} if zero_shot else shares)
        for row in by_ratio.values():
            assert all(0 <= row[name] <= 1 and f"{name}_std" in row for name in FIGURES)
    report = (command.output / "report.md").read_text()
    assert all(f"## Table {number}" in report for number in (1, 2, 3, 4))
    assert "constant predictor" in report and "map_over_ratio.png" in report
    assert (command.output / "map_over_ratio.png").stat().st_size > 10_000


def test_a_second_run_computes_nothing_and_a_missing_cell_alone(command, asked):
    before = (command.output / "metrics.json").read_text()
    command.run()
    assert asked == []
    cell = cells.Cell("linear_probe", 0.2, 0)
    cell.path(command.output / "cells", command.data[0].name).unlink()
    command.run()
    assert asked == [cell]
    assert (command.output / "metrics.json").read_text() == before


def test_results_of_other_settings_are_not_taken(command, asked, tmp_path):
    output = shutil.copytree(command.output, tmp_path / "results")
    changes = {"methods": ("cosine",), "template": ("two {}",), "output": output}
    other = dataclasses.replace(command, **changes)
    other.run()
    assert asked == [cells.Cell("cosine", 0.0, 0)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": ()}, "no data set"),
        ({"ratios": (2.0,)}, "--ratios is 2.0; give a number from 1e-06 to 1 for each"),
        ({"seeds": 0}, "--seeds is 0"),
        ({"methods": ("magic",)}, "'magic'; choose from cosine"),
    ],
)
def test_requests_that_make_no_sense(command, changes, said):
    with pytest.raises(UserError, match=said):
        dataclasses.replace(command, **changes).run()


def test_it_goes_on_within_the_cell_where_it_was_stopped(command, tmp_path, monkeypatch):
    """The spatial adapter: 60 steps, here in batches of 8, so 12 epochs of five batches."""
    changes = {"methods": ("mld_adapter_spatial_alone",), "ratios": (1.0,), "transfer_from": None}
    whole = dataclasses.replace(command, output=tmp_path / "whole", **changes)
    broken = dataclasses.replace(command, output=tmp_path / "broken", **changes)
    method = methods.TRAINED["mld_adapter_spatial_alone"]
    method = dataclasses.replace(method, batch_size=8, least_steps=20, epochs=1)
    monkeypatch.setitem(methods.TRAINED, "mld_adapter_spatial_alone", method)
    whole.run()
    seen = []

    def interrupt(self, number, logs=None, after=RunState.on_train_batch_end):
        seen.append(number)
        if len(seen) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        after(self, number, logs)

    with monkeypatch.context() as patch, pytest.raises(KclipError) as stopped:
        patch.setattr(RunState, "on_train_batch_end", interrupt)
        broken.run()
    assert "in epoch 2 after batch 3; all is saved" in str(stopped.value)
    assert "with the same flags" in str(stopped.value)
    broken.run()
    ours, theirs = (
        json.loads((run.output / "metrics.json").read_text())["mld_adapter_spatial_alone"]["1.0"]
        for run in (broken, whole)
    )
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert not list(broken.output.rglob("*.unfinished"))


def test_results_of_other_captions_or_labels_are_not_taken(command, asked, tmp_path):
    output = shutil.copytree(command.output, tmp_path / "results")
    captions = tmp_path / "captions.json"
    other = dataclasses.replace(
        command, methods=("llm_captions",), output=output, captions_json=captions
    )
    cell = cells.Cell("llm_captions", 0.0, 0)
    pairs = itertools.combinations(SEEN + UNSEEN, 2)
    written = {", ".join(names): " and ".join(names) for names in pairs}
    for names in ("a", "b"):
        captions.write_text(json.dumps(written | {"blue": names}))
        asked.clear()
        with contextlib.suppress(UserError):  # combinations that nobody has captioned
            other.run()
        assert asked == [cell]
