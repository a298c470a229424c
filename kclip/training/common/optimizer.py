from typing import Any

import keras
from keras import ops


def compile_model(model: Any, optimizer: Any, loss: Any, **options: Any) -> None:
    """Compiles a model so that weight decay acts on matrices alone.

    Biases, gains of normalisation layers and the logit scale are no weights that could grow with
    nothing to hold them: decay would pull them away from what the data say (Loshchilov and Hutter
    2019 and most recipes since leave them out).

    Args:
        model: a Keras model, or one of `kclip.models`.
        optimizer: a Keras optimizer that is not built yet.
        loss: what `model.compile` takes.
        **options: further arguments of `model.compile`.
    """
    model.compile(optimizer=optimizer, loss=loss, **options)
    variables = model.trainable_variables  # without those that compile has found no use for
    optimizer.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2])
    # Through the model: under mixed_float16 it has put a loss scale around the optimizer.
    model.optimizer.build(variables)


@keras.saving.register_keras_serializable("kclip")
class TowerAdamW(keras.optimizers.AdamW):
    """AdamW as PyTorch computes it, with a learning rate of its own for each tower.

    Two things are otherwise in Keras 3.15. It adds epsilon before the bias correction, which makes
    the first steps of small gradients shorter. And on TensorFlow it squares the gradient of an
    embedding before it has added up the rows of a token that occurs several times.

    One rate that schedules, warm-up and ReduceLROnPlateau act on, times a factor for each
    variable (`keras.optimizers.MultiOptimizer` keeps separate rates, which ReduceLROnPlateau
    would set to one value). Decay is scaled like the step, as AdamW's is relative to the rate.

    Example:
    >>> model, _, _ = kclip.load("runs/demo/model")
    >>> optimizer = TowerAdamW(1e-3, weight_decay=1e-3)
    >>> optimizer.build(model.trainable_variables)
    >>> optimizer.scale_learning_rate(model.text_encoder.trainable_variables, 0.1)
    """

    def build(self, variables):
        if self.built:  # under mixed_float16 `compile` wraps it, and the wrapper builds it again
            return
        super().build(variables)
        self._factors = [1.0] * len(variables)

    def scale_learning_rate(self, variables, factor):
        """Multiplies the learning rate of some of the variables given to `build`."""
        for variable in variables:
            self._factors[self._get_variable_index(variable)] = factor

    def apply(self, grads, trainable_variables=None):
        """Applies gradients; rows of an embedding's are added up first, for their norm, too."""
        super().apply([_dense(grad) for grad in grads], trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """One AdamW step of one variable, at its own learning rate.

        Kingma and Ba 2015, Algorithm 1, with epsilon where it stands there: beside the root of the
        corrected second moment.
        """
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype) * self._factors[index]
        step = ops.cast(self.iterations + 1, variable.dtype)
        self.assign_add(momentum, (gradient - momentum) * (1 - self.beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        mean = momentum / (1 - ops.power(self.beta_1, step))
        root = ops.sqrt(velocity / (1 - ops.power(self.beta_2, step)))
        self.assign_sub(variable, rate * mean / (root + self.epsilon))

    def finalize_variable_values(self, var_list):
        """Leaves the weights as they are at the end of `fit`, with `use_ema` too.

        A run that is resumed calls `fit` twice, so it puts the averages in place by itself; see
        `kclip.training.common.averaging`.
        """

    def _update_model_variables_moving_average(self, trainable_variables):
        """Averages with a warm-up: a long average would still hold the first weights otherwise.

        The momentum is at most (1 + t) / (10 + t) after t steps, as in TensorFlow 1's
        `ExponentialMovingAverage(num_updates=...)`.
        """
        if not self.use_ema:
            return
        steps = ops.cast(self.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, (1 + steps) / (10 + steps))
        momentum = ops.where(steps > 0, momentum, 0.0)
        averages = self._model_variables_moving_average
        for variable, average in zip(trainable_variables, averages, strict=True):
            own = ops.cast(momentum, variable.dtype)
            average.assign(own * average + (1 - own) * variable)

    def _apply_weight_decay(self, variables):
        for variable in variables:
            if self._use_weight_decay(variable):
                factor = self._factors[self._get_variable_index(variable)]
                rate = ops.cast(self.learning_rate, variable.dtype) * factor
                variable.assign(variable - variable * self.weight_decay * rate)


@keras.saving.register_keras_serializable("kclip")
class TowerAdam(TowerAdamW):
    """Adam whose weight decay is a part of the gradient (L2), so that Adam's step divides it too.

    As ML-Decoder trains. Learning rates as in `TowerAdamW`.
    """

    def update_step(self, gradient, variable, learning_rate):
        """One Adam step of one variable, its decay included."""
        if self._use_weight_decay(variable):
            decay = ops.cast(self.weight_decay, variable.dtype)
            gradient = ops.cast(gradient, variable.dtype) + decay * variable
        super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        """Has been applied with the gradient."""


def _dense(gradient):
    # TensorFlow's IndexedSlices, which hold a row for each time that a token occurs. The sum with a
    # dense tensor is dense under any backend.
    if not hasattr(gradient, "indices"):
        return gradient
    return ops.add(gradient, ops.zeros(gradient.shape, gradient.dtype))
