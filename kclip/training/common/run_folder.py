"""The beginning of a run: that its folder is new, and the config that it is made under."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kclip.config.parsing import CONFIG_FILE, to_json
from kclip.console.command_line import command_line
from kclip.errors import UserError
from kclip.files import write_text
from kclip.training.common.run import Run
from kclip.training.common.stop_signals import StopRequest


def open_run(
    command: Any, name: str, stop_requested: StopRequest, callbacks: Sequence[Any] = ()
) -> Run:
    """The run of a command that trains.

    Args:
        command: with `output`, `resume` and `log_to`.
        name: of the command.
        stop_requested: asked after each batch.
        callbacks: more Keras callbacks.
    """
    go_on = f"{command_line(name)} --resume {command.output}"
    resume = command.resume is not None
    return Run(command.output, stop_requested, go_on, resume, command.log_to, callbacks)


def write_config(command: Any) -> None:
    """Writes a command's `config.json` into its run folder."""
    write_text(command.output / CONFIG_FILE, to_json(command))


def check_new_run(output: Path) -> None:
    """Looks whether a run folder is new or empty.

    Raises:
        UserError: it holds something.
    """
    if output.exists() and any(output.iterdir()):
        raise UserError(
            f"{str(output)!r} is not empty; give another --output, delete it, or go on with it by "
            f"--resume {output}"
        )
