"""The methods that are compared: zero-shot, linear and few-shot probes, fine-tuned classifiers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kclip.console.lines import LOGGER
from kclip.console.progress import ProgressBar
from kclip.data.images.content import check_unseen
from kclip.data.labelled.images import LabelledImages
from kclip.errors import UserError
from kclip.evaluation.probes import fit_probe, sample_shots
from kclip.inference.embedded_images import EmbeddedImages
from kclip.metrics.classification import predicted_classes
from kclip.zero_shot.classifier import ZeroShotClassifier

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder
    from kclip.inference.trained_classifier import TrainedClassifier


@dataclass(frozen=True)
class Method:
    """What one classifier says of the test images.

    Attributes:
        name: unique among the methods.
        scores: (N, C) floats, higher is likelier.
        labels: (N,) integers in [0, C), the true classes.
        about: what a reader should know of it, plain values.
    """

    name: str
    scores: np.ndarray
    labels: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """The fraction of images whose highest score is right, in [0, 1]."""
        return float(np.mean(predicted_classes(self.labels, self.scores) == self.labels))


def zero_shot_method(
    embedder: "Embedder", name: str, test: EmbeddedImages, templates: Sequence[str]
) -> Method:
    """Classifies by the names of the classes alone (Radford et al. 2021, section 3.1)."""
    classifier = ZeroShotClassifier.from_names(embedder, test.images.classes, templates)
    about = {"kind": "zero-shot", "templates": list(templates)}
    return Method(name, classifier.logits(test.embeddings), test.labels, about)


def probe_method(
    name: str,
    train: EmbeddedImages,
    test: EmbeddedImages,
    seed: int,
    distinct: np.ndarray | None = None,
) -> Method:
    """Fits a linear probe on all training images; `distinct` as `fit_probe` takes it."""
    LOGGER.info(f"fitting a linear probe on {len(train):,} embeddings")
    names = train.images.class_names
    probe = fit_probe(train.embeddings, train.labels, names, seed, distinct)
    about = {"kind": "linear probe", "C": float(probe.C), "num_train_images": len(train)}
    return Method(name, probe.predict_proba(test.embeddings), test.labels, about)


def few_shot_curve(
    train: EmbeddedImages, test: EmbeddedImages, shots: Sequence[int], draws: int, seed: int
) -> list[dict[str, Any]]:
    """Fits probes on k images a class, several times (Radford et al. 2021, figure 6).

    Returns:
        For each k `{"shots", "accuracies", "mean", "standard_deviation"}`: the accuracy on the test
        images of each sample, their mean and sample standard deviation (0 for a single one).

    Raises:
        UserError: a class has fewer images than the largest k.
    """
    accuracies: dict[int, list[float]] = {k: [] for k in sorted(set(shots))}
    names = train.images.class_names
    with ProgressBar(total=draws * len(accuracies), unit="probe", desc="Few-shot probes") as bar:
        for draw in range(draws):
            for k, rows in sample_shots(train.labels, names, list(accuracies), seed, draw):
                probe = fit_probe(train.embeddings[rows], train.labels[rows], names, seed)
                right = probe.predict(test.embeddings) == test.labels
                accuracies[k].append(float(np.mean(right)))
                bar.update()
    return [_shots_row(k, values) for k, values in accuracies.items()]


def check_classifier(classifier: "TrainedClassifier", name: str, test: LabelledImages) -> None:
    """Makes sure that a fine-tuned classifier may be asked.

    Raises:
        UserError: it knows other classes than the test images show, or was trained on them.
    """
    if set(classifier.class_names) != set(test.classes):
        raise UserError(
            f"the classifier {name!r} knows {', '.join(classifier.class_names)}, but the class "
            f"folders are {', '.join(test.classes)}; they must be the same"
        )
    check_unseen(classifier.trained_on, test.images, f"the classifier {name!r}")


def classifier_method(classifier: "TrainedClassifier", name: str, test: EmbeddedImages) -> Method:
    """Asks a classifier that was fine-tuned on these classes.

    Args:
        classifier: one that `check_classifier` has let pass.
        name: of the method.
        test: the images with its probabilities.
    """
    columns = [classifier.class_names.index(label) for label in test.images.classes]
    about = {"kind": "fine-tuned", "backbone": classifier.backbone}
    return Method(name, test.embeddings[:, columns], test.labels, about)


def _shots_row(k: int, accuracies: list[float]) -> dict[str, Any]:
    deviation = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0
    mean = float(np.mean(accuracies))
    return {"shots": k, "accuracies": accuracies, "mean": mean, "standard_deviation": deviation}
