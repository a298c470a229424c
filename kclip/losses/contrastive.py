from dataclasses import dataclass
from typing import Literal

from keras import ops

Target = Literal["hard", "soft", "multi_positive"]


@dataclass(frozen=True)
class ContrastiveLoss:
    """Symmetric softmax cross-entropy between the images and the texts of one batch.

    Args:
        target: what each row of the (B, B) logits is held against.
            "hard": the diagonal (CLIP, Figure 3; the report's Figure 1).
            "multi_positive": spread evenly over the rows with the same id, so that two captions
            of one image are no negatives of each other. With distinct ids it equals "hard".
            "soft": softmax((text.text^T + image.image^T) * scale / 2), as in keras.io's
            `nl_image_search`, where scale is 1 / 0.05 and gradients flow through the targets.
        label_smoothing: float in [0, 1). Share of the target spread over the whole row.

    Call arguments:
        image_embeddings, text_embeddings: float tensors (B, D), row i of one belonging to row i
            of the other; L2-normalised for CLIP, as they come for keras.io.
        logit_scale: a `kclip.layers.LogitScale`.
        ids: int tensor (B,), equal for rows whose texts fit each other's images.

    Returns:
        A float32 scalar: the mean over rows and over both directions.

    Example:
    >>> loss = ContrastiveLoss()
    >>> eye = keras.ops.eye(4)
    >>> float(loss(eye, eye, LogitScale(initial_scale=100.0), ids=keras.ops.arange(4)))
    0.0
    """

    target: Target = "hard"
    label_smoothing: float = 0.0

    def __call__(self, image_embeddings, text_embeddings, logit_scale, ids):
        images = ops.cast(image_embeddings, "float32")
        texts = ops.cast(text_embeddings, "float32")
        logits_per_image = logit_scale(ops.matmul(images, ops.transpose(texts)))
        targets = self._targets(images, texts, logit_scale.scale, ids)
        if self.label_smoothing:
            uniform = 1.0 / ops.cast(ops.shape(targets)[0], "float32")
            targets = (1 - self.label_smoothing) * targets + self.label_smoothing * uniform
        per_image = _cross_entropy(targets, logits_per_image)
        per_text = _cross_entropy(ops.transpose(targets), ops.transpose(logits_per_image))
        return (per_image + per_text) / 2

    def _targets(self, images, texts, scale, ids):
        if self.target == "hard":
            return ops.eye(ops.shape(images)[0], dtype="float32")
        if self.target == "multi_positive":
            same = ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32")
            return same / ops.sum(same, axis=-1, keepdims=True)
        similarity = ops.matmul(images, ops.transpose(images))
        similarity += ops.matmul(texts, ops.transpose(texts))
        # keras.io writes logits and targets with texts as rows and images as columns.
        return ops.transpose(ops.softmax(similarity * scale / 2, axis=-1))


def _cross_entropy(targets, logits):
    return -ops.mean(ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1))
