"""Options that are given per split, as `NAME=VALUE`."""

from collections.abc import Iterable

from kclip.errors import UserError


def parse_named(flag: str, texts: Iterable[str]) -> dict[str, str]:
    """Parses `NAME=VALUE` texts; a text without a name stands for all others, under "".

    Raises:
        UserError: a value is empty, or a name is no identifier or comes twice.

    Example:
        >>> parse_named("--shards", ["4", "train=16"])
        {'': '4', 'train': '16'}
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=") if "=" in text else ("", "", text)
        if name in values or not value or (equals and not name.isidentifier()):
            raise UserError(f"{flag} got {text!r}; expected NAME=VALUE, each name once.")
        values[name] = value
    return values


def parse_numbers(flag: str, texts: Iterable[str]) -> dict[str, int]:
    """Parses `NAME=NUMBER` texts as `parse_named` does; numbers must be at least 1."""
    values = parse_named(flag, texts)
    for value in values.values():
        if not value.isdecimal() or int(value) < 1:
            raise UserError(f"{flag} got {value!r}; expected a whole number of at least 1.")
    return {name: int(value) for name, value in values.items()}
