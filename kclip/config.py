"""The settings of a training run: frozen dataclasses, as flags and as JSON."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from kclip.errors import UserError

T = TypeVar("T")
CONFIG_FILE = "config.json"


@dataclasses.dataclass(frozen=True)
class ImageTower:
    """The image tower."""

    backbone: str = "small_cnn"
    """A network of keras.applications by name (xception, ...), tresnet_m, or small_cnn."""
    size: int = 64
    """Height and width of its input in pixels."""
    alpha: float | None = None
    """Width multiplier of the MobileNets."""
    pooling: Literal["avg", "flatten"] = "avg"
    """Average over the feature map, or keep its places (for small maps)."""
    weights: str | None = None
    """A weights file of that network, imagenet (downloaded), or None for random ones."""
    resize: Literal["squash", "crop"] = "squash"
    """Fit the whole picture into the square, or cut out the middle square."""
    mirror: bool = False
    """Embed each picture together with its mirror image: twice the work, a little more recall."""
    train: bool = True
    """Train it; a frozen one is run once and its features are kept."""
    learning_rate: float | None = None
    """Its own learning rate; that of the heads if left out."""


@dataclasses.dataclass(frozen=True)
class TextTower:
    """The text tower."""

    backbone: str = "tiny"
    """A BERT: a KerasHub preset (bert_base_en_uncased), a Hugging Face folder, or a size without
    weights (tiny, mini, small, medium, base), whose vocabulary is learned from the captions."""
    pooling: Literal["mean", "cls"] = "mean"
    """One vector a text: the mean over its tokens, or BERT's pooled [CLS] token."""
    dropout: float = 0.1
    """Inside a BERT without weights, while it is trained."""
    sequence_length: int = 32
    """Tokens a text; longer ones are cut."""
    vocabulary_size: int = 8192
    """Of a vocabulary that is learned from the captions."""
    train: bool = True
    """Train it; a frozen one is run once and its features are kept, if the image tower's are."""
    learning_rate: float | None = None
    """Its own learning rate; that of the heads if left out."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """Projection heads and loss."""

    projection_dim: int = 256
    """Width of the space that images and texts share."""
    dropout: float = 0.1
    """Dropout in both projection heads."""
    image_feature_dropout: float = 0.0
    """Dropout on the image tower's features before its head."""
    text_feature_dropout: float = 0.0
    """Dropout on the text tower's features before its head."""
    standardize: bool = False
    """Bring the towers' features to mean 0 and deviation 1 before the heads."""
    loss: Literal["hard", "multi_positive", "soft", "sigmoid"] = "multi_positive"
    """hard: CLIP's; multi_positive: captions of one image are no negatives of each other;
    soft: the keras.io example's; sigmoid: SigLIP's."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over the batch (hard and multi_positive)."""


@dataclasses.dataclass(frozen=True)
class Optimization:
    """Batches, optimizer and schedule."""

    epochs: int = 8
    """Passes over the images (or over the pairs, with --optimization.captions expand)."""
    batch_size: int = 256
    """Pairs a step; the other pairs of the batch are the negatives."""
    chunk_size: int | None = None
    """Pairs that trained towers encode at a time, twice each: the negatives of a large batch-size
    on the memory of this one; it must divide batch-size. None: the whole batch at once."""
    captions: Literal["draw", "expand"] = "draw"
    """One caption an image and epoch, another in the next epoch; or every pair in each epoch."""
    augmentation: Literal["none", "flip", "shrink", "crop", "randaugment"] = "none"
    """Random changes to training images; with a frozen image tower, none, flip or shrink, which
    shows each second picture as it looks with 32 pixels, for data sets of small ones."""
    class_pairs: int = 0
    """Pairs that each batch has besides, made from the image tower's own classifier: features
    moved towards one of ImageNet's 1,000 classes, and its name in a prompt. They teach names that
    captions lack. Needs a frozen tower, and weights with their classifier."""
    learning_rate: float = 1e-3
    """Of the heads, and of towers without their own."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    schedule: Literal["plateau", "cosine"] = "plateau"
    """Divide the rate when the validation loss stalls, or warm up and follow a cosine to 0."""
    warmup: float = 0.05
    """Share of the steps in which the cosine schedule warms up."""
    plateau_patience: int = 3
    """Epochs without a better validation loss (see monitor) before the rate is reduced."""
    plateau_factor: float = 0.2
    """What the rate is then multiplied with."""
    early_stopping_patience: int = 5
    """Epochs without a better validation loss (see monitor) before training ends."""
    monitor: Literal["loss", "recall"] = "loss"
    """What the best epoch is chosen by, whose weights are kept: validation loss, or validation
    recall@10, the mean of both directions."""
    clip_norm: float | None = None
    """Largest norm of all gradients together."""
    dtype: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Precision of the towers; normalisation, logits and loss are always float32."""
    seed: int = 0
    """Of weights, order and dropout."""


