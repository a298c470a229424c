"""Whether the network may be asked: one setting for all hubs, that of `--offline`."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kclip.errors import UserError

# huggingface_hub reads it once, when it is imported; other processes that are started read it, too.
VARIABLE = "HF_HUB_OFFLINE"
ADVICE = "run it once without --offline (offline=True, HF_HUB_OFFLINE), which fetches it"


def is_offline() -> bool:
    """Whether nothing but caches may be asked, by `--offline` or `HF_HUB_OFFLINE=1`."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


@contextmanager
def network(allowed: bool) -> Iterator[None]:
    """Keeps all work within the block to what is on the disk, unless the network is allowed.

    Example:
        >>> with network(allowed=False):
        ...     is_offline()
        True
    """
    if allowed:  # as far as the environment allows it
        yield
        return
    from huggingface_hub import constants

    before, constant = os.environ.get(VARIABLE), constants.HF_HUB_OFFLINE
    os.environ[VARIABLE], constants.HF_HUB_OFFLINE = "1", True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = constant
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@contextmanager
def downloads_of_keras(what: str) -> Iterator[None]:
    """Within the block Keras may download what its cache lacks, but not offline.

    Keras has no setting for that; it downloads through `urllib`, whose opener can be replaced.

    Args:
        what: is downloaded, in words.

    Raises:
        UserError: it is not in the cache, and the work is offline.
    """
    if not is_offline():
        yield
        return
    before = getattr(urllib.request, "_opener", None)
    urllib.request.install_opener(urllib.request.build_opener(_Refusal(what)))
    try:
        yield
    finally:
        urllib.request.install_opener(before)  # type: ignore[arg-type]


class _Refusal(urllib.request.BaseHandler):
    handler_order = 0  # before those that connect

    def __init__(self, what: str):
        self.what = what

    def default_open(self, request: Any) -> None:
        raise UserError(f"{self.what}: not in Keras' cache; {ADVICE}")
