"""What the commands that train have in common: how one is begun, ended and gone on with."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from kclip.config.loggers import LoggerName
from kclip.config.parsing import parse_run
from kclip.files.checksums import note_checksums
from kclip.training.common.run import Run
from kclip.training.common.run_folder import check_new_run, open_run, write_config

# What later commands read again, besides the model, which has checksums of its own.
_NOTED = ("config.json", "history.csv", "metrics.json")


@dataclass(frozen=True, kw_only=True)
class TrainingCommand(ABC):
    """Flags and frame of a command that trains; a subclass adds its settings and `train`.

    A subclass names itself and its presets, and has a field `preset`.
    """

    NAME: ClassVar[str]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]  # preset -> field -> value

    output: Path
    """Run folder; new or empty."""
    resume: Path | None = None
    """A run folder to go on with, under its own config; no other flags."""
    log_to: tuple[LoggerName, ...] = ("tensorboard",)
    """Where each epoch's figures go besides history.csv: tensorboard, wandb (Weights & Biases),
    mlflow; none if empty."""

    @classmethod
    def parse(cls, argv: list[str]) -> Self:
        """Reads the command line, with defaults from a preset or from the run to resume."""
        return parse_run(cls, cls.PRESETS, argv, cls.NAME)

    def run(self, callbacks: Sequence[Any] = ()) -> dict[str, Any]:
        """Builds the model, trains it, saves it, and measures it.

        Args:
            callbacks: more Keras callbacks, which see each epoch's logs.

        Returns:
            What `metrics.json` holds.
        """
        self.check()
        if self.resume is None:
            check_new_run(self.output)
        from kclip.training.common.loggers import check_loggers
        from kclip.training.common.stop_signals import stop_signals

        check_loggers(self.log_to)
        with stop_signals() as stop_requested:
            results = self.train(open_run(self, self.NAME, stop_requested, callbacks))
        note_checksums(self.output, _NOTED)
        return results

    @abstractmethod
    def check(self) -> None:
        """Looks at the settings, before anything is read; raises `UserError`."""

    @abstractmethod
    def train(self, run: Run) -> dict[str, Any]:
        """Does the work, and returns what `metrics.json` holds."""

    def write_config(self) -> None:
        """Begins a new run's folder; not before, so that what cannot be met leaves none behind."""
        if self.resume is None:
            write_config(self)