# field of a section -> least and greatest value
_RANGES = {
    "size": (16, 4096),
    "alpha": (0.01, 4),
    "sequence_length": (3, 512),
    "vocabulary_size": (64, 1_000_000),
    "projection_dim": (1, 65_536),
    "dropout": (0, 0.99),
    "image_feature_dropout": (0, 0.99),
    "text_feature_dropout": (0, 0.99),
    "label_smoothing": (0, 0.99),
    "trained_share": (0, 1),
    "epochs": (1, 100_000),
    "batch_size": (2, 1_000_000),
    "chunk_size": (1, 1_000_000),
    "class_pairs": (0, 1_000_000),
    "head_epochs": (1, 100_000),
    "learning_rate": (1e-12, 10),
    "head_learning_rate": (1e-12, 10),
    "weight_decay": (0, 10),
    "warmup": (0, 0.99),
    "plateau_patience": (1, 100_000),
    "plateau_factor": (1e-6, 0.99),
    "early_stopping_patience": (1, 100_000),
    "clip_norm": (1e-12, 1e12),
}


def check_ranges(name: str, section: Any) -> None:
    """Looks at a section's numbers.

    Args:
        name: of the section, as its flags begin; empty where they have no such beginning.
        section: a dataclass of settings, such as `ImageTower`.

    Raises:
        UserError: a number lies outside of its range.
    """
    for field, value in dataclasses.asdict(section).items():
        low, high = _RANGES.get(field, (None, None))
        if low is not None and value is not None and not low <= value <= high:
            flag = f"--{name}.{field}" if name else f"--{field}"
            flag = flag.replace("_", "-")
            raise UserError(f"{flag} is {value}; give a number from {low} to {high}")


def parse_run(
    command_class: Any, start_class: Any, presets: Any, argv: list[str], name: str
) -> Any:
    """Reads the command line of a training, with defaults from a preset or the run to resume.

    Args:
        command_class: the command's dataclass, with `preset`, `resume` and `output`.
        start_class: a dataclass of `preset` and `resume`, which must be known first.
        presets: name -> field of the command -> value.
        argv: the arguments.
        name: of the command, for its help.

    Raises:
        UserError: there is no such run, or other flags came with `--resume`.
    """
    import tyro

    start, others = tyro.cli(start_class, args=argv, return_unknown_args=True, add_help=False)
    if start.resume is None:
        default = command_class(preset=start.preset, **presets[start.preset])
        return tyro.cli(command_class, args=argv, default=default, prog=f"kclip {name}")
    if others:
        raise UserError(
            f"--resume goes on under the run's own config, but {' '.join(others)} was given "
            "too; leave it out, or start a new run"
        )
    config = from_json(command_class, start.resume / CONFIG_FILE)
    return dataclasses.replace(config, resume=start.resume, output=start.resume)


def to_json(config: Any) -> str:
    """A dataclass as JSON text; `from_json` reads it back."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def from_json(config_class: type[T], path: Path) -> T:
    """Reads a config that `to_json` wrote.

    Raises:
        UserError: the file is missing or not JSON, or has keys that the config does not know.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no {str(path)!r}; give the folder of a run") from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not valid JSON: {error}") from None
    return _from_dict(config_class, content, str(path))


def _from_dict(config_class: Any, content: dict[str, Any], where: str) -> Any:
    types_of = typing.get_type_hints(config_class)
    unknown = sorted(set(content) - set(types_of))
    if unknown:
        raise UserError(
            f"{where} has the unknown keys {', '.join(unknown)}; known are {', '.join(types_of)}"
        )
    values = {key: _value(types_of[key], value, where) for key, value in content.items()}
    return config_class(**values)


def _value(expected: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(expected):
        return _from_dict(expected, value, where)
    options = typing.get_args(expected) if isinstance(expected, types.UnionType) else (expected,)
    if value is not None and Path in options:
        return Path(value)
    return value
