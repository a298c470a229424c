"""Where a model is to be sent, as the user writes it."""

import re
from dataclasses import dataclass
from typing import Literal

from kclip.errors import UserError

_WORD = r"[\w-][\w.-]*"
_FORMS = {"hf": rf"{_WORD}/{_WORD}", "kaggle": rf"{_WORD}/{_WORD}/{_WORD}/{_WORD}"}


@dataclass(frozen=True)
class Target:
    """A place on a hub.

    Attributes:
        hub: hf for Hugging Face, or kaggle.
        name: "owner/name", on Kaggle "owner/model/framework/variation".
    """

    hub: Literal["hf", "kaggle"]
    name: str

    @property
    def hub_name(self) -> str:
        """The hub as people call it."""
        return {"hf": "Hugging Face", "kaggle": "Kaggle"}[self.hub]

    def __str__(self) -> str:
        return f"{self.hub}://{self.name}"


def parse_target(text: str) -> Target:
    """Takes a target apart.

    Raises:
        UserError: it is of another form.

    Example:
        >>> parse_target("hf://someone/birds")
        Target(hub='hf', name='someone/birds')
        >>> parse_target("someone/birds")
        Traceback (most recent call last):
        ...
        kclip.errors.UserError: 'someone/birds' is no place on a hub; give hf://owner/name or \
kaggle://owner/model/keras/variation, without a revision or version
    """
    hub, _, name = text.partition("://")
    if hub in ("hf", "kaggle") and re.fullmatch(_FORMS[hub], name):
        return Target(hub, name)
    raise UserError(
        f"{text!r} is no place on a hub; give hf://owner/name or "
        "kaggle://owner/model/keras/variation, without a revision or version"
    )
