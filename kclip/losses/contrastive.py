from dataclasses import dataclass
from typing import Literal

import keras
from keras import ops

from kclip.losses import blocks
from kclip.losses.block_log_sum_exp import log_sum_exps
from kclip.losses.keras_config import KerasConfig

Target = Literal["hard", "soft", "multi_positive"]


@keras.saving.register_keras_serializable("kclip")
@dataclass(frozen=True)
class ContrastiveLoss(KerasConfig):
    """Symmetric softmax cross-entropy between the images and the texts of one batch.

    Above `blocks.LARGEST_WHOLE_BATCH` rows, or where a graph does not know their number, the
    logits of "hard" and "multi_positive" are formed in blocks, in the backward pass once more: the
    same loss and gradients, up to rounding, in memory that grows with B instead of B^2.

    Args:
        target: what each row of the (B, B) logits is held against.
            "hard": the diagonal (CLIP, Figure 3; the report's Figure 1).
            "multi_positive": spread evenly over the rows with the same id, so that two captions
            of one image are no negatives of each other. With distinct ids it equals "hard".
            "soft": softmax((text.text^T + image.image^T) * scale / 2), as in keras.io's
            `nl_image_search`, where scale is 1 / 0.05 and gradients flow through the targets.
        label_smoothing: float in [0, 1). Fraction of the target spread over the whole row.

    Call arguments:
        image_embeddings, text_embeddings: float tensors (B, D), row i of one belonging to row i
            of the other; L2-normalised for CLIP, as they come for keras.io.
        logit_scale: a `kclip.layers.LogitScale`.
        ids: int tensor (B,), equal for rows whose texts fit each other's images.
        valid_mask: bool tensor (B,), False for rows that are neither pairs nor negatives; by
            default all count.

    Returns:
        A float32 scalar: the mean over the rows that count and over both directions; 0 where
        none does.

    Example:
    >>> loss = ContrastiveLoss()
    >>> eye = keras.ops.eye(4)
    >>> float(loss(eye, eye, LogitScale(initial_scale=100.0), ids=keras.ops.arange(4)))
    0.0
    """

    target: Target = "hard"
    label_smoothing: float = 0.0

    def __call__(self, image_embeddings, text_embeddings, logit_scale, ids, valid_mask=None):
        images = ops.cast(image_embeddings, "float32")
        texts = ops.cast(text_embeddings, "float32")
        valid_mask = ops.ones(ops.shape(images)[:1]) if valid_mask is None else valid_mask
        valid_mask = ops.cast(valid_mask, "float32")
        size = images.shape[0]
        if self.target != "soft" and (size is None or size > blocks.LARGEST_WHOLE_BATCH):
            return self._in_blocks(images, texts, logit_scale, ids, valid_mask)
        logits_per_image = logit_scale(ops.matmul(images, ops.transpose(texts)))
        targets = self._targets(images, texts, logit_scale.scale, ids, valid_mask)
        if self.label_smoothing:
            uniform = self.label_smoothing / ops.maximum(ops.sum(valid_mask), 1.0)
            targets = (1 - self.label_smoothing) * targets + uniform
        per_image = _cross_entropy(targets, logits_per_image, valid_mask)
        per_text = _cross_entropy(
            ops.transpose(targets), ops.transpose(logits_per_image), valid_mask
        )
        return (per_image + per_text) / 2

    def _in_blocks(self, images, texts, logit_scale, ids, valid_mask):
        # Targets sum to 1, so that cross-entropy is log-sum-exp less the logit that is wanted,
        # and the mean of wanted logits is the logit of the mean of wanted texts.
        normalisers = ops.mean(log_sum_exps(images * logit_scale.scale, texts, valid_mask), axis=0)
        if logit_scale.bias is not None:
            normalisers += logit_scale.bias
        wanted = logit_scale(ops.sum(images * self._wanted(texts, ids, valid_mask), axis=-1))
        return _mean(normalisers - wanted, valid_mask)

    def _wanted(self, texts, ids, valid_mask):
        """The text that each image is to be near, (B, D): the mean over its row's target."""
        weighted = texts * valid_mask[:, None]
        wanted = texts
        if self.target == "multi_positive":
            wanted = _group_means(weighted, valid_mask, ids)
        everything = ops.sum(weighted, axis=0) / ops.maximum(ops.sum(valid_mask), 1.0)
        return (1 - self.label_smoothing) * wanted + self.label_smoothing * everything

    def _targets(self, images, texts, scale, ids, valid_mask):
        if self.target == "hard":
            return ops.eye(ops.shape(images)[0], dtype="float32")
        if self.target == "multi_positive":
            same = ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32") * valid_mask
            return same / ops.maximum(ops.sum(same, axis=-1, keepdims=True), 1.0)
        similarity = ops.matmul(images, ops.transpose(images))
        similarity += ops.matmul(texts, ops.transpose(texts))
        # keras.io writes logits and targets with texts as rows and images as columns.
        return ops.transpose(ops.softmax(_masked(similarity * scale / 2, valid_mask), axis=-1))


def _masked(logits, valid_mask):
    """Leaves columns that do not count out of a softmax over each row."""
    return ops.where(valid_mask[None, :] > 0, logits, -1e9)


def _cross_entropy(targets, logits, valid_mask):
    log_probabilities = ops.log_softmax(_masked(logits, valid_mask), axis=-1)
    per_row = -ops.sum(valid_mask * targets * log_probabilities, axis=-1)
    return _mean(per_row, valid_mask)


def _mean(per_row, valid_mask):
    return ops.sum(valid_mask * per_row) / ops.maximum(ops.sum(valid_mask), 1.0)


def _group_means(weighted, valid_mask, ids):
    """The mean over the rows of the same id that count, for each row."""
    first = ops.searchsorted(ops.sort(ids), ids)  # a number below B that equal ids share
    size = ops.shape(weighted)[0]
    sums = ops.segment_sum(weighted, first, size)
    counts = ops.maximum(ops.segment_sum(valid_mask, first, size), 1.0)
    return ops.take(sums / counts[:, None], first, axis=0)
