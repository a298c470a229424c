import json
import shutil

import numpy as np
import pytest
from fake_embedder import write_class_folders
from tiny_clip import write_tiny_clip
from tiny_models import SIZE, tiny_dual_encoder, tiny_preprocessor

from kclip.cli import main
from kclip.errors import KclipError, UserError
from kclip.evaluation.consistency import comparison, keras_modes
from kclip.evaluation.consistency.comparison import compare_modes
from kclip.evaluation.consistency.modes import MODE_NAMES, MODES
from kclip.evaluation.consistency.samples import Samples, read_samples
from kclip.evaluation.consistency.subject import ModelOutputs
from kclip.export.packages import missing_packages
from kclip.inference.embedder import Embedder

NAMES = ("red circle", "two blue squares", "small green star")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model = tiny_dual_encoder(standardize=True, initial_scale=2.0)
    model.save_to_preset(str(folder))
    tiny_preprocessor(mirror=True).save_to_preset(str(folder))
    return folder


@pytest.fixture(scope="module")
def embedder(model_folder):
    return Embedder.from_name(model_folder)


@pytest.fixture(scope="module")
def samples():
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype="uint8")
    return Samples(pixels, NAMES)


@pytest.mark.slow
def test_a_small_model_gives_one_answer_in_every_mode(embedder, model_folder, samples):
    results = compare_modes(embedder, str(model_folder), samples, ["a {}."], MODE_NAMES)
    assert list(results) == list(MODE_NAMES)
    for name, result in results.items():
        if missing_packages(MODES[name].packages):
            assert "pip install" in result["skipped"]
        else:
            assert result["passed"], (name, result)
            assert result["num_images"] == 4
            assert 0 <= result["max_probability_difference"] <= result["limit"]


def test_the_difference_is_the_largest_of_any_probability(embedder, samples, monkeypatch):
    # Worked out by hand: cosines (1, 0) and (0, 1), times a scale of ln 3, give 3/4 and 1/4.
    scale, classes = float(np.log(3)), np.eye(2, dtype=np.float32)
    right = ModelOutputs(np.float32([[2, 0], [0, 1]]), classes, scale)
    wrong = ModelOutputs(np.float32([[1, 0], [1, 0]]), classes, scale)
    results = compare_two(embedder, samples, right, wrong, monkeypatch)
    assert results["xla"]["max_probability_difference"] == pytest.approx(0.5)
    assert results["xla"]["equal_decisions"] == 0.5
    assert results["xla"]["passed"] is False


@pytest.mark.parametrize("noise, passed", [(0.0, True), (1e-7, True), (1e-3, False)])
def test_noise_in_one_tower_is_found(embedder, samples, monkeypatch, noise, passed):
    rng = np.random.default_rng(0)
    images, texts = (rng.normal(size=(n, 8)).astype(np.float32) for n in (2, 2))
    noisy = texts + noise * rng.normal(size=texts.shape).astype(np.float32)
    results = compare_two(
        embedder,
        samples,
        ModelOutputs(images, texts, 20.0),
        ModelOutputs(images, noisy, 20.0),
        monkeypatch,
    )
    assert results["xla"]["passed"] is passed


def compare_two(embedder, samples, reference, other, monkeypatch):
    functions = {"eager": lambda subject: reference, "xla": lambda subject: other}
    monkeypatch.setattr(comparison, "mode_function", functions.__getitem__)
    two = Samples(samples.pixels[:2], NAMES[:2])
    return compare_modes(embedder, "unused", two, ["a {}."], ["xla"])


def test_a_mode_that_breaks_down_is_a_failure_and_stops_no_other(embedder, samples, monkeypatch):
    def nothing(subject):
        raise RuntimeError("no such operator\nand a page of stack")

    model_outputs = keras_modes.eager
    functions = {"eager": model_outputs, "xla": nothing, "tf_function": model_outputs}
    monkeypatch.setattr(comparison, "mode_function", functions.__getitem__)
    results = compare_modes(embedder, "", samples, ["a {}."], ["xla", "tf_function"])
    assert results["xla"]["error"] == "RuntimeError: no such operator"
    assert results["xla"]["passed"] is False
    assert results["tf_function"]["passed"] is True


def test_embeddings_that_are_not_finite_are_a_failure(embedder, samples, monkeypatch):
    fine = ModelOutputs(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 1.0)
    broken = ModelOutputs(np.full((2, 2), np.nan, np.float32), fine.text_embeddings, 1.0)
    results = compare_two(embedder, samples, fine, broken, monkeypatch)
    assert "not finite" in results["xla"]["error"]
    with pytest.raises(KclipError, match="not finite"):
        compare_two(embedder, samples, broken, fine, monkeypatch)


