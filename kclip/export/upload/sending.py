"""Sending a model folder, by each hub's own client."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager

from kclip.errors import KclipError, UserError
from kclip.export.upload.content import Content
from kclip.export.upload.target import Target
from kclip.models.folder.content import OTHERS, WEIGHTS


def send(content: Content, target: Target, private: bool, message: str) -> str:
    """Sends the files; what a hub has seen before it does not ask for again.

    Args:
        content: what to send.
        target: where to.
        private: whether nobody else may see it.
        message: what has changed, for the hub's history.

    Returns:
        The address of the model's page.

    Raises:
        UserError: there is no login, it is not valid here, or the place does not exist.
        KclipError: the hub cannot be reached, or failed.
    """
    with _in_one_sentence(target):
        if target.hub == "hf":
            return _send_to_hugging_face(content, target, private, message)
        return _send_to_kaggle(content, target, message)


def _send_to_hugging_face(content: Content, target: Target, private: bool, message: str) -> str:
    from huggingface_hub import HfApi, constants, get_token

    if get_token() is None:
        raise UserError("there is no login for Hugging Face; run `hf auth login`, or set HF_TOKEN")
    api = HfApi()
    # None leaves it to the owner's settings.
    api.create_repo(target.name, private=private or None, exist_ok=True)
    if private and not api.model_info(target.name).private:
        raise UserError(
            f"{str(target)!r} is there already and is public; make it private in its settings, "
            "give another name, or leave --private"
        )
    api.upload_folder(
        repo_id=target.name,
        folder_path=content.folder,
        commit_message=message,
        allow_patterns=list(content.sizes),
        delete_patterns=[*WEIGHTS, *OTHERS],  # what an earlier model had and this one has not
    )
    return f"{constants.ENDPOINT}/{target.name}"


def _send_to_kaggle(content: Content, target: Target, message: str) -> str:
    import kagglehub
    from kagglehub.config import get_kaggle_credentials

    if get_kaggle_credentials() is None:
        raise UserError(
            "there is no login for Kaggle; set KAGGLE_API_TOKEN, or put kaggle.json from your "
            "account's settings into ~/.kaggle"
        )
    kagglehub.model_upload(
        target.name,
        str(content.folder),
        version_notes=message,
        ignore_patterns=[glob.escape(name) for name in content.left_out],
    )
    return f"https://www.kaggle.com/models/{target.name}"


_REFUSALS = {
    401: "does not accept your login; log in again",
    403: "does not let your login write there; ask its owner, or give another target",
    404: "knows no such owner, or does not show it to your login; look at its spelling",
}


@contextmanager
def _in_one_sentence(target: Target) -> Iterator[None]:
    """Turns whatever a client raises into one sentence."""
    try:
        yield
    except KclipError:
        raise
    except Exception as error:  # each client has kinds of its own
        status, reason = _status(error), " ".join(f"{type(error).__name__}: {error}".split())[:200]
        if status in _REFUSALS:
            text = f"{str(target)!r}: {target.hub_name} {_REFUSALS[status]} ({status})"
            raise UserError(text) from error
        what = "failed" if status else "cannot be reached, or did not take the model"
        raise KclipError(
            f"{str(target)!r}: {target.hub_name} {what} ({reason}); see the reason, or try again "
            "later"
        ) from error


def _status(error: Exception) -> int | None:
    """The HTTP status of an answer, where there was one."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status or getattr(error, "error_code", None)
