from kclip.features.spatial_maps import spatial_maps
from kclip.features.split_features import SplitFeatures, split_features
from kclip.features.store import FeatureStore

__all__ = ["FeatureStore", "SplitFeatures", "spatial_maps", "split_features"]
