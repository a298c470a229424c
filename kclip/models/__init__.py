from kclip.models.clip.clip import CLIP
from kclip.models.clip.clip_image_encoder import ClipImageEncoder
from kclip.models.clip.clip_preprocessor import ClipPreprocessor
from kclip.models.clip.clip_text_encoder import ClipTextEncoder
from kclip.models.clip.clip_tokenizer import ClipTokenizer
from kclip.models.clip.huggingface_tokenizer import HuggingFaceTokenizer
from kclip.models.clip.siglip_tokenizer import SiglipTokenizer
from kclip.models.dual_encoder.cached_dual_encoder import CachedDualEncoder
from kclip.models.dual_encoder.dual_encoder import DualEncoder
from kclip.models.dual_encoder.dual_encoder_preprocessor import DualEncoderPreprocessor
from kclip.models.image_classifier import ImageClassifier
from kclip.models.multilabel_classifier.cached_multilabel_classifier import (
    CachedMultiLabelClassifier,
)
from kclip.models.multilabel_classifier.multilabel_classifier import MultiLabelClassifier
from kclip.models.towers.image_encoder import ImageEncoder
from kclip.models.towers.spatial_encoder import SpatialEncoder
from kclip.models.towers.text_encoder import TextEncoder

__all__ = [
    "CLIP",
    "CachedDualEncoder",
    "CachedMultiLabelClassifier",
    "ClipImageEncoder",
    "ClipPreprocessor",
    "ClipTextEncoder",
    "ClipTokenizer",
    "DualEncoder",
    "DualEncoderPreprocessor",
    "HuggingFaceTokenizer",
    "ImageClassifier",
    "ImageEncoder",
    "MultiLabelClassifier",
    "SiglipTokenizer",
    "SpatialEncoder",
    "TextEncoder",
]