def test_a_missing_package_skips_the_mode(embedder, samples, monkeypatch):
    monkeypatch.setattr("kclip.export.packages.find_spec", lambda module: None)
    results = compare_modes(embedder, "", samples, ["a {}."], ["onnx"])
    reason = "not installed: tf2onnx, onnx, onnxruntime (pip install tf2onnx onnx onnxruntime)"
    assert results == {"onnx": {"skipped": reason}}


def test_the_command_writes_a_table_and_numbers(model_folder, tmp_path, capsys):
    output = tmp_path / "results"
    arguments = ["--model", str(model_folder), "--output", str(output), "--max-images", "10"]
    main("check_consistency", [*arguments, "--modes", "tf_function", "reload"])
    metrics = json.loads((output / "metrics.json").read_text())
    assert list(metrics) == ["tf_function", "reload"]
    assert metrics["reload"]["max_probability_difference"] == 0.0
    assert metrics["reload"]["num_images"] == 10
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 4 and all("passed" in line for line in table[2:])
    assert table[3] in (output / "report.md").read_text()
    assert (output / "differences.png").is_file()


def test_a_broken_mode_ends_the_command_with_1(model_folder, tmp_path, capsys, monkeypatch):
    def noisy(subject):
        found = keras_modes.eager(subject)
        noise = np.random.default_rng(0).normal(size=found.image_embeddings.shape)
        return ModelOutputs(found.image_embeddings + 0.1 * noise, found.text_embeddings, 50.0)

    monkeypatch.setattr(keras_modes, "xla", noisy)
    arguments = ["--model", str(model_folder), "--output", str(tmp_path), "--max-images", "4"]
    with pytest.raises(SystemExit) as stopped:
        main("check_consistency", [*arguments, "--modes", "xla", "reload"])
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    assert "error: xla differs more than allowed" in captured.err
    assert "**missed**" in captured.out and "passed" in captured.out
    assert json.loads((tmp_path / "metrics.json").read_text())["xla"]["passed"] is False


def test_samples_are_spread_over_the_classes(tmp_path):
    write_class_folders(tmp_path, per_color=3)
    samples = read_samples(tiny_preprocessor(), tmp_path, [], max_images=6)
    assert samples.pixels.shape == (6, SIZE, SIZE, 3)
    assert samples.pixels.dtype == np.uint8
    assert samples.class_names == ("blue", "green", "grey", "purple", "red", "yellow")
    means = samples.pixels.mean(axis=(1, 2))
    assert means[4].argmax() == 0 and means[0].argmax() == 2  # one of each: red, blue


def test_names_may_be_given_for_a_folder_without_classes(tmp_path):
    write_class_folders(tmp_path, per_color=1)
    flat = tmp_path / "red"
    samples = read_samples(tiny_preprocessor(), flat, ["a", "b"], max_images=6)
    assert (len(samples.pixels), samples.class_names) == (1, ("a", "b"))


@pytest.mark.parametrize(
    "change, sentence",
    [
        (["--model", "nowhere"], "nowhere"),
        (["--images", "nowhere"], "nowhere is not a folder"),
        (["--max-images", "0"], "--max-images is 0"),
        (["--template", "a photo"], "has no {}"),
        (["--classes", "cat"], "at least two classes"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(model_folder, tmp_path, capsys, change, sentence):
    output = tmp_path / "out"
    arguments = {"--model": str(model_folder), "--output": str(output), "--max-images": "8"}
    arguments |= dict([change])
    with pytest.raises(SystemExit) as stopped:
        main("check_consistency", [word for pair in arguments.items() for word in pair])
    assert stopped.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and sentence in error
    assert not output.exists()


def test_a_damaged_image_is_named(tmp_path):
    write_class_folders(tmp_path, per_color=1)
    (tmp_path / "red" / "red_0.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="red_0.png can't be used"):
        read_samples(tiny_preprocessor(), tmp_path, [], max_images=6)
    shutil.rmtree(tmp_path / "red")
    assert len(read_samples(tiny_preprocessor(), tmp_path, [], 6).class_names) == 5


@pytest.mark.parametrize("architecture", ["clip", "siglip"])
def test_clip_gives_one_answer_too(architecture, tmp_path):
    write_tiny_clip(tmp_path / "model", architecture)
    embedder = Embedder.from_name(tmp_path / "model")
    samples = read_samples(embedder.preprocessor, None, [], max_images=8)
    modes = ["tf_function", "batch_of_1", "reload"]
    results = compare_modes(embedder, "", samples, ["a {}."], modes)
    assert all(result["passed"] for result in results.values()), results
