class FrozenInInference:
    """A tower that runs in inference mode whenever it is frozen.

    Keras stops a frozen layer's updates, but not its dropout. A frozen tower must give constants:
    they are computed once and trained on many times (see `kclip.features`).
    """

    def call(self, inputs, training=None, mask=None, **kwargs):
        if not self.trainable:
            training = False
        return super().call(inputs, training=training, mask=mask, **kwargs)
