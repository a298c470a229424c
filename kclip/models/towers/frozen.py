class FrozenInInference:
    """A tower that runs in inference mode whenever it is frozen.

    Keras stops a frozen layer's updates, but not its dropout. A frozen tower must give constants:
    they are computed once and trained on many times (see `kclip.features`).
    """

    def call(self, inputs, training=None, mask=None, **kwargs):
        if not self.trainable:
            training = False
        return super().call(inputs, training=training, mask=mask, **kwargs)


def run_in_inference_while_frozen(layer):
    """Has what is random in a layer, such as dropout, do nothing as long as the layer is frozen.

    Args:
        layer: with the layers in it.
    """
    for part in layer._flatten_layers():
        if getattr(part, "seed_generator", None) is not None:
            part.call = _InferenceWhileFrozen(part)


class _InferenceWhileFrozen:
    """The `call` of a layer without weights, which Keras trains however frozen it is."""

    def __init__(self, layer):
        self.layer = layer
        self.plain_call = type(layer).call

    def __call__(self, *args, training=None, **kwargs):
        training = training and self.layer.trainable
        return self.plain_call(self.layer, *args, training=training, **kwargs)
