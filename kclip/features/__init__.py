from kclip.features.spatial_maps import spatial_maps
from kclip.features.split_features import SplitFeatures, split_features

__all__ = ["SplitFeatures", "spatial_maps", "split_features"]
