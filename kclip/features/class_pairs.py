"""Pairs of image features and class names that an image tower's own classifier stands for."""

from dataclasses import dataclass

import keras_hub
import numpy as np

from kclip.features.split_features import SplitFeatures, text_arrays
from kclip.models import DualEncoder, DualEncoderPreprocessor
from kclip.models.towers.application_weights import Classifier
from kclip.models.towers.tower_cut import TowerCut

TEMPLATES = ("a photo of a {}.", "there is a {}", "a {}", "{}")
# Thrice the way from one class's mean to another's: the classifier of a MobileNet then calls three
# quarters of the moved features by their new class, and of one such way a seventh.
STEP = 3.0


@dataclass(frozen=True)
class ClassPairs:
    """Draws features that a classifier calls by a class, with the class's name in a prompt.

    In a linear discriminant analysis the weights of a class are the inverse covariance times its
    mean (Hastie et al. 2009, "The Elements of Statistical Learning", Section 4.3). So the
    covariance of features times the classifier's weights W points to the means of its classes,
    without one image of them: x + 3 Cov (W_class - W p(x)), with p(x) what the classifier says of
    the features x of any image, looks like an image of that class in the place of this one.

    Attributes:
        images: float32 (N, F), the features of N images.
        text: dict of arrays (T * K, ...), K prompts for each template, as `text_arrays` gives them.
        classifier: of K classes.
        means: float32 (K, F), the covariance times the classifier's weights.
        least: float32 (F,), the least value of each feature, below which none is moved.
    """

    images: np.ndarray
    text: dict[str, np.ndarray]
    classifier: Classifier
    means: np.ndarray
    least: np.ndarray

    def draw(
        self, count: int, rng: np.random.Generator
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Inputs as of `CachedBatches`, (count, ...), and ids below 0, int32 (count,)."""
        classes = rng.integers(len(self.means), size=count)
        features = self.images[np.sort(rng.integers(len(self.images), size=count))]
        current = self.classifier.probabilities(features) @ self.means
        moved = features + STEP * (self.means[classes] - current)
        prompts = classes + len(self.means) * rng.integers(len(TEMPLATES), size=count)
        inputs = {"image_features": np.maximum(moved, self.least).astype(np.float32)}
        inputs |= {name: array[prompts] for name, array in self.text.items()}
        return inputs, (-1 - classes).astype(np.int32)


def class_pairs(
    model: DualEncoder,
    preprocessor: DualEncoderPreprocessor,
    features: SplitFeatures,
    classifier: Classifier,
    text_cut: TowerCut | None = None,
) -> ClassPairs:
    """Prepares the pairs of a training split.

    Args:
        model: whose image tower the classifier belongs to; its text tower is run over the prompts.
        preprocessor: of the model.
        features: of the training split.
        classifier: of ImageNet's 1,000 classes.
        text_cut: of a text tower whose last blocks are trained.
    """
    names = [keras_hub.utils.imagenet_id_to_name(number) for number in range(1000)]
    names = [name.replace("_", " ") for name in names]
    prompts = [template.format(name) for template in TEMPLATES for name in names]
    images = np.asarray(features.image_features[0])
    covariance = np.cov(images.T).astype(np.float32)
    return ClassPairs(
        images=images,
        text=text_arrays(model, preprocessor, prompts, text_cut),
        classifier=classifier,
        means=(covariance @ classifier.kernel).T,
        least=images.min(axis=0),
    )
