import json
import sys
from types import SimpleNamespace

import gather_results
import numpy as np
import peak_memory
import pytest
import results_file
import run_all
from turns import median_ratio, spread, take_turns

NAMES = (
    "input_pipeline build cached_training contrastive_memory cached_accumulation search "
    "decoder_head zero_shot_inference training_step last_blocks "
    "gradient_checkpointing_tensorflow startup"
)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Where results go instead of the repository."""
    for module in (results_file, gather_results):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/some.py"])
    return tmp_path


def test_a_ratio_is_the_median_of_the_rounds_own():
    assert median_ratio([10.0, 30.0, 8.0], [5.0, 10.0, 8.0]) == 2.0  # of 2, 3 and 1


def test_a_spread_has_as_many_digits_as_are_worth_reading():
    assert spread([0.5, 0.25, 1.0], "s") == "0.50 s (0.25 to 1.00)"
    assert spread([1200.4, 1100.0, 3000.0], "pairs/s") == "1,200 pairs/s (1,100 to 3,000)"


def test_all_sides_take_turns_and_each_comes_first_once():
    order = []
    sides = {name: lambda name=name: order.append(name) for name in "abc"}
    seconds = take_turns(sides, rounds=3)
    assert "".join(order) == "abc" + "bca" + "cab"
    assert all(len(of) == 3 for of in seconds.values())


def test_results_become_one_page(results):
    row = {"what": "the same on Mars", "ratio": 0.5, "kclip": "4 s", "other": "2 s", "reach": "–"}
    results_file.write_result(
        "build", what="a race", ratio=2.0, kclip="1 s", other="2 s", reach="≥ 1", rows=[row]
    )
    (file,) = results.glob("*/build.json")
    written = json.loads(file.read_text())
    assert written["ratio"] == 2.0 and written["command"] == "python benchmarks/some.py"
    gather_results.main()
    page = (results / "RESULTS.md").read_text()
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["build", "a race", "2.00", "≥ 1", "1 s", "2 s"] in found
    assert ["", "the same on Mars", "0.50", "–", "4 s", "2 s"] in found


@pytest.mark.parametrize(
    "processor, folder",
    [
        ("AMD EPYC", "amd_epyc"),
        ("Intel(R) Xeon(R) Processor", "intel_xeon"),
        ("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "intel_core_i7_9750h_2_60ghz"),
    ],
)
def test_each_kind_of_machine_has_a_folder_of_its_own(processor, folder):
    assert results_file.folder_of(processor) == folder


def test_results_of_two_machines_stand_side_by_side(results):
    for name in ("one", "two"):
        (results / name).mkdir()
        report = {"what": "a race", "ratio": 2.0, "kclip": "1 s", "other": "2 s", "reach": "–"}
        report |= {"command": "python race.py", "date": "2026-01-01", "machine": f"machine {name}"}
        report |= {"load_at_the_end": 1.0, "versions": {"keras": "3"}}
        (results / name / "build.json").write_text(json.dumps(report))
    gather_results.main()
    page = (results / "RESULTS.md").read_text()
    assert page.index("## machine one") < page.index("`python race.py`")
    assert page.count("a race") == 2 and "## machine two" in page


def test_every_benchmark_that_runs_is_gathered():
    assert gather_results.NAMES[:12] == tuple(NAMES.split())
    assert len(run_all.SCRIPTS) == 11
    assert all((results_file.HERE / f"{script}.py").is_file() for script in run_all.SCRIPTS)


def test_peak_memory_is_what_the_run_says(results, monkeypatch, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.json").write_text(json.dumps({"run": {"peak_memory_gib": 2.5}}))
    monkeypatch.setattr(sys, "argv", ["peak_memory.py", "--run", str(run)])
    peak_memory.main()
    (file,) = results.glob("*/peak_memory.json")
    assert json.loads(file.read_text())["ratio"] == 1.6


def test_search_finds_what_is_near():
    pytest.importorskip("faiss")
    import search

    rows, queries = search.draw(2000, 256)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    found = search.numpy_search(rows, queries)
    expected = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    np.testing.assert_array_equal(found, expected)
    figures = search.measure(2000, turns=1, hnsw=True)
    assert all(figures[name]["recall@10"] == 1.0 for name in ("kclip exact", "numpy"))
    assert set(figures["kclip approximate"]) >= {"build_s", "open_ms", "mib", "recall@10", "one"}


@pytest.mark.slow
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_training_is_measured_at_tiny_size(chunk_size):
    import gpu_training

    arguments = SimpleNamespace(
        image="small_cnn", text="tiny", size=32, length=8, dtype="mixed_bfloat16", steps=2
    )
    row = gpu_training.measure_step(arguments, "both", 4, ceiling=1e12, chunk_size=chunk_size)
    assert len(row["pairs_per_second"]) == 2 and row["chunk_size"] == chunk_size
    assert 0 <= row["share_of_ceiling"] < 1  # 0.0 when it is rounded, on a busy machine
