"""JSON files of a model folder."""

import json

from kclip.errors import UserError


def read_object(path):
    """The object in a JSON file.

    Raises:
        UserError: it holds no JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # with a byte-order mark too
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{str(path)!r} is not valid JSON; download it again")
    return content


def read_object_if_there(path):
    """The object in a JSON file, an empty one where there is no such file."""
    return read_object(path) if path.is_file() else {}
