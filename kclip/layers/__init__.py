from kclip.layers.attention_pooling import AttentionPooling
from kclip.layers.blur_pool import BlurPool
from kclip.layers.class_queries import ClassQueries
from kclip.layers.end_token_pooling import EndTokenPooling
from kclip.layers.fc_adapter import FCAdapter
from kclip.layers.feed_forward import FeedForward
from kclip.layers.imagenet_preprocessing import ImagenetPreprocessing
from kclip.layers.logit_scale import LogitScale, MaxLogScale
from kclip.layers.ml_decoder import MLDecoder
from kclip.layers.mld_adapter import MLDAdapter
from kclip.layers.patch_embedding import PatchEmbedding
from kclip.layers.projection_head import ProjectionHead
from kclip.layers.similarity_logits import SimilarityLogits
from kclip.layers.transformer_block import TransformerBlock

__all__ = [
    "AttentionPooling",
    "BlurPool",
    "ClassQueries",
    "EndTokenPooling",
    "FCAdapter",
    "FeedForward",
    "ImagenetPreprocessing",
    "LogitScale",
    "MLDAdapter",
    "MLDecoder",
    "MaxLogScale",
    "PatchEmbedding",
    "ProjectionHead",
    "SimilarityLogits",
    "TransformerBlock",
]
