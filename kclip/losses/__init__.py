from kclip.losses.asymmetric import AsymmetricLoss
from kclip.losses.contrastive import ContrastiveLoss
from kclip.losses.joint import JointLoss
from kclip.losses.sigmoid import SigmoidLoss

__all__ = ["AsymmetricLoss", "ContrastiveLoss", "JointLoss", "SigmoidLoss"]
