import ast
import json
import re
from pathlib import Path

import pytest
import small_run
from fake_embedder import write_class_folders

import kclip

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run folder with an untrained model, as small as they come."""
    from kclip.config.dual_encoder import Objective
    from kclip.config.towers import ImageTower, TextTower
    from kclip.data.image_record import ImageRecord
    from kclip.data.labelled.class_folders import read_labelled_folder
    from kclip.evaluation.retrieval import evaluate_retrieval
    from kclip.evaluation.zero_shot import evaluate_zero_shot
    from kclip.inference.embedder import Embedder
    from kclip.reports.dual_encoder import write_dual_encoder_report
    from kclip.training.dual_encoder.building import build_dual_encoder

    run = tmp_path_factory.mktemp("run")
    write_class_folders(run / "images", per_color=2)
    folder = read_labelled_folder(run / "images")
    records = [
        ImageRecord(r.id, r.file_name, r.image, (f"a {r.labels[0]} wall",), r.labels)
        for r in folder.records
    ]
    captions = [caption for record in records for caption in record.captions]
    tower = ImageTower(backbone="small_cnn", size=32)
    text = TextTower(backbone="tiny", vocabulary_size=64, sequence_length=8)
    model, preprocessor = build_dual_encoder(tower, text, Objective(projection_dim=8), captions)
    embedder = Embedder(model, preprocessor)
    results = {
        "retrieval": evaluate_retrieval(embedder, records),
        "zero_shot": evaluate_zero_shot(embedder, folder, ["a {} wall"]),
    }
    (run / "history.csv").write_text("epoch,loss,val_loss\n0,2.5,2.0\n1,1.5,1.8\n")
    (run / "config.json").write_text(json.dumps({"zero_shot": str(run / "images"), "image": {}}))
    images = {record.file_name: record.image for record in records}
    write_dual_encoder_report(run, {}, results, images)
    for part in (model, preprocessor):
        part.save_to_preset(str(run / "model"))
    return run


def execute(name, monkeypatch, **environment):
    import nbformat
    from nbclient import NotebookClient

    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": NOTEBOOKS}},
        # What TensorFlow's C++ prints at its start goes to this process's stderr.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    client.execute()
    return notebook


def outputs(notebook, kind):
    return [
        output["data"][kind]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if kind in output.get("data", {})
    ]


@pytest.mark.notebook
@pytest.mark.slow
def test_evaluate_dual_encoder_shows_a_run(run_folder, monkeypatch):
    notebook = execute("evaluate_dual_encoder.ipynb", monkeypatch, KCLIP_RUN=str(run_folder))
    # Curves, recalls, examples, confusion matrix, and a grid for each of two queries.
    assert len(outputs(notebook, "image/png")) == 6
    tables = "\n".join(outputs(notebook, "text/markdown"))
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert f"| accuracy        | {100 * metrics['zero_shot']['accuracy']:.1f} %" in tables
    assert all(re.search(rf"\| {row} +\|", tables) for row in ("text → image", "purple"))
    assert not printed(notebook)


@pytest.mark.notebook
@pytest.mark.slow
def test_zero_shot_classification_measures_what_the_commands_measure(run_folder, monkeypatch):
    notebook = execute(
        "zero_shot_classification.ipynb",
        monkeypatch,
        KCLIP_MODEL=str(run_folder / "model"),
        KCLIP_IMAGES=str(run_folder / "images"),
        KCLIP_TEMPLATES="a {} wall",
    )
    # An image, templates, synonyms, confusion matrix, top-k, reliability, coverage.
    assert len(outputs(notebook, "image/png")) == 7
    tables = "\n".join(outputs(notebook, "text/markdown"))
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert f"| accuracy        | {100 * metrics['zero_shot']['accuracy']:.1f} %" in tables
    for row in metrics["zero_shot"]["per_class"]:
        assert re.search(rf"\| {row['class_name']} +\| {100 * row['precision']:.1f} %", tables)
    assert "| after calibration  |" in tables and "accuracy on the answered" in tables
    assert not printed(notebook)


@pytest.mark.notebook
@pytest.mark.slow
def test_compare_classifiers_asks_every_method(run_folder, tmp_path, monkeypatch):
    write_class_folders(tmp_path / "images", per_color=12)
    notebook = execute(
        "compare_classifiers.ipynb",
        monkeypatch,
        KCLIP_MODEL=str(run_folder / "model"),
        KCLIP_IMAGES=str(tmp_path / "images"),
        KCLIP_TEMPLATES="a {} wall",
    )
    # Few-shot curve, training curves, accuracies, differences, confusion matrices.
    assert len(outputs(notebook, "image/png")) == 5
    tables = "\n".join(outputs(notebook, "text/markdown"))
    run = re.escape(run_folder.name)
    for method in (f"{run}, zero-shot", f"{run}, linear probe", "small_cnn, fine-tuned"):
        assert re.search(rf"\| {method} +\| \d+\.\d \[\d+\.\d, \d+\.\d\]", tables)
    assert "| zero-shot | 1-shot" in tables and "8-shot" not in tables  # six images a class
    assert tables.count(" − ") == 3  # three pairs
    assert not printed(notebook)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Generated scenes with their labels: source/ as drawn, records/ as TFRecords."""
    folder = tmp_path_factory.mktemp("scenes")
    small_run.write_records(folder, num_train=160, num_dev=24, shards="1", texts="labels")
    return folder


