import keras

from kclip.models.multilabel_classifier.multilabel_model import MultiLabelModel


class CachedMultiLabelClassifier(MultiLabelModel, keras.Model):
    """A multi-label classifier whose frozen image tower has been run already.

    It shares the head, the queries and the logit scale with the model that it was made from.

    Args:
        classifier: `kclip.models.MultiLabelClassifier` whose image tower is frozen.

    Inputs: dict of what a `SpatialEncoder` gives: `features`, float (B, F), and `spatial_map`,
    float (B, H, W, C), in half precision too.
    Outputs: as the classifier's.

    Example:
    >>> tower = ImageEncoder("small_cnn", image_size=64)
    >>> model = MultiLabelClassifier(tower, ["cat", "dog"], query_dim=16, dim=64)
    >>> model.image_encoder.trainable = False
    >>> cached = CachedMultiLabelClassifier(model)
    >>> cached.compile(keras.optimizers.Adam(1e-4), loss=JointLoss())
    """

    def __init__(self, classifier, **kwargs):
        inputs = {
            name: keras.Input(tensor.shape[1:], name=name)
            for name, tensor in classifier.spatial_encoder.output.items()
        }
        super().__init__(inputs=inputs, outputs=classifier.decode(**inputs), **kwargs)
        self.logit_scale = classifier.logit_scale
