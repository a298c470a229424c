from dataclasses import dataclass, field

import keras
from keras import ops

from kclip.losses.asymmetric import AsymmetricLoss
from kclip.losses.contrastive import ContrastiveLoss
from kclip.losses.keras_config import KerasConfig


@keras.saving.register_keras_serializable("kclip")
@dataclass(frozen=True)
class JointLoss(KerasConfig):
    """alpha * L_clip + beta * L_c: classes told apart, and images brought near their labels' text.

    CLIP-Decoder, Section 3.2.1, Equation 2. Both parts are means over the batch, so that the
    weights do not depend on its size: the asymmetric loss, a sum, is divided by it. Images with
    equal sets of labels are positives of each other in L_clip, and images without a label, whose
    sentence would be empty, take no part in it.

    Args:
        alpha: float >= 0, weight of the alignment L_clip.
        beta: float >= 0, weight of the classification L_c.
        classification: the sum over images and classes that L_c is made from.
        alignment: L_clip.

    Call arguments:
        targets: dict of `labels` (B, C) of 0 and 1; where some are neither right nor wrong,
            `valid_mask`, bool (B, C), False for these, which then cost nothing in L_c; and, where
            alpha is not 0, `text_embeddings` (B, E) of the sentences that name each image's labels,
            L2-normalised, and `ids`, int (B,), equal for equal sets of labels and negative for the
            empty one.
        outputs: dict of `logits` (B, C) and, where alpha is not 0, `image_embeddings` (B, E),
            L2-normalised.
        logit_scale: a `kclip.layers.LogitScale`; None where alpha is 0.

    Returns:
        A dict of float32 scalars: `loss` and its parts before weighting, `classification_loss`
        and, where alpha is not 0, `alignment_loss`.

    Example:
    >>> labels, logits = keras.ops.convert_to_tensor([[1, 0]]), keras.ops.zeros((1, 2))
    >>> losses = JointLoss(alpha=0.0)({"labels": labels}, {"logits": logits}, logit_scale=None)
    >>> round(float(losses["loss"]), 4)
    0.7177
    """

    alpha: float = 1.0
    beta: float = 1.0
    classification: AsymmetricLoss = field(default_factory=AsymmetricLoss)
    alignment: ContrastiveLoss = field(default_factory=lambda: ContrastiveLoss("multi_positive"))

    def __call__(self, targets, outputs, logit_scale):
        logits = outputs["logits"]
        rows = ops.cast(ops.shape(logits)[0], "float32")
        costs = self.classification(targets["labels"], logits, targets.get("valid_mask"))
        losses = {"classification_loss": costs / rows}
        total = self.beta * losses["classification_loss"]
        if self.alpha:
            losses["alignment_loss"] = self.alignment(
                outputs["image_embeddings"],
                targets["text_embeddings"],
                logit_scale,
                ids=targets["ids"],
                valid_mask=targets["ids"] >= 0,
            )
            total = total + self.alpha * losses["alignment_loss"]
        return {"loss": total, **losses}
