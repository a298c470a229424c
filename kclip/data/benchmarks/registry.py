"""The benchmarks that kclip knows: where their images lie, their prompts, metric and figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kclip.data.benchmarks.animals10 import read_animals10
from kclip.data.benchmarks.celeba import read_celeba
from kclip.data.benchmarks.cifar import read_cifar10, read_cifar100
from kclip.data.benchmarks.imagenet import read_imagenet
from kclip.data.benchmarks.pets import read_pets
from kclip.data.labelled.class_folders import read_labelled_folder
from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError

# The four texts that kclip re-implements, and the tables that PyTorch's packages publish.
PAPER = "Zero-shot Image Classification with CLIP Model"
REPORT = "Politecnico report"
TABLES = "open_clip, CLIP_benchmark"


@dataclass(frozen=True)
class PublishedFigure:
    """A figure that others published: `percent` of the protocol's metric."""

    model: str
    percent: float
    source: str


@dataclass(frozen=True)
class Protocol:
    """One benchmark.

    Attributes:
        title: its name in reports.
        read: from the folder of the data set to its test images.
        templates: the prompts that it is evaluated with by default.
        metric: the key of the result that is compared: `accuracy` or `mean_per_class_accuracy`.
        published: others' figures.
        has_splits: whether `read` takes a `split`, as that of class folders does.
    """

    title: str
    read: Callable[..., LabelledImages]
    templates: tuple[str, ...]
    metric: str = "accuracy"
    published: tuple[PublishedFigure, ...] = ()
    has_splits: bool = False


def _celeba(*percents: tuple[int, float, float, float, float]) -> tuple[PublishedFigure, ...]:
    models = ("CLIP L/14", "CLIP RN50x64", "CLIP RN50x16", "CLIP RN50x4")
    return tuple(
        PublishedFigure(f"{model}, {identities:,} identities", percent, f"{PAPER}, table 1")
        for identities, *figures in percents
        for model, percent in zip(models, figures, strict=True)
    )


PROTOCOLS = {
    "folders": Protocol(
        "Class folders", read_labelled_folder, ("a photo of a {}.",), has_splits=True
    ),
    "imagenet": Protocol(
        "ImageNet (validation)",
        read_imagenet,
        ("photos",),
        published=(
            PublishedFigure("CLIP ViT-B/32", 63.3, TABLES),
            PublishedFigure("CLIP ViT-L/14-336", 76.6, TABLES),
            PublishedFigure("CLIP (model not named)", 76.2, PAPER),
        ),
    ),
    "cifar10": Protocol("CIFAR-10 (test)", read_cifar10, ("small_pictures",)),
    "cifar100": Protocol(
        "CIFAR-100 (test)",
        read_cifar100,
        ("small_pictures",),
        published=(
            PublishedFigure("CLIP ViT-B/32", 64.2, TABLES),
            PublishedFigure("CLIP ViT-L/14-336", 74.4, TABLES),
            PublishedFigure("CLIP (cannot be zero-shot)", 80.5, PAPER),
        ),
    ),
    "pets": Protocol(
        "Oxford-IIIT Pets (test)",
        read_pets,
        ("pets",),
        "mean_per_class_accuracy",
        published=(
            PublishedFigure("CLIP ViT-L/14-336", 93.7, TABLES),
            PublishedFigure("CLIP (model not named)", 93.5, f"{PAPER}, table 2"),
            PublishedFigure("people, zero-shot", 53.7, f"{PAPER}, table 2"),
        ),
    ),
    "celeba": Protocol(
        "CelebA identities",
        read_celeba,
        ("faces",),
        published=_celeba(
            (100, 59.2, 56.4, 52.7, 52.8),
            (1000, 43.3, 39.5, 37.4, 38.1),
            (2000, 42.2, 38.4, 36.3, 37.3),
        ),
    ),
    "animals10": Protocol(
        "Animals-10",
        read_animals10,
        ("animals",),
        has_splits=True,
        published=(
            PublishedFigure("pretrained CLIP", 98.73, REPORT),
            PublishedFigure("dual encoder", 59.02, REPORT),
            PublishedFigure("EfficientNetB7, fine-tuned", 97.47, REPORT),
        ),
    ),
}


def find_protocol(name: str) -> Protocol:
    """Returns a protocol by its name; raises `UserError` for an unknown one."""
    if name not in PROTOCOLS:
        raise UserError(f"there is no protocol {name!r}; expected one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def with_class_names(
    images: LabelledImages, class_names: dict[str, tuple[str, ...]], path: Path
) -> LabelledImages:
    """Gives the classes the names of a user's file, which may have lines for other classes too.

    Raises:
        UserError: a class is not in the file.
    """
    missing = [label for label in images.classes if label not in class_names]
    if missing:
        raise UserError(
            f"{path} lacks {len(missing)} of the {len(images.classes)} classes, such as "
            f"{missing[0]!r}; write a line for each, as '{missing[0]}: name, synonym'"
        )
    named = {label: class_names[label] for label in images.classes}
    return images.with_classes(named)
