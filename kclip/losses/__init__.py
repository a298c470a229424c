from kclip.losses.contrastive import ContrastiveLoss
from kclip.losses.sigmoid import SigmoidLoss

__all__ = ["ContrastiveLoss", "SigmoidLoss"]
