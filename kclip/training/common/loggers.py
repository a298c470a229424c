"""Where curves go besides `history.csv`: TensorBoard, Weights & Biases, MLflow."""

import importlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from kclip.config.loggers import LoggerName
from kclip.console.offline import is_offline
from kclip.errors import UserError
from kclip.files import write_text
from kclip.training.common.run import Run


@contextmanager
def opened_loggers(run: Run, stage: str = "") -> Iterator[list[keras.callbacks.Callback]]:
    """The Keras callbacks of a run's `log_to`, open within the block.

    They write below the run's folder, or where the environment variables of Weights & Biases
    (`WANDB_MODE`, `WANDB_PROJECT`, ...) and MLflow (`MLFLOW_TRACKING_URI`, ...) say.

    Args:
        run: its folder and `log_to`.
        stage: name of a part of the training, whose curves are kept apart.

    Raises:
        UserError: the package of a logger is not installed.
    """
    loggers: list[keras.callbacks.Callback] = []
    with ExitStack() as stack:
        for name in dict.fromkeys(run.log_to):
            if name == "tensorboard":
                folder = run.folder / "tensorboard" / stage
                loggers.append(keras.callbacks.TensorBoard(str(folder)))
            else:
                logger = {"wandb": WandbLogger, "mlflow": MlflowLogger}[name](run, stage)
                stack.callback(logger.close)
                loggers.append(logger)
        yield loggers


def check_loggers(log_to: Sequence[LoggerName]) -> None:
    """Looks, before anything is computed, whether the packages of loggers can be imported.

    Raises:
        UserError: one cannot.
    """
    for name in log_to:
        if name != "tensorboard":
            _import(name)


class WandbLogger(keras.callbacks.Callback):
    """Sends each epoch's logs to Weights & Biases; a run that is resumed goes on with its curves.

    Args:
        run: whose folder holds the files.
        stage: a part of it, or "".
    """

    def __init__(self, run, stage):
        super().__init__()
        self.curves = _import("wandb").init(
            id=_run_id(run, stage),
            name=_name(run, stage),
            dir=str(run.folder),
            resume="allow",
            mode="offline" if is_offline() else None,  # `wandb sync` sends it later
        )

    def on_epoch_end(self, epoch, logs=None):
        """Sends one epoch."""
        self.curves.log({"epoch": epoch, **_floats(logs)}, step=epoch)

    def close(self):
        """Ends the part of the run that this process has trained."""
        self.curves.finish()


class MlflowLogger(keras.callbacks.Callback):
    """Sends each epoch's logs to MLflow, into `mlflow.db` of the run folder by default.

    Args:
        run: whose folder holds the files.
        stage: a part of it, or "".
    """

    def __init__(self, run, stage):
        super().__init__()
        self.mlflow = _import("mlflow")
        own_id = _run_id(run, stage)
        if "MLFLOW_TRACKING_URI" not in os.environ:
            self.mlflow.set_tracking_uri(f"sqlite:///{(run.folder / 'mlflow.db').resolve()}")
        earlier = self.mlflow.search_runs(
            filter_string=f"tags.kclip_run = '{own_id}'", output_format="list"
        )
        if earlier:
            self.mlflow.start_run(run_id=earlier[0].info.run_id)
        else:
            self.mlflow.start_run(run_name=_name(run, stage), tags={"kclip_run": own_id})

    def on_epoch_end(self, epoch, logs=None):
        """Sends one epoch."""
        # MLflow takes no @ in the name of a metric.
        metrics = {name.replace("@", "_at_"): value for name, value in _floats(logs).items()}
        self.mlflow.log_metrics(metrics, step=epoch)

    def close(self):
        """Ends the part of the run that this process has trained."""
        self.mlflow.end_run()


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"--log-to {name} needs a package that cannot be imported ({error}); "
            f"install it with: pip install {name}"
        ) from None


def _run_id(run: Run, stage: str) -> str:
    """The same for all parts of a training that was stopped: kept with its checkpoint."""
    path = run.checkpoint("logger_id.txt", stage)
    if not path.is_file():
        write_text(path, uuid.uuid4().hex[:16])
    return path.read_text(encoding="utf-8")


def _name(run: Run, stage: str) -> str:
    return f"{run.folder.name}-{stage}" if stage else run.folder.name


def _floats(logs: Any) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items()}
