"""The benchmark as a whole, on coloured pictures and a tiny dual encoder."""

import dataclasses
import json
import shutil

import pytest
from decoder_run import write_dual_encoder, write_labelled_records

from kclip.commands.run_multilabel_benchmark import RunMultilabelBenchmark
from kclip.errors import UserError
from kclip.evaluation.benchmark import cells
from kclip.evaluation.benchmark.measures import FIGURES

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
    model_outputs = cells.MultilabelBench._model_outputs

    def noted(bench, cell):
        cells_asked.append(cell)
        return model_outputs(bench, cell)

    monkeypatch.setattr(cells.MultilabelBench, "_model_outputs", noted)
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
