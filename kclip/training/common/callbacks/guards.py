"""Training that cannot come to anything ends at once, and says why."""

import math

import keras
import numpy as np

from kclip.errors import KclipError
from kclip.metrics.similarity import l2_normalize

COLLAPSED = 0.99
PATIENCE = 5


class TrainingRefused(KclipError):
    """A guard saw that a training cannot come to anything; to go on with it is refused, too."""


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Ends training when the loss is no number any more.

    Args:
        remedy: what the message advises to use.

    Raises:
        TrainingRefused: the running mean of the loss is infinite or NaN.
    """

    def __init__(self, remedy="a smaller learning rate or --optimization.clip-norm 1"):
        super().__init__()
        self.remedy = remedy

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss of the epoch so far."""
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise TrainingRefused(
                f"the loss became {loss} in batch {batch + 1} of the epoch; use "
                f"{self.remedy}, or float32 instead of mixed_float16"
            )


class StopOnCollapse(keras.callbacks.Callback):
    """Ends training when all images, or all texts, stay in one point.

    The length of the mean of unit vectors is 0 where they point everywhere and 1 where they are
    all the same. Untrained towers may start there; trained ones that are there do not come back.

    Args:
        validation: `ValidationEmbeddings`, earlier in the list of callbacks.

    Raises:
        TrainingRefused: a mean has been longer than 0.99 for five epochs.
    """

    def __init__(self, validation):
        super().__init__()
        self.validation = validation
        self.wait = 0  # a part of the saved state by its name, as in Keras' own callbacks

    def on_epoch_end(self, epoch, logs=None):
        """Measures both kinds of embeddings."""
        lengths = {
            "image": _mean_length(self.validation.image_embeddings),
            "text": _mean_length(self.validation.text_embeddings),
        }
        name = max(lengths, key=lengths.__getitem__)
        self.wait = self.wait + 1 if lengths[name] > COLLAPSED else 0
        if self.wait == PATIENCE:
            raise TrainingRefused(
                f"the {name} embeddings have collapsed into one point (for {PATIENCE} epochs, up "
                f"to epoch {epoch + 1}, the mean of their unit vectors is {lengths[name]:.3f} "
                "long); use a smaller learning rate, a warm-up or a larger batch"
            )


class StopWhenWorse(keras.callbacks.Callback):
    """Ends a fine-tuning that takes from a pretrained model in its first epoch.

    Args:
        recall: float, the model's mean validation recall@10 before any training.
        num_queries: int, captions that it was measured with: what differs by no more than two
            standard errors may be chance.

    Raises:
        TrainingRefused: the recall after the first epoch is lower by more than that.
    """

    def __init__(self, recall, num_queries):
        super().__init__()
        self.recall = recall
        self.chance = 2 * math.sqrt(max(recall * (1 - recall), 1e-12) / num_queries)

    def on_epoch_end(self, epoch, logs=None):
        """Reads what `RetrievalRecall` has added to the logs."""
        recall = logs["val_mean_recall@10"]
        if epoch == 0 and recall < self.recall - self.chance:
            raise TrainingRefused(
                f"the first epoch made the model worse: the validation recall@10 fell from "
                f"{self.recall:.1%} to {recall:.1%}; use a smaller --optimization.learning-rate, "
                "or train less of it (--image.train last:2, lora:4 or head)"
            )


def _mean_length(embeddings):
    return float(np.linalg.norm(l2_normalize(embeddings).mean(axis=0)))
