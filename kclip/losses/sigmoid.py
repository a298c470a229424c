from dataclasses import dataclass

import keras
from keras import ops

from kclip.losses import blocks
from kclip.losses.block_sigmoid import sum_of_softplus
from kclip.losses.keras_config import KerasConfig


@keras.saving.register_keras_serializable("kclip")
@dataclass(frozen=True)
class SigmoidLoss(KerasConfig):
    """Each pair of the batch is a question of its own: do this image and this text fit?

    -(1 / B) * sum over (i, j) of log sigmoid(z_ij * logit_ij), z = 1 where the ids are equal and
    -1 elsewhere (SigLIP, Zhai et al. 2023, Algorithm 1; there, only the diagonal is positive).
    Wants a `LogitScale(initial_scale=10, initial_bias=-10)`.

    The logits of a large batch are formed in blocks, in both passes.

    Call arguments:
        image_embeddings, text_embeddings: float tensors (B, D), L2-normalised.
        logit_scale: a `kclip.layers.LogitScale`.
        ids: int tensor (B,), equal for rows whose texts fit each other's images.

    Returns:
        A float32 scalar.

    Example:
    >>> eye = keras.ops.eye(2)
    >>> scale = LogitScale(initial_scale=10.0, initial_bias=-10.0)
    >>> round(float(SigmoidLoss()(eye, eye, scale, ids=keras.ops.arange(2))), 4)
    0.6932
    """

    def __call__(self, image_embeddings, text_embeddings, logit_scale, ids):
        images = ops.cast(image_embeddings, "float32")
        texts = ops.cast(text_embeddings, "float32")
        size = images.shape[0]
        if size is None or size > blocks.LARGEST_WHOLE_BATCH:
            return self._in_blocks(images, texts, logit_scale, ids)
        logits = logit_scale(ops.matmul(images, ops.transpose(texts)))
        signs = ops.where(ops.equal(ids[:, None], ids[None, :]), 1.0, -1.0)
        rows = ops.cast(ops.shape(logits)[0], "float32")
        return -ops.sum(ops.log_sigmoid(signs * logits)) / rows

    def _in_blocks(self, images, texts, logit_scale, ids):
        # Not the variable itself, but its value: gradients by hand are those of tensors.
        bias = ops.zeros(()) if logit_scale.bias is None else logit_scale.bias + 0.0
        scaled = images * logit_scale.scale
        total = sum_of_softplus(scaled, texts, bias, ids)
        return total / ops.cast(ops.shape(images)[0], "float32")
