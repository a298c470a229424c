import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class EndTokenPooling(keras.layers.Layer):
    """The token at which a text ends (CLIP, Section 2.4).

    Args:
        end_token_id: int or None. Where it first occurs, the text ends. None: at the first
            occurrence of the text's highest id, which is the end token's in OpenAI's vocabulary
            (Hugging Face does so where a config says `eos_token_id` 2).

    Call arguments:
        tokens: float tensor (B, L, C).
        token_ids: int tensor (B, L).

    Returns:
        A float tensor (B, C).

    Example:
    >>> tokens = keras.ops.reshape(keras.ops.arange(3.0), (1, 3, 1))
    >>> float(EndTokenPooling(9)(tokens, keras.ops.array([[4, 9, 9]]))[0, 0])
    1.0
    """

    def __init__(self, end_token_id=None, **kwargs):
        super().__init__(**kwargs)
        self.end_token_id = end_token_id

    def call(self, tokens, token_ids):
        if self.end_token_id is not None:
            token_ids = ops.cast(ops.equal(token_ids, self.end_token_id), "int32")
        # By a product with ones and zeros, since every exporter knows it; gathering, some do not.
        chosen = ops.one_hot(
            ops.argmax(token_ids, axis=-1), ops.shape(tokens)[1], dtype=tokens.dtype
        )
        return ops.sum(tokens * chosen[..., None], axis=1)

    def compute_output_shape(self, tokens_shape, token_ids_shape=None):
        return (tokens_shape[0], tokens_shape[-1])

    def get_config(self):
        return {**super().get_config(), "end_token_id": self.end_token_id}
