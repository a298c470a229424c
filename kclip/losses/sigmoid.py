from dataclasses import dataclass

from keras import ops


@dataclass(frozen=True)
class SigmoidLoss:
    """Each pair of the batch is a question of its own: do this image and this text fit?

    -(1 / B) * sum over (i, j) of log sigmoid(z_ij * logit_ij), z = 1 where the ids are equal and
    -1 elsewhere (SigLIP, Zhai et al. 2023, Algorithm 1; there, only the diagonal is positive).
    Wants a `LogitScale(initial_scale=10, initial_bias=-10)`.

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
        logits = logit_scale(ops.matmul(images, ops.transpose(texts)))
        signs = ops.where(ops.equal(ids[:, None], ids[None, :]), 1.0, -1.0)
        rows = ops.cast(ops.shape(logits)[0], "float32")
        return -ops.sum(ops.log_sigmoid(signs * logits)) / rows
