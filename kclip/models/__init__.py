from kclip.models.cached_dual_encoder import CachedDualEncoder
from kclip.models.dual_encoder import DualEncoder
from kclip.models.dual_encoder_preprocessor import DualEncoderPreprocessor
from kclip.models.image_encoder import ImageEncoder
from kclip.models.text_encoder import TextEncoder

__all__ = [
    "CachedDualEncoder",
    "DualEncoder",
    "DualEncoderPreprocessor",
    "ImageEncoder",
    "TextEncoder",
]
