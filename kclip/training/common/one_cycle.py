import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("kclip")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises to its peak and falls to almost nothing, along two half cosines.

    Smith and Topin 2019, "Super-Convergence", with the cosines and the ends of PyTorch's
    `OneCycleLR`, which ML-Decoder trains with: from peak / 25 to the peak, and down to
    peak / 250,000.

    Args:
        peak: float, the highest learning rate.
        steps: int, of the whole training.
        warmup: float in [0, 1), the fraction of the steps in which the learning rate rises.

    Example:
    >>> schedule = OneCycle(1.0, steps=101, warmup=0.2)
    >>> [round(float(schedule(step)), 4) for step in (0, 10, 19, 60, 100)]
    [0.04, 0.5514, 0.9997, 0.4922, 0.0]
    """

    def __init__(self, peak, steps, warmup=0.2):
        super().__init__()
        self.peak = peak
        self.steps = steps
        self.warmup = warmup

    def __call__(self, step):
        step = ops.cast(step, "float32")
        top = max(self.warmup * self.steps - 1, 0.0)
        last = max(self.steps - 1, top + 1)
        rising = _half_cosine(self.peak / 25, self.peak, step / max(top, 1e-6))
        falling = _half_cosine(self.peak, self.peak / 250_000, (step - top) / (last - top))
        return ops.where(step < top, rising, falling)

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup}


def _half_cosine(start, end, fraction):
    fraction = ops.clip(fraction, 0.0, 1.0)
    return end + (start - end) / 2 * (1 + ops.cos(math.pi * fraction))
