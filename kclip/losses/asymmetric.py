from dataclasses import dataclass

import keras
from keras import ops

from kclip.losses.keras_config import KerasConfig

# The least that a logarithm is taken of: the worst answer costs 18.4, not infinity.
EPSILON = 1e-8


@keras.saving.register_keras_serializable("kclip")
@dataclass(frozen=True)
class AsymmetricLoss(KerasConfig):
    """Binary cross-entropy of many labels in which easy negatives, nearly all of them, fade.

    -sum of y log(p) (1 - p)^gamma_positive + (1 - y) log(q) (1 - q)^gamma_negative, with
    p = sigmoid(logit) and q = min(1 - p + clip, 1), so that a negative below `clip` costs nothing
    (Ben-Baruch et al. 2021, "Asymmetric Loss for Multi-Label Classification", Equations 4 to 7).
    A sum over images and classes: divide by the batch size before adding a loss that is a mean.

    Args:
        gamma_negative: float >= 0, how fast negatives fade as they become easy.
        gamma_positive: float >= 0, the same for positives.
        clip: float in [0, 1), the probability below which a negative costs nothing.
        focusing_gradient: bool. False, as ML-Decoder trains, takes the focusing weights for
            constants; True differentiates them too.

    Call arguments:
        labels: tensor (B, C) of 0 and 1, any dtype.
        logits: float tensor (B, C).
        valid_mask: bool tensor (B, C), False where a label is neither right nor wrong and costs
            nothing; by default all count.

    Returns:
        A float32 scalar.

    Example:
    >>> labels, logits = keras.ops.convert_to_tensor([[1, 0]]), keras.ops.zeros((1, 2))
    >>> round(float(AsymmetricLoss()(labels, logits)), 4)  # ln 2 + 0.45^4 * -ln 0.55
    0.7177
    """

    gamma_negative: float = 4.0
    gamma_positive: float = 0.0
    clip: float = 0.05
    focusing_gradient: bool = False

    def __call__(self, labels, logits, valid_mask=None):
        labels = ops.cast(labels, "float32")
        logits = ops.cast(logits, "float32")
        positive = ops.sigmoid(logits)
        negative = ops.minimum(ops.sigmoid(-logits) + self.clip, 1.0)
        costs = labels * self._cost(positive, self.gamma_positive)
        costs += (1.0 - labels) * self._cost(negative, self.gamma_negative)
        if valid_mask is not None:
            costs *= ops.cast(valid_mask, "float32")
        return ops.sum(costs)

    def _cost(self, probability, gamma):
        # Held above 0, where the slope of a power below 1 is no number.
        weight = ops.power(ops.maximum(1.0 - probability, EPSILON), gamma)
        if not self.focusing_gradient:
            weight = ops.stop_gradient(weight)
        return -weight * ops.log(ops.maximum(probability, EPSILON))
