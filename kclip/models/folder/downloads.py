"""What may fail while a library downloads or reads weights, in one sentence."""

from contextlib import contextmanager

from kclip.errors import UserError


@contextmanager
def in_one_sentence(what, advice):
    """Turns whatever a library raises into a `UserError`, since each hub's client has its own.

    Args:
        what: what is loaded, such as "the KerasHub preset 'clip_vit_base_patch32'".
        advice: what to do instead.

    Example:
    >>> with in_one_sentence("the weights", "give a file"):
    ...     raise OSError("gone")
    Traceback (most recent call last):
    ...
    kclip.errors.UserError: the weights cannot be loaded (OSError: gone); give a file
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"{what} cannot be loaded ({reason}); {advice}") from error
