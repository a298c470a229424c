import keras

from kclip.models.compiled_again import CompiledAgain
from kclip.models.replicas import refuse_replicas


class MultiLabelModel(CompiledAgain):
    """What training needs of a multi-label model; mix it in before `keras.Model`.

    `compile(optimizer, loss)` takes a `kclip.losses.JointLoss`, whose targets are a dict. Both
    parts of the loss stand in the logs. `train_step` stays Keras' own.
    """

    logit_scale = None

    def compile(self, optimizer, loss, **kwargs):
        """Configures training.

        Args:
            optimizer: a Keras optimizer.
            loss: `kclip.losses.JointLoss`.
            **kwargs: further arguments of `keras.Model.compile`.

        Raises:
            UserError: the model is under a `tf.distribute` strategy of several replicas.
        """
        refuse_replicas(self)
        if self.logit_scale is not None:
            # Keras warns of weights that have no gradient.
            self.logit_scale.trainable = loss.alpha > 0
        super().compile(optimizer=optimizer, **kwargs)
        self.own_loss = loss
        parts = ("classification_loss", "alignment_loss") if loss.alpha else ()
        self.part_means = {name: keras.metrics.Mean(name) for name in parts}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The joint loss of one batch, plus the layers' regularisation."""
        losses = self.own_loss(y, y_pred, self.logit_scale)
        for name, mean in self.part_means.items():
            mean.update_state(losses[name])
        return sum(self.losses, start=losses["loss"])
