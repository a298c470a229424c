"""The settings of a training run: frozen dataclasses, as flags and as JSON."""

import dataclasses
import inspect
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from kclip.config.checks import unmet
from kclip.console.command_line import command_line
from kclip.errors import UserError
from kclip.reading import read_json_file

T = TypeVar("T")
CONFIG_FILE = "config.json"


COMMON_FLAGS = """Every command also takes
  --quiet    no progress bars and no lines of information; results and warnings stay
  --verbose  TensorFlow's log lines too, and the traceback of an error
  --offline  ask no network: what hubs have is taken from their caches, or refused"""


def parse_command(command_class: Any, argv: list[str], name: str, **default: Any) -> Any:
    """Reads a command line.

    Args:
        command_class: the command's dataclass.
        argv: the arguments.
        name: of the command, for its help.
        default: `default`, an instance whose values are the flags' defaults, if not the class'.
    """
    import tyro

    description = f"{inspect.getdoc(command_class)}\n\n{COMMON_FLAGS}"
    start = {"prog": command_line(name), "description": description}
    return tyro.cli(command_class, args=argv, **start, **default)


def parse_run(command_class: Any, presets: Any, argv: list[str], name: str) -> Any:
    """Reads the command line of a training, with defaults from a preset or the run to resume.

    Args:
        command_class: the command's dataclass, with `preset`, `resume` and `output`.
        presets: name -> field of the command -> value.
        argv: the arguments.
        name: of the command, for its help.

    Raises:
        UserError: there is no such run, or other flags came with `--resume`.
    """
    import tyro

    # What must be known before the other flags have their defaults.
    known = [
        (field.name, field.type, dataclasses.field(default=field.default))
        for field in dataclasses.fields(command_class)
        if field.name in ("preset", "resume")
    ]
    start_class: Any = dataclasses.make_dataclass("Start", known)
    start, others = tyro.cli(start_class, args=argv, return_unknown_args=True, add_help=False)
    if start.resume is None:
        default = command_class(preset=start.preset, **presets[start.preset])
        return parse_command(command_class, argv, name, default=default)
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
        UserError: the file is missing or not JSON, has keys that the config does not know, lacks
            some, or has a value of a wrong type.
    """
    try:
        content = read_json_file(path)
    except FileNotFoundError:
        raise UserError(f"there is no {str(path)!r}; give the folder of a run") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{str(path)!r} is not valid JSON: {error}") from None
    return _from_dict(config_class, content, str(path))


def _from_dict(config_class: Any, content: Any, where: str) -> Any:
    """Builds a config; `where` names the file, and the section in it."""
    if not isinstance(content, dict):
        raise UserError(f"{where} is {content!r}; expected an object of settings by their names")
    types_of = typing.get_type_hints(config_class, include_extras=True)
    unknown = sorted(set(content) - set(types_of))
    if unknown:
        raise UserError(
            f"{where} has the unknown keys {', '.join(unknown)}; known are {', '.join(types_of)}"
        )
    lacking = [field.name for field in fields_without_default(config_class)]
    lacking = [name for name in lacking if name not in content]
    if lacking:
        raise UserError(f"{where} lacks {', '.join(lacking)}; start a new run")
    values = {
        name: _value(types_of[name], value, f"{where}: {name}") for name, value in content.items()
    }
    return config_class(**values)


def fields_without_default(config_class: Any) -> list[dataclasses.Field]:
    """The fields of a dataclass that must be given."""
    return [
        field
        for field in dataclasses.fields(config_class)
        if field.default is field.default_factory is dataclasses.MISSING
    ]


def _value(hint: Any, value: Any, where: str) -> Any:
    """A value of JSON as its field has it: a path for text, a tuple for a list."""
    bare = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    if dataclasses.is_dataclass(bare):
        return _from_dict(bare, value, where)
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    options = typing.get_args(hint) if union else (bare,)
    if isinstance(value, str) and Path in options:
        value = Path(value)
    elif isinstance(value, list) and typing.get_origin(bare) is tuple:
        paths = typing.get_args(bare)[0] is Path and all(isinstance(item, str) for item in value)
        value = tuple(map(Path, value) if paths else value)
    expected = unmet(value, hint)
    if expected:
        raise UserError(f"{where} is {value!r}; expected {expected}")
    return value
