from kclip.layers.imagenet_preprocessing import ImagenetPreprocessing
from kclip.layers.logit_scale import LogitScale, MaxLogScale
from kclip.layers.projection_head import ProjectionHead

__all__ = ["ImagenetPreprocessing", "LogitScale", "MaxLogScale", "ProjectionHead"]
