"""Every number of every command has a range, and no value outside of it gets into a run."""

import dataclasses
import importlib
import types
import typing
from pathlib import Path
from typing import Annotated, Literal

import pytest

from kclip.cli import COMMANDS
from kclip.config.checks import check_settings, unmet, walk_fields
from kclip.config.clip_decoder import DecoderHead
from kclip.config.dual_encoder import Optimization
from kclip.config.ranges import Range
from kclip.errors import UserError

PLACEHOLDERS = {Path: Path("somewhere"), str: "something"}


def command_class(name):
    return getattr(importlib.import_module(f"kclip.commands.{name}"), COMMANDS[name][0])


def example(name):
    """A command whose required fields have some value."""
    cls = command_class(name)
    hints = typing.get_type_hints(cls)
    required = {}
    for field in dataclasses.fields(cls):
        if field.default is field.default_factory is dataclasses.MISSING:
            required[field.name] = placeholder(hints[field.name])
    return cls(**required)


def placeholder(hint):
    container, items = typing.get_origin(hint), typing.get_args(hint)
    if container is Literal:
        return items[0]
    return container([placeholder(items[0])]) if container else PLACEHOLDERS[hint]


def bare_numbers(hint):
    """Those of a hint's numbers that no range goes with."""
    if typing.get_origin(hint) is Annotated:
        ranged = any(isinstance(data, Range) for data in hint.__metadata__)
        return [] if ranged else bare_numbers(typing.get_args(hint)[0])
    if typing.get_origin(hint) is Literal:
        return []
    if hint in (int, float):
        return [hint]
    return [number for option in typing.get_args(hint) for number in bare_numbers(option)]


def first_range(hint):
    if typing.get_origin(hint) is Annotated:
        return next((data for data in hint.__metadata__ if isinstance(data, Range)), None)
    found = (first_range(option) for option in typing.get_args(hint))
    return next(filter(None, found), None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_has_a_range_that_its_default_keeps(name):
    command = example(name)
    for field, _, hint in walk_fields(command):
        assert not bare_numbers(hint), field
    check_settings(command)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_numbers_outside_of_their_ranges(name):
    command = example(name)
    for field, _, hint in walk_fields(command):
        limits = first_range(hint)
        if limits is None:
            continue
        for wrong in (limits.least - 1, float("nan"), float("inf"), "8"):
            value = (wrong,) if typing.get_origin(hint) is tuple else wrong
            with pytest.raises(
                UserError, match=f"^--{field.replace('_', '-')} is .*; give .*from|of"
            ):
                replaced(command, field, value).run()


def replaced(command, field, value):
    """The command with another value of a field, which may lie in a section."""
    section, _, name = field.rpartition(".")
    if not section and not hasattr(command, name):  # a section whose flags have no prefix
        section = "settings"
    if section:
        inner = dataclasses.replace(getattr(command, section), **{name: value})
        return dataclasses.replace(command, **{section: inner})
    return dataclasses.replace(command, **{name: value})


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (8, int, None),
        (True, int, "a whole number"),
        (8.0, int, "a whole number"),
        ("8", int, "a whole number"),
        (8, float, None),
        (None, int, "a whole number"),
        (None, int | None, None),
        ("x", int | None, "a whole number"),
        (1, bool, "true or false"),
        ("a", Path, "a path"),
        (Path("a"), Path | None, None),
        ("adam", Literal["adam", "adamw"], None),
        ("sgd", Literal["adam", "adamw"], "one of adam, adamw"),
        ("some", int | Literal["all"], "a whole number or all"),
        (0, Annotated[int, Range(1, 8)], "a number from 1 to 8"),
        (9, Annotated[int, Range(1, 8)] | None, "a number from 1 to 8"),
        (2.5, Annotated[int, Range(1, 8)], "a whole number from 1 to 8"),
        (float("nan"), Annotated[float, Range(0)], "a number of at least 0"),
        (float("inf"), Annotated[float, Range(0)], "a number of at least 0"),
        ((1, 9), tuple[Annotated[int, Range(1, 8)], ...], "a number from 1 to 8 for each"),
        ([1], tuple[int, ...], "a tuple"),
        (["a", "b"], list[str], None),
        (object(), types.FunctionType, None),
    ],
)
def test_what_a_value_should_have_been(value, hint, expected):
    assert unmet(value, hint) == expected


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (DecoderHead(dim=0), "--dim is 0; give a number from 1 to 65,536"),
        (DecoderHead(feature_dropout=1.5), "--feature-dropout is 1.5; give a number from 0 to"),
        (Optimization(epochs="8"), "--epochs is '8'; give"),
    ],
)
def test_a_fault_is_named_by_its_flag(section, sentence):
    with pytest.raises(UserError, match=sentence):
        check_settings(section)
