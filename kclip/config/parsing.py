"""The settings of a training run: frozen dataclasses, as flags and as JSON."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from kclip.errors import UserError

T = TypeVar("T")
CONFIG_FILE = "config.json"


# field of a section -> least and greatest value
_RANGES = {
    "size": (16, 4096),
    "alpha": (0.01, 4),
    "sequence_length": (3, 512),
    "vocabulary_size": (64, 1_000_000),
    "projection_dim": (1, 65_536),
    "dropout": (0, 0.99),
    "image_feature_dropout": (0, 0.99),
    "text_feature_dropout": (0, 0.99),
    "label_smoothing": (0, 0.99),
    "trained_fraction": (0, 1),
    "epochs": (1, 100_000),
    "batch_size": (2, 1_000_000),
    "chunk_size": (1, 1_000_000),
    "class_pairs": (0, 1_000_000),
    "head_epochs": (1, 100_000),
    "learning_rate": (1e-12, 10),
    "head_learning_rate": (1e-12, 10),
    "weight_decay": (0, 10),
    "warmup": (0, 0.99),
    "plateau_patience": (1, 100_000),
    "plateau_factor": (1e-6, 0.99),
    "early_stopping_patience": (1, 100_000),
    "clip_norm": (1e-12, 1e12),
}


def check_ranges(name: str, section: Any) -> None:
    """Looks at a section's numbers.

    Args:
        name: of the section, as its flags begin; empty where they have no such beginning.
        section: a dataclass of settings, such as `ImageTower`.

    Raises:
        UserError: a number lies outside of its range.
    """
    for field, value in dataclasses.asdict(section).items():
        low, high = _RANGES.get(field, (None, None))
        if low is not None and value is not None and not low <= value <= high:
            flag = f"--{name}.{field}" if name else f"--{field}"
            flag = flag.replace("_", "-")
            raise UserError(f"{flag} is {value}; give a number from {low} to {high}")


def parse_run(
    command_class: Any, start_class: Any, presets: Any, argv: list[str], name: str
) -> Any:
    """Reads the command line of a training, with defaults from a preset or the run to resume.

    Args:
        command_class: the command's dataclass, with `preset`, `resume` and `output`.
        start_class: a dataclass of `preset` and `resume`, which must be known first.
        presets: name -> field of the command -> value.
        argv: the arguments.
        name: of the command, for its help.

    Raises:
        UserError: there is no such run, or other flags came with `--resume`.
    """
    import tyro

    start, others = tyro.cli(start_class, args=argv, return_unknown_args=True, add_help=False)
    if start.resume is None:
        default = command_class(preset=start.preset, **presets[start.preset])
        return tyro.cli(command_class, args=argv, default=default, prog=f"kclip {name}")
    if others:
        raise UserError(
            f"--resume goes on under the run's own config, but {' '.join(others)} was given "
            "too; leave it out, or start a new run"
        )
    config = from_json(command_class, start.resume / CONFIG_FILE)
    return dataclasses.replace(config, resume=start.resume, output=start.resume)


def to_json(config: Any) -> str:
    """A dataclass as JSON text; `from_json` reads it back."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def from_json(config_class: type[T], path: Path) -> T:
    """Reads a config that `to_json` wrote.

    Raises:
        UserError: the file is missing or not JSON, or has keys that the config does not know.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no {str(path)!r}; give the folder of a run") from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not valid JSON: {error}") from None
    return _from_dict(config_class, content, str(path))


def _from_dict(config_class: Any, content: dict[str, Any], where: str) -> Any:
    types_of = typing.get_type_hints(config_class)
    unknown = sorted(set(content) - set(types_of))
    if unknown:
        raise UserError(
            f"{where} has the unknown keys {', '.join(unknown)}; known are {', '.join(types_of)}"
        )
    values = {key: _value(types_of[key], value, where) for key, value in content.items()}
    return config_class(**values)


def _value(expected: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(expected):
        return _from_dict(expected, value, where)
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if value is not None and Path in options:
        return Path(value)
    return value
