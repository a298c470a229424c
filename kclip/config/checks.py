"""Whether values of settings are of the types that their fields declare, and in their ranges."""

import dataclasses
import numbers
import types
import typing
from pathlib import Path
from typing import Any

from kclip.config.ranges import Form, Range
from kclip.errors import UserError


def check_settings(settings: Any) -> None:
    """Looks at every value of a command, those of its sections too.

    Args:
        settings: a dataclass, such as `TrainDualEncoder`.

    Raises:
        UserError: a value is not what its field's type asks for; the first one is named by its
            flag.

    Example:
        >>> from kclip.config.dual_encoder import Optimization
        >>> try:
        ...     check_settings(Optimization(epochs=0))
        ... except UserError as error:
        ...     print(error)
        --epochs is 0; give a number from 1 to 1,000,000
    """
    for name, value, hint in walk_fields(settings):
        expected = unmet(value, hint)
        if expected:
            raise UserError(f"--{name.replace('_', '-')} is {_shown(value)}; give {expected}")


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return str(value) if isinstance(value, Path) else repr(value)


def walk_fields(settings: Any, prefix: str = "") -> typing.Iterator[tuple[str, Any, Any]]:
    """Goes over a dataclass' fields and those of the dataclasses in it.

    Yields:
        Name as in the field's flag (with `_`), value, type hint.
    """
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        value, hint = getattr(settings, field.name), hints[field.name]
        if dataclasses.is_dataclass(value):
            yield from walk_fields(value, prefix + _flag_prefix(field.name, hint))
        else:
            yield prefix + field.name, value, hint


def _flag_prefix(name: str, hint: Any) -> str:
    """How the flags of a section begin."""
    import tyro

    bare = tyro.conf.OmitArgPrefixes in getattr(hint, "__metadata__", ())
    return "" if bare else f"{name}."


def unmet(value: Any, hint: Any) -> str | None:
    """What a type hint asks for and a value is not.

    Args:
        value: anything.
        hint: the type of a field: plain types, `Annotated` with a `Range`, `Literal`, unions,
            lists and tuples of such. Other types are not looked at.

    Returns:
        A description such as "a whole number from 1 to 8"; None for a value that is right.

    Example:
        >>> unmet("8", int), unmet(8, int | None), unmet(("a", 1), tuple[str, ...])
        ('a whole number', None, 'text for each')
    """
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _unmet_range(value, options[0], options[1:])
    if origin in (typing.Union, types.UnionType):
        faults = [unmet(value, option) for option in options]
        return None if None in faults else " or ".join(fault for fault in faults if fault)
    if origin is typing.Literal:
        named = ", ".join(map(str, options))
        return None if value in options else f"one of {named}" if len(options) > 1 else named
    if origin in (list, tuple):
        if not isinstance(value, origin):
            return f"a {origin.__name__}"
        faults = (unmet(item, options[0]) for item in value)
        return next((f"{fault} for each" for fault in faults if fault), None)
    return _unmet_type(value, hint)


def _unmet_range(value: Any, hint: Any, metadata: tuple[Any, ...]) -> str | None:
    fault = unmet(value, hint)
    forms = [data for data in metadata if isinstance(data, Form)]
    if forms:
        return None if fault is None and value in forms[0] else str(forms[0])
    ranges = [data for data in metadata if isinstance(data, Range)]
    if not ranges or (fault is None and value in ranges[0]):
        return fault
    return f"{fault or 'a number'} {ranges[0]}"


# What a value of a plain type is called, and what counts as one.
_DESCRIPTIONS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}
_ACCEPTED = {int: numbers.Integral, float: numbers.Real}


def _unmet_type(value: Any, hint: Any) -> str | None:
    if hint is type(None):
        return None if value is None else ""  # a union need not say that None is right too
    if hint not in _DESCRIPTIONS:
        return None
    right = isinstance(value, _ACCEPTED.get(hint, hint))
    # For Python, True is a whole number.
    right &= hint is bool or not isinstance(value, bool)
    return None if right else _DESCRIPTIONS[hint]
