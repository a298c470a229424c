"""Prompt templates, which are data: one template a line, with {} where the class name goes."""

from collections.abc import Sequence
from pathlib import Path

from kclip.data.sources.text_files import read_list
from kclip.errors import UserError

TEMPLATES_DIR = Path(__file__).parent / "templates"
DEFAULT_TEMPLATES = ("a photo of a {}.",)


def template_sets() -> list[str]:
    """Returns the names of the sets of templates that come with kclip.

    Example:
        >>> template_sets()
        ['animals', 'faces', 'pets', 'photos', 'shapes', 'small_pictures']
    """
    return sorted(path.stem for path in TEMPLATES_DIR.glob("*.txt"))


def resolve_templates(values: Sequence[str]) -> list[str]:
    """Turns what a user wrote into templates.

    Args:
        values: each a template with {}, the name of a set that comes with kclip, or a text file
            of one template a line; empty lines and lines that start with # don't count.

    Returns:
        The templates in order, without repeats.

    Raises:
        UserError: a value is none of the three, or there is no value.

    Example:
        >>> resolve_templates(["a photo of a {}.", "a drawing of a {}."])
        ['a photo of a {}.', 'a drawing of a {}.']
    """
    templates = [template for value in values for template in _templates_of(value)]
    if not templates:
        raise UserError("no template was given; give at least one, such as 'a photo of a {}.'")
    return list(dict.fromkeys(templates))


def fill(template: str, class_name: str) -> str:
    """Puts a class name into a template; the underscores of folder names become spaces.

    Example:
        >>> fill("a photo of a {}.", "fire_truck")
        'a photo of a fire truck.'
    """
    return template.replace("{}", " ".join(class_name.replace("_", " ").split()))


def _templates_of(value: str) -> list[str]:
    if "{}" in value:
        return [value]
    path = TEMPLATES_DIR / f"{value}.txt" if value in template_sets() else Path(value)
    if not path.is_file():
        raise UserError(
            f"{value!r} has no {{}} for the class name; write a template such as "
            f"'a photo of a {{}}.', a text file of templates, or one of {template_sets()}"
        )
    lines = [line for line in read_list(path) if not line.startswith("#")]
    if not lines:
        raise UserError(f"{path} holds no template; write one a line, each with a {{}}")
    for line in lines:
        if "{}" not in line:
            raise UserError(f"{path}: the line {line!r} has no {{}} for the class name; add it")
    return lines
