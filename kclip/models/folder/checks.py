"""A model folder is data, never code: what may stand in one, checked before anything is built."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kclip.errors import UserError
from kclip.files.checksums import refuse_changed_files
from kclip.models.folder.limits import no_more_weights_than, refuse_odd_weights
from kclip.models.folder.own_files import check_files
from kclip.models.folder.serialized import Places, check_configs, read_config_file
from kclip.models.folder.weights_files import folder_weights

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
# so nothing but these is ever handed to its deserialiser, each where it belongs.
_TOKENIZERS = {
    "kclip>ClipTokenizer",
    "kclip>HuggingFaceTokenizer",
    "kclip>SiglipTokenizer",
    "keras_hub>AlbertTokenizer",
    "keras_hub>BertTokenizer",
    "keras_hub>DebertaV3Tokenizer",
    "keras_hub>DistilBertTokenizer",
    "keras_hub>RobertaTokenizer",
    "keras_hub>XLMRobertaTokenizer",
}
_COPY_AGAIN = "copy the model folder again, whole"
_PLACES = {
    "preprocessor.json": {"kclip>ClipPreprocessor", "kclip>DualEncoderPreprocessor"},
    "image_encoder": {"kclip>ClipImageEncoder", "kclip>ImageEncoder", "kclip>KerasHubImageEncoder"},
    "text_encoder": {"kclip>ClipTextEncoder", "kclip>TextEncoder"},
    "tokenizer": _TOKENIZERS,
    "tokenizer.json": _TOKENIZERS,
}


def check_model_folder(
    folder: str | Path, model_class: str = "kclip>DualEncoder", built: bool = True
) -> None:
    """Looks through the configs of a model folder before Keras reads them.

    Args:
        folder: path of a model folder.
        model_class: what it should hold, a key of `MODEL_CLASSES`.
        built: whether the model itself is to be built.

    Raises:
        UserError: it is a hub's handle, the folder is missing or is no kclip model, or a config
            names a class that does not belong there.
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
    # Where the preprocessor alone is loaded, as from an export, config.json is not built from.
    places = {**_PLACES, "config.json": {model_class}} if built else _PLACES
    check_configs(folder, Places(places, unread={model_class}))
    check_files(folder)
    refuse_changed_files(folder, lambda name: not _is_weights(name), _COPY_AGAIN)


def _is_weights(name: str) -> bool:
    return name.endswith(".h5")


def kind_of_model(folder: Path) -> str:
    """What a folder's config.json says it holds: a registered class, or a `model_type`.

    Raises:
        UserError: there is no such file, or it is not JSON.
    """
    config = read_config_file(folder / "config.json")
    return str(config.get("registered_name") or config.get("model_type") or "something else")


def load_preset(folder: str | Path, load: Callable[[], T], has_weights: bool = False) -> T:
    """Loads what was looked through before, and turns Keras' complaints into one sentence.

    Args:
        folder: of the preset.
        load: calls `from_preset`.
        has_weights: whether it gives a model with the folder's weights, which are looked through
            before Keras reads them, and must fill no larger a model than they can, with numbers.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns where a layer finds no weights in the file and stays random.
            warnings.filterwarnings("error", "Skipping nested container")
            if not has_weights:
                return load()
            refuse_changed_files(Path(folder), _is_weights, _COPY_AGAIN)
            stored = folder_weights(folder)
            with no_more_weights_than(stored.numbers, stored.arrays, folder):
                model = load()
            refuse_odd_weights(model, stored, folder)
            return model
    except UserError:
        raise
    except Exception as error:  # Keras, h5py and the backends raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"the model folder {str(folder)!r} cannot be loaded ({reason}); its files are damaged "
            "or do not belong together, so copy or train it again"
        ) from error