@pytest.mark.notebook
@pytest.mark.slow
def test_multilabel_prompts_to_adapters_measures_every_method(run_folder, scenes, monkeypatch):
    notebook = execute(
        "multilabel_prompts_to_adapters.ipynb",
        monkeypatch,
        KCLIP_MODEL=str(run_folder / "model"),
        KCLIP_RECORDS=str(scenes / "records"),
        KCLIP_IMAGES=str(scenes / "source/zero_shot"),
    )
    # Four prompt methods, three adapters, curve, recognizer, attention twice, new classes.
    assert len(outputs(notebook, "image/png")) == 12
    tables = "\n".join(outputs(notebook, "text/markdown"))
    rows = dict(
        line.split(",") for line in (scenes / "source/labels.csv").read_text().splitlines()[1:]
    )
    dev = [rows[name].split(";") for name in (scenes / "source/dev.txt").read_text().split()]
    named = [label for labels in dev for label in labels]
    constant = len(named) / len(set(named)) / len(dev)  # the mean share of a class that occurs
    assert re.search(rf"\| constant predictor +\| {100 * constant:.1f} %", tables)
    for method in ("Yes-or-No", "List-all", "Top-all", "MLD-Adapter, spatial, 10 %"):
        assert re.search(rf"\| {method} +\| \d+\.\d %", tables)
    assert re.search(r"\| linear_probe +\| +\| \d+\.\d %", tables)
    assert re.search(r"\| a constant predictor +\| 12\.5 %", tables)  # of eight classes
    assert not printed(notebook)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_use_public_names_alone(path):
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = [line for source in code for line in source.splitlines() if not line.startswith("%")]
    tree = ast.parse("\n".join(lines))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = {node.module for node in imported if str(node.module).startswith("kclip")}
    modules |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.startswith("kclip")
    }
    assert modules <= {"kclip"}
    names = {a.name for node in imported if node.module == "kclip" for a in node.names}
    assert names <= set(kclip.__all__)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_define_no_model_code(path):
    cells = json.loads(path.read_text())["cells"]
    sources = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert not re.search(r"^class ", sources, re.MULTILINE) and "keras" not in sources


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_can_be_read_without_running_them(path):
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert outputs(notebook, "image/png") and not printed(notebook)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_kept_outputs_are_of_generated_scenes_and_of_no_machine(path):
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    texts = [text for kind in ("text/markdown", "text/plain") for text in outputs(notebook, kind)]
    texts = "".join(texts)
    assert "| blue square" in texts  # a class of the scenes that `make demo` draws
    # Pictures that hold photographs don't shrink to these sizes.
    assert not outputs(notebook, "image/jpeg") and path.stat().st_size < 1_500_000
    assert not re.search(r"(^|[\s\"'`(=])/\w+/|[A-Z]:\\\\", texts)
    assert str(Path.home()) not in path.read_text()
    assert all(not cell.metadata for cell in notebook.cells)


def printed(notebook):
    """What cells wrote to stdout and stderr: progress, messages and warnings."""
    return [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream"
    ]
