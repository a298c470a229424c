"""Loggers in their offline modes: what they keep of a run, and of one that was resumed."""

import builtins
import importlib

import keras
import numpy as np
import pytest

from kclip.errors import UserError
from kclip.training.common.loggers import check_loggers, opened_loggers
from kclip.training.common.run import Run


def run_of(folder, *log_to):
    return Run(folder, lambda: False, "again", log_to=log_to)


def log(run, losses, first_epoch=0, stage=""):
    with opened_loggers(run, stage) as loggers:
        for epoch, loss in enumerate(losses, start=first_epoch):
            for logger in loggers:
                logger.on_epoch_end(epoch, {"loss": np.float32(loss), "val_recall@10": 0.5})


@pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # MLflow's
def test_mlflow_goes_on_with_the_same_curve(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = run_of(tmp_path / "run", "mlflow")
    log(run, [3.0, 2.0])
    log(run, [1.0], first_epoch=2)
    (only,) = mlflow.search_runs(output_format="list")
    client = mlflow.tracking.MlflowClient()
    curve = client.get_metric_history(only.info.run_id, "loss")
    assert [(point.step, point.value) for point in curve] == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert only.data.metrics["val_recall_at_10"] == 0.5 and only.info.run_name == "run"
    assert mlflow.active_run() is None
    assert (tmp_path / "run" / "mlflow.db").is_file()


def test_weights_and_biases_keep_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = run_of(tmp_path / "run", "wandb")
    log(run, [3.0, 2.0], stage="head")
    log(run, [1.0], first_epoch=2, stage="head")
    kept = {path.name for path in (tmp_path / "run" / "wandb").rglob("run-*.wandb")}
    assert len(kept) == 1  # one name, in the folder of each part
    with pytest.raises(ZeroDivisionError), opened_loggers(run):
        raise ZeroDivisionError  # a training that fails closes its loggers
    import wandb

    assert wandb.run is None


def test_tensorboard_is_keras_own(tmp_path):
    with opened_loggers(run_of(tmp_path, "tensorboard", "tensorboard"), "head") as loggers:
        (logger,) = loggers
    assert isinstance(logger, keras.callbacks.TensorBoard)
    assert logger.log_dir == str(tmp_path / "tensorboard" / "head")


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_package_that_is_absent_is_named_before_training(monkeypatch, name):
    def absent(asked):
        raise ImportError(f"No module named {asked!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UserError, match=f"--log-to {name} needs.*pip install {name}"):
        check_loggers(("tensorboard", name))
    check_loggers(("tensorboard",))


def test_nothing_is_imported_that_is_not_asked_for(tmp_path, monkeypatch):
    real = builtins.__import__

    def guarded(name, *args, **kwargs):
        assert name.split(".")[0] not in ("wandb", "mlflow")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", guarded)
    with opened_loggers(run_of(tmp_path)) as loggers:
        assert loggers == []
