import keras
from keras import ops

from kclip.layers.logit_scale import LogitScale


@keras.saving.register_keras_serializable("kclip")
class SimilarityLogits(LogitScale):
    """Each class's logit for an image from their cosine: `scale * cosine + bias`, both learned.

    Args:
        initial_scale: float > 0.
        initial_bias: float. Below 0, since most classes are absent from most images.

    Call arguments:
        image_embeddings: float tensor (B, E), L2-normalised.
        class_embeddings: float tensor (K, E) of any length.

    Returns:
        A float32 tensor (B, K).

    Example:
    >>> layer = SimilarityLogits()
    >>> layer(keras.ops.eye(2), 3 * keras.ops.eye(1, 2)).numpy().round(4).tolist()
    [[12.0], [-8.0]]
    """

    def __init__(self, initial_scale=20.0, initial_bias=-8.0, **kwargs):
        super().__init__(initial_scale, initial_bias, **kwargs)

    def call(self, image_embeddings, class_embeddings):
        classes = ops.normalize(class_embeddings, axis=-1)
        return super().call(ops.matmul(image_embeddings, ops.transpose(classes)))

    def compute_output_shape(self, image_embeddings_shape, class_embeddings_shape):
        return (image_embeddings_shape[0], class_embeddings_shape[0])
