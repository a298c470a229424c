"""The card of a trained model, from what its run knows."""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from kclip.models.folder.content import CARD_FILE
from kclip.models.pretrained.hub import cached_file, hub_name
from kclip.reports.cards.card import Base

# Where a run writes and whom it tells: no settings that made the model.
_NO_SETTINGS = ("log_to", "preset")


def base_of(name: str, weights: str | None = None) -> Base:
    """What a card says of weights that a model starts from.

    Args:
        name: a folder, a name of the Hugging Face hub, a preset, or a network with `weights`.
        weights: "imagenet", or the path of a weights file.

    Example:
    >>> base_of("hf://openai/clip-vit-base-patch32@main").repository
    'openai/clip-vit-base-patch32'
    >>> base_of("mobilenet", "weights/mobilenet.weights.h5").name
    'mobilenet (mobilenet.weights.h5)'
    """
    if weights is not None:
        return Base(f"{name} ({shown(Path(weights))})")
    if _is_path(name):
        return Base(shown(name), license=_licence(Path(name) / CARD_FILE))
    if on_hub := hub_name(name):
        return Base(on_hub[0], on_hub[0], _licence(cached_file(*on_hub, CARD_FILE)))
    return Base(name)


def settings_of(config: Any) -> dict[str, Any]:
    """The settings of a run that are no defaults, as flags are called; folders without their paths.

    The preset's own are among them, and always the seed and the backend.

    Args:
        config: the dataclass of a training.
    """
    return dict(_changed(config)) | {"backend": keras.backend.backend()}


def shown(value: Any) -> Any:
    """A setting as a card shows it: of a path the last name alone, that of the run for `model/`.

    Example:
    >>> shown("/home/someone/runs/mine/model"), shown("a photo of a {}."), shown(0.5)
    ('mine', 'a photo of a {}.', 0.5)
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(str(shown(item)) for item in value)
    if not isinstance(value, Path) and not (isinstance(value, str) and _is_path(value)):
        return value
    path = Path(os.path.abspath(value))
    return path.parent.name if path.name == "model" else path.name


def _changed(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _changed(value, f"{prefix}{field.name}.".removeprefix("settings."))
        elif not isinstance(value, Path) and field.name not in _NO_SETTINGS:
            if field.name == "seed" or value != _default(field):
                yield f"{prefix}{field.name}".replace("_", "-"), shown(value)


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _is_path(text: str) -> bool:
    try:
        return Path(text).is_absolute() or Path(text).exists()
    except OSError:  # a text that is too long for a name
        return False


def _licence(card: Path | None) -> str | None:
    """The licence in the header of a card."""
    from huggingface_hub.repocard import metadata_load

    try:
        header: Mapping[str, Any] = (card and metadata_load(card)) or {}
    except Exception:  # no card, or YAML that cannot be read: then nobody knows
        return None
    name = header.get("license_name") or header.get("license")
    return str(name) if name else None
