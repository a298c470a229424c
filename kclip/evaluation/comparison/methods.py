"""The contenders: zero-shot, linear and few-shot probes, fine-tuned classifiers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.console.lines import LOGGER
from kclip.console.progress import ProgressBar
from kclip.data.images.content import check_unseen
from kclip.data.labelled.folder import LabelledFolder
from kclip.errors import UserError
from kclip.evaluation.probes import fit_probe, sample_shots
from kclip.inference.readable_images import ImageEmbedder
from kclip.retrieval.index import load_or_build_index
from kclip.zero_shot.classifier import ZeroShotClassifier

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder
    from kclip.inference.trained_classifier import TrainedClassifier


@dataclass(frozen=True)
class Method:
    """What one classifier says of the test images.

    Attributes:
        name: unique among the contenders.
        scores: (N, C) floats, higher is likelier.
        file_names: N names of the test images that could be read.
        about: what a reader should know of it, plain values.
    """

    name: str
    scores: np.ndarray
    file_names: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    def labels_in(self, test: LabelledFolder) -> np.ndarray:
        """The true classes, (N,), of the images that `scores` are of."""
        row_of = {name: row for row, name in enumerate(test.file_names)}
        return test.labels[[row_of[name] for name in self.file_names]]


def embed_folder(
    model: ImageEmbedder, images: LabelledFolder, cache: Path
) -> tuple[np.ndarray, LabelledFolder]:
    """Embeds images, or takes their embeddings from the cache.

    The whole folder is embedded when any part of it is, so that all parts find theirs.

    Args:
        model: `Embedder` or `TrainedClassifier`.
        images: what to embed.
        cache: where indexes of embeddings are kept.

    Returns:
        float32 (M, D), and the M images that could be read.
    """
    index = load_or_build_index(model, images.folder, cache)
    row_of = {name: row for row, name in enumerate(index.file_names)}
    readable = [n for n, name in enumerate(images.file_names) if name in row_of]
    kept = images.rows(readable)
    return np.asarray(index.embeddings)[[row_of[name] for name in kept.file_names]], kept


def zero_shot_method(
    embedder: "Embedder", name: str, test: LabelledFolder, templates: Sequence[str], cache: Path
) -> Method:
    """Classifies by the names of the classes alone (Radford et al. 2021, section 3.1)."""
    classifier = ZeroShotClassifier.from_names(embedder, test.classes, templates)
    embeddings, kept = embed_folder(embedder, test, cache)
    about = {"kind": "zero-shot", "templates": list(templates)}
    return Method(name, classifier.logits(embeddings), kept.file_names, about)


def probe_method(
    embedder: "Embedder",
    name: str,
    train: LabelledFolder,
    test: LabelledFolder,
    cache: Path,
    seed: int,
) -> Method:
    """Fits a linear probe on all training images."""
    train_embeddings, train = embed_folder(embedder, train, cache)
    embeddings, kept = embed_folder(embedder, test, cache)
    LOGGER.info(f"fitting a linear probe on {len(train):,} embeddings")
    probe = fit_probe(train_embeddings, train.labels, train.class_names, seed)
    about = {"kind": "linear probe", "C": float(probe.C), "num_train_images": len(train)}
    return Method(name, probe.predict_proba(embeddings), kept.file_names, about)


def few_shot_curve(
    embedder: "Embedder",
    train: LabelledFolder,
    test: LabelledFolder,
    cache: Path,
    shots: Sequence[int],
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Fits probes on k images a class, several times (Radford et al. 2021, figure 6).

    Returns:
        For each k `{"shots", "accuracies", "mean", "deviation"}`: the accuracy on the test images
        of each draw, their mean and sample deviation (0 for a single draw).

    Raises:
        UserError: a class has fewer images than the largest k.
    """
    train_embeddings, train = embed_folder(embedder, train, cache)
    embeddings, test = embed_folder(embedder, test, cache)
    accuracies: dict[int, list[float]] = {k: [] for k in sorted(shots)}
    with ProgressBar(total=draws * len(accuracies), unit="probe", desc="Few-shot probes") as bar:
        for draw in range(draws):
            for k, rows in sample_shots(
                train.labels, train.class_names, list(accuracies), seed + draw
            ):
                labels = train.labels[rows]
                probe = fit_probe(train_embeddings[rows], labels, train.class_names, seed)
                accuracies[k].append(float(np.mean(probe.predict(embeddings) == test.labels)))
                bar.update()
    return [_shots_row(k, values) for k, values in accuracies.items()]


def classifier_method(
    classifier: "TrainedClassifier", name: str, test: LabelledFolder, cache: Path
) -> Method:
    """Asks a classifier that was fine-tuned on these classes.

    Raises:
        UserError: it knows other classes than the test images show, or was trained on them.
    """
    if set(classifier.class_names) != set(test.classes):
        raise UserError(
            f"the classifier {name!r} knows {', '.join(classifier.class_names)}, but the class "
            f"folders are {', '.join(test.classes)}; they must be the same"
        )
    check_unseen(classifier.trained_on, test.paths, f"the classifier {name!r}")
    probabilities, kept = embed_folder(classifier, test, cache)
    columns = [classifier.class_names.index(label) for label in test.classes]
    about = {"kind": "fine-tuned", "backbone": classifier.backbone}
    return Method(name, probabilities[:, columns], kept.file_names, about)


def _shots_row(k: int, accuracies: list[float]) -> dict[str, Any]:
    deviation = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0
    mean = float(np.mean(accuracies))
    return {"shots": k, "accuracies": accuracies, "mean": mean, "deviation": deviation}
