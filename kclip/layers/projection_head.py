import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class ProjectionHead(keras.layers.Layer):
    """Maps a tower's features into the space that images and texts share.

    `Dense(dim)`, then once `GELU -> Dense(dim) -> Dropout`, added to the first projection and
    layer-normalised: the head of the Politecnico report (Section 3.1.1) and of the keras.io
    example whose settings it follows.

    Args:
        projection_dim: int. Width D of the shared space.
        dropout: float in [0, 1). Rate after the second dense layer.
        feature_dropout: float in [0, 1). Rate on the tower's features; 0 in the report. Frozen
            towers have no other noise, and small data sets gain from some.
        standardize: bool. Bring each feature to mean 0 and standard deviation 1 over the batch
            first (by running averages at inference); the report does not.

    Call arguments:
        features: float tensor (B, F).

    Returns:
        A float32 tensor (B, D), not L2-normalised.

    Example:
    >>> head = ProjectionHead(256, dropout=0.1)
    >>> head(keras.ops.ones((4, 2048))).shape
    TensorShape([4, 256])
    """

    def __init__(
        self, projection_dim, dropout=0.1, feature_dropout=0.0, standardize=False, **kwargs
    ):
        # The features come as they are, for the standardisation below.
        super().__init__(autocast=False, **kwargs)
        layer_kwargs = {"dtype": self.dtype_policy}
        self.standardization = None
        if standardize:
            # Float32: half precision would round the features before their mean is taken off.
            self.standardization = keras.layers.BatchNormalization(
                center=False, scale=False, dtype="float32"
            )
        self.feature_dropout = keras.layers.Dropout(feature_dropout, **layer_kwargs)
        self.projection = keras.layers.Dense(projection_dim, **layer_kwargs)
        self.dense = keras.layers.Dense(projection_dim, **layer_kwargs)
        self.dropout = keras.layers.Dropout(dropout, **layer_kwargs)
        self.layer_norm = keras.layers.LayerNormalization(dtype="float32")
        self.projection_dim = projection_dim

    def build(self, input_shape):
        if self.standardization:
            self.standardization.build(input_shape)
        self.projection.build(input_shape)
        projected_shape = (*input_shape[:-1], self.projection_dim)
        self.dense.build(projected_shape)
        self.layer_norm.build(projected_shape)

    def call(self, features, training=None):
        if self.standardization:
            features = self.standardization(features, training=training)
        features = self.feature_dropout(features, training=training)
        projected = self.projection(features)
        x = self.dense(ops.gelu(projected, approximate=False))
        x = self.dropout(x, training=training)
        return self.layer_norm(projected + x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.projection_dim)

    def get_config(self):
        config = super().get_config()
        config.update(
            projection_dim=self.projection_dim,
            dropout=self.dropout.rate,
            feature_dropout=self.feature_dropout.rate,
            standardize=self.standardization is not None,
        )
        return config
