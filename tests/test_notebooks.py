import json
from pathlib import Path

import pytest
from fake_embedder import write_class_folders

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run folder with an untrained model, as small as they come."""
    from kclip.building import build_dual_encoder
    from kclip.config import ImageTower, Objective, TextTower
    from kclip.data.records import ImageRecord
    from kclip.data.sources import read_class_folders
    from kclip.embedding import Embedder
    from kclip.evaluation import evaluate_retrieval, evaluate_zero_shot
    from kclip.report import write_metrics, write_report
    from kclip.training.run_report import save_model

    run = tmp_path_factory.mktemp("run")
    write_class_folders(run / "images", per_color=2)
    records = [
        ImageRecord(r.id, r.file_name, r.image, (f"a {r.labels[0]} wall",), r.labels)
        for r in read_class_folders(run / "images").records
    ]
    captions = [caption for record in records for caption in record.captions]
    tower = ImageTower(backbone="small_cnn", size=32)
    text = TextTower(backbone="tiny", vocabulary_size=64, sequence_length=8)
    model, preprocessor = build_dual_encoder(tower, text, Objective(projection_dim=8), captions)
    embedder = Embedder(model, preprocessor)
    results = {
        "retrieval": evaluate_retrieval(embedder, records),
        "zero_shot": evaluate_zero_shot(embedder, records, ["a {} wall"]),
    }
    (run / "history.csv").write_text("epoch,loss,val_loss\n0,2.5,2.0\n1,1.5,1.8\n")
    (run / "config.json").write_text(json.dumps({"zero_shot": str(run / "images"), "image": {}}))
    write_metrics(run / "metrics.json", results)
    images = {record.file_name: record.image for record in records}
    write_report(run, "A run", {}, results, images)
    save_model(model, preprocessor, run / "model")
    return run


def execute(path, monkeypatch, **environment):
    import nbformat
    from nbclient import NotebookClient

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}})
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
    path = NOTEBOOKS / "evaluate_dual_encoder.ipynb"
    notebook = execute(path, monkeypatch, KCLIP_RUN=str(run_folder))
    # Curves, recalls, examples, confusion matrix, and a grid for each of two queries.
    assert len(outputs(notebook, "image/png")) == 6
    tables = "\n".join(outputs(notebook, "text/markdown"))
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert f"| accuracy        | {100 * metrics['zero_shot']['accuracy']:.1f} %" in tables
    assert "| text → image |" in tables and "| purple |" in tables


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_kept_without_outputs_and_without_model_code(path):
    cells = json.loads(path.read_text())["cells"]
    sources = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert all(not cell.get("outputs") for cell in cells)
    assert "class " not in sources and "keras" not in sources
