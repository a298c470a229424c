from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kclip.training.common.stop_signals import Stopped, StopRequest

CHECKPOINT_FOLDER = "checkpoint"


@dataclass(frozen=True)
class Run:
    """Where a training keeps what it writes, how it is ended and gone on with, and who watches it.

    Attributes:
        folder: of `history.csv`, `checkpoint/` and the loggers' files.
        stop_requested: asked after each batch; once it is true, the state is saved and the
            training ends.
        go_on: what a user types to go on with it after that.
        resume: whether to go on from a state in the folder.
        log_to: names of loggers; see `kclip.training.common.loggers`.
        callbacks: more Keras callbacks, which see the logs of each epoch.

    Example:
    >>> run = Run(Path("runs/mine"))
    >>> run.part("head").folder.as_posix()
    'runs/mine/head'
    """

    folder: Path
    stop_requested: Callable[[], bool] = lambda: False
    go_on: str = ""
    resume: bool = False
    log_to: Sequence[str] = ()
    callbacks: Sequence[Any] = ()

    def part(self, name: str) -> "Run":
        """The same run in a sub-folder of its own."""
        return replace(self, folder=self.folder / name)

    def checkpoint(self, file_name: str, stage: str = "") -> Path:
        """A file of what the run needs to go on; a stage's own where there are several."""
        return self.folder / CHECKPOINT_FOLDER / stage / file_name

    def stop(self, epoch: int, batch: int) -> None:
        """Ends a training whose state is saved.

        Args:
            epoch: from 0.
            batch: how many of the epoch are done.

        Raises:
            Stopped: always.
        """
        assert isinstance(self.stop_requested, StopRequest)  # nothing else asks
        where = f"in epoch {epoch + 1} after batch {batch}"
        raise Stopped(self.go_on, self.stop_requested, where)

    def check(self) -> None:
        """Ends work between two trainings where it was asked to.

        Raises:
            Stopped: it was.
        """
        if self.stop_requested():
            assert isinstance(self.stop_requested, StopRequest)
            raise Stopped(self.go_on, self.stop_requested)
