from kclip.models.cached_dual_encoder import CachedDualEncoder
from kclip.models.cached_multilabel_classifier import CachedMultiLabelClassifier
from kclip.models.clip import CLIP
from kclip.models.clip_preprocessor import ClipPreprocessor
from kclip.models.clip_tokenizer import ClipTokenizer
from kclip.models.dual_encoder import DualEncoder
from kclip.models.dual_encoder_preprocessor import DualEncoderPreprocessor
from kclip.models.image_classifier import ImageClassifier
from kclip.models.image_encoder import ImageEncoder
from kclip.models.multilabel_baseline import MultiLabelBaseline
from kclip.models.multilabel_classifier import MultiLabelClassifier
from kclip.models.siglip_tokenizer import SiglipTokenizer
from kclip.models.spatial_encoder import SpatialEncoder
from kclip.models.text_encoder import TextEncoder

__all__ = [
    "CLIP",
    "CachedDualEncoder",
    "CachedMultiLabelClassifier",
    "ClipPreprocessor",
    "ClipTokenizer",
    "DualEncoder",
    "DualEncoderPreprocessor",
    "ImageClassifier",
    "ImageEncoder",
    "MultiLabelBaseline",
    "MultiLabelClassifier",
    "SiglipTokenizer",
    "SpatialEncoder",
    "TextEncoder",
]
