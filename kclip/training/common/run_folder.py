"""The beginning of a run folder: that it is new, and the config that it is made under."""

from pathlib import Path
from typing import Any

from kclip.config.parsing import CONFIG_FILE, to_json
from kclip.errors import UserError
from kclip.files import replaced_when_done


def write_config(command: Any) -> None:
    """Writes a command's `config.json` into its run folder."""
    with replaced_when_done(command.output / CONFIG_FILE) as temporary:
        temporary.write_text(to_json(command), encoding="utf-8")


def check_new_run(output: Path, resumable: bool = True) -> None:
    """Looks whether a run folder is new or empty.

    Args:
        output: the folder.
        resumable: whether the command can go on with a run.

    Raises:
        UserError: it holds something.
    """
    if output.exists() and any(output.iterdir()):
        resume = f", delete it, or go on with it by --resume {output}"
        raise UserError(
            f"{str(output)!r} is not empty; give another --output"
            + (resume if resumable else " or delete it")
        )
