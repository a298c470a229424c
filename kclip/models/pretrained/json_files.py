"""JSON files of a model folder."""

from contextlib import contextmanager

from kclip.errors import UserError
from kclip.reading import read_json_file


def read_object(path):
    """The object in a JSON file.

    Raises:
        UserError: it holds no JSON, or no object.
    """
    try:
        content = read_json_file(path)
    except (ValueError, OSError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{str(path)!r} is not valid JSON; download it again")
    return content


def read_list_if_there(path):
    """The objects in a JSON file that holds a list of them; none where there is no such file.

    Raises:
        UserError: it holds no JSON, or no such list.
    """
    if not path.is_file():
        return []
    try:
        content = read_json_file(path)
    except (ValueError, OSError):
        content = None
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise UserError(f"{str(path)!r} is no list of JSON objects; download it again")
    return content


def read_object_if_there(path):
    """The object in a JSON file, an empty one where there is no such file."""
    return read_object(path) if path.is_file() else {}


@contextmanager
def building_from_config(folder, name="config.json"):
    """Turns what a builder says of the values in a folder's config into a `UserError`.

    Args:
        folder: the folder.
        name: of the config.

    Example:
    >>> with building_from_config("vit-base"):
    ...     {}["hidden_size"]
    Traceback (most recent call last):
    ...
    kclip.errors.UserError: config.json in 'vit-base' lacks 'hidden_size'; download the folder again
    """
    try:
        yield
    except UserError:
        raise
    except KeyError as error:
        raise UserError(
            f"{name} in {str(folder)!r} lacks {error}; download the folder again"
        ) from error
    except Exception as error:  # Keras and its backends raise many kinds
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UserError(
            f"{name} in {str(folder)!r} has values of which no model can be built ({reason}); "
            "download the folder again"
        ) from error
