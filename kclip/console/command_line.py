"""What a user has to type, for messages that name a command."""

import sys
from pathlib import Path

DISTRIBUTION = "keras-clip"  # what pip calls it; the import is kclip


def install_command(extra: str) -> str:
    """How the optional packages of a feature are installed.

    Args:
        extra: a key of the optional dependencies in pyproject.toml.

    Example:
        >>> install_command("search")
        'pip install "keras-clip[search]"'
    """
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def command_line(name: str) -> str:
    """How the user starts a command: as the one that runs now was started.

    Args:
        name: of the command, such as "train_dual_encoder".

    Returns:
        "python scripts/NAME.py" in a checkout whose scripts are used, else "kclip NAME".

    Example:
        >>> command_line("train_dual_encoder")
        'kclip train_dual_encoder'
    """
    script = Path(sys.argv[0]).with_name(f"{name}.py")
    if script.parent.name == "scripts" and script.is_file():
        return f"python {script}"
    return f"kclip {name}"
