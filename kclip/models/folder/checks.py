"""A model folder is data, never code: what may stand in one, checked before anything is built."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kclip.errors import UserError

T = TypeVar("T")

# What a folder may hold -> how messages call it.
MODEL_CLASSES = {
    "kclip>DualEncoder": "dual encoder",
    "kclip>CLIP": "CLIP",
    "kclip>ImageClassifier": "image classifier",
    "kclip>MultiLabelClassifier": "multi-label classifier",
}

# What a folder holds -> what writes it; train_dual_encoder for all others.
_COMMANDS = {
    "kclip>ImageClassifier": "train_classifier",
    "kclip>MultiLabelClassifier": "train_clip_decoder",
}

# Keras' safe mode has been bypassed time and again (CVE-2024-3660, CVE-2025-1550, CVE-2026-1462),
# so nothing but these is ever handed to its deserialiser.
ALLOWED_CLASSES = {
    *MODEL_CLASSES,
    "kclip>ClipImageEncoder",
    "kclip>ClipPreprocessor",
    "kclip>ClipTextEncoder",
    "kclip>ClipTokenizer",
    "kclip>DualEncoderPreprocessor",
    "kclip>HuggingFaceTokenizer",
    "kclip>ImageEncoder",
    "kclip>KerasHubImageEncoder",
    "kclip>SiglipTokenizer",
    "kclip>TextEncoder",
    "keras_hub>AlbertTokenizer",
    "keras_hub>BertTokenizer",
    "keras_hub>DebertaV3Tokenizer",
    "keras_hub>DistilBertTokenizer",
    "keras_hub>RobertaTokenizer",
    "keras_hub>XLMRobertaTokenizer",
    "keras.DTypePolicy",
}


def check_model_folder(folder: str | Path, model_class: str = "kclip>DualEncoder") -> None:
    """Looks through the configs of a model folder before Keras reads them.

    Args:
        folder: path of a model folder.
        model_class: what it should hold, a key of `MODEL_CLASSES`.

    Raises:
        UserError: it is a hub's handle, the folder is missing or is no kclip model, or a config
            names a class outside of `ALLOWED_CLASSES`.
    """
    if "://" in str(folder):
        raise UserError(
            f"{str(folder)!r} lies on a hub, where kclip cannot look at it before it is built; "
            "download the folder and give its path"
        )
    folder = Path(folder)
    command = _COMMANDS.get(model_class, "train_dual_encoder")
    if not folder.is_dir():
        raise UserError(
            f"there is no model folder {str(folder)!r}; give the model/ folder that {command} wrote"
        )
    found = kind_of_model(folder)
    if found != model_class:
        raise UserError(
            f"{str(folder)!r} holds {found}, not a kclip {MODEL_CLASSES[model_class]}; give the "
            f"model/ folder that {command} wrote"
        )
    refuse_other_classes(folder, ALLOWED_CLASSES)


def kind_of_model(folder: Path) -> str:
    """What a folder's config.json says it holds: a registered class, or a `model_type`.

    Raises:
        UserError: there is no such file, or it is not JSON.
    """
    config = _read(folder / "config.json")
    return str(config.get("registered_name") or config.get("model_type") or "something else")


def refuse_other_classes(folder: Path, allowed: set[str]) -> None:
    """Raises a `UserError` where a config in the folder names a class outside of `allowed`."""
    for path in sorted(folder.glob("*.json")):
        for name in _class_names(_read(path)):
            if name not in allowed:
                raise UserError(
                    f"{str(path)!r} names the class {name!r}, which a kclip model has no use for; "
                    "the folder was not loaded"
                )


def load_preset(folder: str | Path, load: Callable[[], T]) -> T:
    """Calls `load` and turns Keras' complaints about a folder into one sentence."""
    try:
        with warnings.catch_warnings():
            # Keras only warns where a layer finds no weights in the file and stays random.
            warnings.filterwarnings("error", "Skipping nested container")
            return load()
    except UserError:
        raise
    except Exception as error:  # Keras, h5py and the backends raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"the model folder {str(folder)!r} cannot be loaded ({reason}); its files are damaged "
            "or do not belong together, so copy or train it again"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{str(path.parent)!r} holds no {path.name}, so it is no model folder of kclip; "
            "give the model/ folder that train_dual_encoder wrote"
        ) from None
    except (ValueError, RecursionError):
        raise UserError(f"{str(path)!r} is not valid JSON; copy the model folder again") from None
    return content if isinstance(content, dict) else {}


def _class_names(config: Any) -> set[str]:
    """Every class that Keras would look up for this config: registered names, or module.class."""
    if isinstance(config, list):
        return set().union(*map(_class_names, config))
    if not isinstance(config, dict):
        return set()
    names = set().union(*map(_class_names, config.values()))
    if "class_name" in config:
        names.add(_looked_up_name(config))
    return names


def _looked_up_name(config: dict[str, Any]) -> str:
    # Keras takes the class of a registered name, whatever `class_name` says; they must agree.
    class_name, registered = config["class_name"], config.get("registered_name")
    if registered is None:
        return f"{config.get('module')}.{class_name}"
    if str(registered).split(">")[-1] != class_name:
        return f"{class_name} ({registered})"
    return str(registered)
