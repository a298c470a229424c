import math

import keras

from kclip.errors import UserError


@keras.saving.register_keras_serializable("kclip")
class ClassQueries(keras.layers.Layer):
    """The text embeddings that a zero-shot decoder asks by, kept as a weight of the model.

    Args:
        num_classes: int. Number K of classes.
        dim: int. Length E of an embedding.
        trainable: bool. False, as CLIP-Decoder tests, keeps them as they are set.

    Call arguments:
        features: any tensor; it only ties the layer into a functional model. The queries are the
            same for every image.

    Returns:
        A float tensor (K, E): the embeddings times the root of E, so that the entries of those of
        unit length have a variance of 1; zeros until `set` has been called.

    Example:
    >>> queries = ClassQueries(2, 3)
    >>> queries.set([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> queries(keras.ops.zeros((8, 7, 7, 32))).shape
    TensorShape([2, 3])
    """

    def __init__(self, num_classes, dim, trainable=False, **kwargs):
        # The features are not looked at, so they need no cast.
        super().__init__(trainable=trainable, autocast=False, **kwargs)
        self.num_classes = num_classes
        self.dim = dim

    def build(self, features_shape=None):
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.num_classes, self.dim), initializer="zeros"
        )

    def set(self, embeddings):
        """Puts embeddings into the weight.

        Args:
            embeddings: float array (K, E).

        Raises:
            UserError: the shape is another.
        """
        shape = keras.ops.shape(keras.ops.convert_to_tensor(embeddings))
        if tuple(shape) != (self.num_classes, self.dim):
            raise UserError(
                f"query embeddings of shape {tuple(shape)} came for {self.num_classes} classes of "
                f"{self.dim} numbers each; give ({self.num_classes}, {self.dim})"
            )
        if not self.built:
            self.build()
        self.embeddings.assign(embeddings)

    def call(self, features):
        return keras.ops.cast(self.embeddings * math.sqrt(self.dim), self.compute_dtype)

    def compute_output_spec(self, features):
        return keras.KerasTensor((self.num_classes, self.dim), dtype=self.compute_dtype)

    def get_config(self):
        config = super().get_config()
        config.update(num_classes=self.num_classes, dim=self.dim)
        return config
