import keras


class CompiledAgain:
    """Compiles a model that `keras.saving.load_model` has read; mix it in before `keras.Model`.

    For a model whose `compile` takes `optimizer` and `loss` and hands on all but the loss, which
    Keras then knows nothing of. The model keeps it as its attribute `own_loss`.
    """

    own_loss = None

    def get_compile_config(self):
        """What a `.keras` file keeps of `compile`."""
        config = super().get_compile_config()
        if config:
            config["loss"] = keras.saving.serialize_keras_object(self.own_loss)
        return config

    def compile_from_config(self, config):
        """Compiles the model as it was, so that `fit` goes on."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)  # its state is read next
