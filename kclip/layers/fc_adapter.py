import math

import keras
from keras import ops

from kclip.errors import UserError


@keras.saving.register_keras_serializable("kclip")
class FCAdapter(keras.layers.Layer):
    """MMM-CLIP's first adapter: one dense layer on an image's and the classes' embeddings, fused.

    Chen et al. 2024, "Multi-method to Fine-tune CLIP" (1). Its size depends on the number of
    classes, as the paper says of it; its released form joins each image to one text embedding, the
    same for all. Here that is the mean of the classes' embeddings, and `num_classes` asks for it.

    Without `num_classes` the classes may change from call to call: one dense output serves every
    pair of image and class. On the two side by side it would give every class the same order of
    images, so their product entry by entry stands beside them; this form is kclip's.

    Args:
        num_classes: int, or None for classes that change from call to call.
        initial_bias: float. Of the logits; the log-odds of a rare class let training begin with the
            images rather than with how rare it is.

    Call arguments:
        image_embeddings: float tensor (B, E), L2-normalised.
        text_embeddings: float tensor (K, E), L2-normalised, of the classes; with `num_classes`
            any number of them, whose mean is used.

    Returns:
        Float32 logits (B, num_classes), or (B, K), whose sigmoid is each class's probability.

    Raises:
        UserError: the embeddings are of different widths.

    Example:
    >>> FCAdapter(5)(keras.ops.ones((2, 16)), keras.ops.ones((5, 16))).shape
    TensorShape([2, 5])
    """

    def __init__(self, num_classes=None, initial_bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.initial_bias = initial_bias

    def build(self, image_embeddings_shape, text_embeddings_shape):
        if image_embeddings_shape[-1] != text_embeddings_shape[-1]:
            raise UserError(
                f"image embeddings {image_embeddings_shape[-1]} wide came with text embeddings "
                f"{text_embeddings_shape[-1]} wide; give those of one model"
            )
        dim = image_embeddings_shape[-1]
        parts = 2 if self.num_classes else 3
        self.output_layer = keras.layers.Dense(
            self.num_classes or 1,
            bias_initializer=keras.initializers.Constant(self.initial_bias),
            dtype=self.dtype_policy,
        )
        self.output_layer.build((None, parts * dim))

    def call(self, image_embeddings, text_embeddings):
        # Times the root of E, the entries of a vector of unit length have a variance of 1.
        scale = math.sqrt(image_embeddings.shape[1])
        images, texts = image_embeddings * scale, text_embeddings * scale
        if self.num_classes:
            text = ops.mean(texts, axis=0, keepdims=True)
            texts = ops.tile(text, (ops.shape(images)[0], 1))
            return ops.cast(self.output_layer(ops.concatenate([images, texts], axis=1)), "float32")
        # The dense layer on all pairs, without making them: of a sum, each part by itself.
        kernel = ops.cast(self.output_layer.kernel, images.dtype)
        of_image, of_text, of_product = ops.split(kernel, 3)
        products = ops.matmul(images * ops.transpose(of_product), ops.transpose(texts))
        logits = ops.matmul(images, of_image) + ops.transpose(ops.matmul(texts, of_text)) + products
        return ops.cast(logits, "float32") + ops.cast(self.output_layer.bias, "float32")

    def get_config(self):
        own = {"num_classes": self.num_classes, "initial_bias": self.initial_bias}
        return {**super().get_config(), **own}
