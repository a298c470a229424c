"""What cannot be trained on several replicas yet, and says so."""

from kclip.errors import UserError


def refuse_replicas(model):
    """Looks whether a model is trained by one replica, which sees the whole batch.

    Args:
        model: a Keras model.

    Raises:
        UserError: it was made under a `tf.distribute` strategy of several.
    """
    strategy = getattr(model, "distribute_strategy", None)  # of Keras on TensorFlow alone
    replicas = getattr(strategy, "num_replicas_in_sync", 1)
    if replicas > 1:
        raise UserError(
            f"the model is under tf.distribute's {type(strategy).__name__} of {replicas} replicas, "
            "where each would know only its own part of the batch as negatives and train wrongly; "
            "train without a strategy, or on JAX with keras.distribution"
        )
