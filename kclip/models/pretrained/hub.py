"""Models of the Hugging Face hub by their names: fetched as data, never as code."""

import re
from pathlib import Path

from kclip.console.offline import ADVICE, is_offline
from kclip.errors import UserError
from kclip.models.folder.checks import MODEL_CLASSES, kind_of_model
from kclip.models.folder.content import OTHERS, WEIGHTS, named_by
from kclip.models.pretrained.converted_families import TRANSFORMERS, converter_of
from kclip.models.pretrained.huggingface_config import DEFAULTS
from kclip.models.pretrained.huggingface_text_config import MODEL_TYPES as TEXT_TYPES
from kclip.models.pretrained.huggingface_vit import MODEL_TYPES as VIT_TYPES
from kclip.models.pretrained.json_files import read_object_if_there
from kclip.models.pretrained.open_clip_config import CONFIG as OPEN_CLIP
from kclip.models.pretrained.timm_efficientnet import ARCHITECTURE

_NAME = re.compile(r"(hf://)?([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?")
# JSON, word lists, and the card, which names the licence; of the weights, safetensors alone, which
# hold numbers and nothing else.
_WORDS = {"README.md", "merges.txt", "spiece.model", "vocab.txt"}
_POOLING = re.compile(r"\d_Pooling/config\.json")  # of sentence-transformers
_SECONDS = 10.0  # for the hub to answer what files there are
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")


def hub_name(name):
    """Takes apart "owner/name", "owner/name@revision", or either after "hf://".

    Returns:
        The repository and the revision, which may be None; or None where the name is no such one.

    Example:
    >>> hub_name("hf://openai/clip-vit-base-patch32@main")
    ('openai/clip-vit-base-patch32', 'main')
    """
    match = _NAME.fullmatch(str(name))
    return (match[2], match[3]) if match else None


def local_folder(name_or_path, towers=False):
    """The folder of a model, brought here first where the name is one of the Hugging Face hub.

    Args:
        name_or_path: a folder, a name of the hub, or anything else, which stays as it is.
        towers: as of `fetch`.
    """
    if not Path(name_or_path).exists() and (on_hub := hub_name(name_or_path)):
        return fetch(*on_hub, towers=towers)
    return Path(name_or_path)


def fetch(repository, revision=None, towers=False):
    """Brings a repository's model to the local cache of `huggingface_hub`.

    Its config is looked at before the weights are fetched: only a model that kclip reads is.
    Offline nothing but the cache is asked; see `kclip.console.offline`.

    Args:
        repository: "owner/name".
        revision: branch, tag or commit; None for the main branch.
        towers: bool. Whether a text or image tower alone will do.

    Returns:
        Path of the folder in the cache.

    Raises:
        UserError: the hub cannot be reached or has no such model, or the model is of a kind that
            kclip does not read, or its weights are no safetensors; offline, it is not in the cache.
    """
    # Not at the start: most who load a model have it in a folder.
    from huggingface_hub import HfApi, snapshot_download

    def get(files):
        patterns = sorted(files)
        return Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))

    if is_offline():
        return _in_cache(repository, revision)
    try:
        # Unlike list_repo_files, this gives up at once where there is no network.
        files = HfApi().model_info(repository, revision=revision, timeout=_SECONDS).siblings
        names = [file.rfilename for file in files]
        small, weights = _wanted(repository, names)
        _check_kind(repository, get(small), towers)
        return get(small | weights)
    except UserError:
        raise
    except Exception as error:  # the client raises a kind of its own for each cause
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(
            f"there is no folder {repository!r}, and the Hugging Face hub does not give a model of "
            f"that name ({reason}); check the name, or give the path of a folder"
        ) from error


def _in_cache(repository, revision):
    """The folder of a model that `fetch` has brought here whole."""
    from huggingface_hub import snapshot_download

    # Asked for more, the client would miss the files that are not fetched on purpose.
    options = {"allow_patterns": ["config.json"], "local_files_only": True}
    try:
        folder = Path(snapshot_download(repository, revision=revision, **options))
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
        _wanted(repository, names)
    except (OSError, UserError):  # no folder, or no weights in it
        at = f" at {revision!r}" if revision else ""
        raise UserError(
            f"there is no folder {repository!r}, and the cache of the Hugging Face hub does not "
            f"hold a whole model of that name{at}; {ADVICE}"
        ) from None
    return folder


def cached_file(repository, revision, name):
    """The path of a file that `fetch` has brought here, or None; asks no hub."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, name, revision=revision)
    return Path(path) if isinstance(path, str) else None  # else it is known to be missing


def _wanted(repository, names):
    """The small files, and those of the weights in the form that kclip reads.

    Of a model of kclip only what its own folders hold; its weights, HDF5, are checked by Keras.
    """
    own_weights = named_by(WEIGHTS, names)
    if own_weights and not any(name.endswith(".safetensors") for name in names):
        return named_by(OTHERS, names), own_weights
    small = {name for name in names if "/" not in name and name.endswith(".json")}
    small |= {name for name in names if _POOLING.fullmatch(name)}
    small |= _WORDS & set(names)
    weights = {name for name in names if _SHARD.fullmatch(name) or name == "model.safetensors"}
    if "config.json" not in names or not weights:
        weights = {"open_clip_model.safetensors"} & set(names)
    if not weights:
        raise UserError(
            f"{repository!r} on the Hugging Face hub holds no model.safetensors and no "
            "open_clip_model.safetensors, and no model of kclip; kclip reads no other weights, "
            "since those may hold code"
        )
    return small, weights


def _check_kind(repository, folder, towers):
    if (folder / OPEN_CLIP).is_file() or kind_of_model(folder) in MODEL_CLASSES:
        return
    config = read_object_if_there(folder / "config.json")
    kind = config.get("model_type") or config.get("architecture") or config.get("registered_name")
    known = [*DEFAULTS, *TEXT_TYPES, *VIT_TYPES, *TRANSFORMERS] if towers else list(DEFAULTS)
    timm = ARCHITECTURE.fullmatch(str(kind)) or converter_of(config)
    if kind not in known and not (towers and timm):
        raise UserError(
            f"{repository!r} on the Hugging Face hub holds a model of type {kind!r}; kclip reads "
            f"{', '.join(known)}, open_clip's and its own"
        )
