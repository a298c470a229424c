"""Two towers and a matrix each as transformers' VisionTextDualEncoder."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kclip.errors import UserError
from kclip.export.huggingface.images import pair_image_config
from kclip.export.huggingface.pair_config import pair_config
from kclip.export.huggingface.pair_tokenizer import pair_tokenizer
from kclip.export.huggingface.parts import FolderParts
from kclip.models import DualEncoderPreprocessor, TextEncoder
from kclip.models.clip.clip_image_encoder import ClipImageEncoder
from kclip.models.pretrained.huggingface_clip_tensors import image_tower_tensors
from kclip.models.pretrained.huggingface_text_config import first_position
from kclip.models.pretrained.huggingface_text_tensors import (
    POSITIONS,
    TOKEN_TYPES,
    position_embeddings,
    reads_segments,
    text_tensors,
)
from kclip.models.pretrained.huggingface_vit_tensors import vit_tensors

_OTHER_FORMATS = "give --format onnx, litert or saved_model, which take every model"
_RESIZED = (
    "kclip resizes images by another implementation of bicubic interpolation, whose pixels can "
    "differ by one level of 255."
)
_MIRRORED = (
    "In kclip an image's embedding is the mean of its own and its mirror image's; here it is its "
    "own."
)


def pair_parts(model: Any, preprocessor: DualEncoderPreprocessor, name: str) -> FolderParts:
    """The folder of a `DualEncoder` that transformers has the parts for.

    They are an image tower of CLIP, SigLIP, ViT, DeiT or DINOv2, a text tower of BERT, RoBERTa,
    XLM-RoBERTa, ALBERT or MPNet with its pooler, and heads of one matrix each.

    Args:
        model: the dual encoder, in float32.
        preprocessor: of the model.
        name: what messages call the model.

    Raises:
        UserError: it is made of something else.
    """
    if reason := _why_not(model):
        raise UserError(f"{name!r} cannot become a folder of transformers: {reason}")
    definition, tokenizer_config, ids = pair_tokenizer(preprocessor)
    files = {
        "config.json": pair_config(model, ids),
        "preprocessor_config.json": pair_image_config(model, preprocessor),
        "tokenizer.json": definition,
        "tokenizer_config.json": tokenizer_config,
    }
    notes = [_RESIZED, *([_MIRRORED] if preprocessor.mirror else [])]
    return FolderParts(files, dict(_tensors(model, ids)), notes)


def _why_not(model: Any) -> str | None:
    """What of a dual encoder does not fit transformers' class, and what to do."""
    heads, text = model.heads, model.text_encoder
    kinds = {heads["image_head"], heads["text_head"]} - {"linear"}
    if kinds:
        return (
            f"its heads ({', '.join(sorted(kinds))}) are not the one matrix a side of "
            "VisionTextDualEncoder; train with --objective.head linear, or " + _OTHER_FORMATS
        )
    if not isinstance(model.image_encoder, ClipImageEncoder):
        return (
            f"its image tower ({model.image_encoder.backbone_name}) is none of those that kclip "
            "writes for it, which are CLIP's, SigLIP's, ViT, DeiT and DINOv2; " + _OTHER_FORMATS
        )
    if not isinstance(text, TextEncoder) or text.pooling != "cls":
        pooling = getattr(text, "pooling", "another tower's")
        return (
            f"its texts are pooled by {pooling!r}, and VisionTextDualEncoder takes the text "
            "tower's own pooler; train with --text.pooling cls, or " + _OTHER_FORMATS
        )
    if not heads["normalize"] or model.logit_scale.bias is not None:
        return (
            "it was trained by the loss soft or sigmoid, whose scores VisionTextDualEncoder does "
            "not compute; " + _OTHER_FORMATS
        )
    return None


def _tensors(model: Any, ids: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    for tensor in _image_tensors(model.image_encoder):
        yield f"vision_model.{tensor.name}", tensor.array()
    yield from _unused(model.image_encoder)
    for tensor in text_tensors(model.text_encoder):
        yield f"text_model.{tensor.name}", tensor.array()
    yield from _text_positions(model.text_encoder, ids)
    for side, layer in (("visual", model.image_projection), ("text", model.text_projection)):
        yield f"{side}_projection.weight", np.array(np.asarray(layer.kernel).T, order="C")
    yield "logit_scale", np.asarray(model.logit_scale.log_scale, np.float32)


def _image_tensors(encoder: ClipImageEncoder) -> Iterator[Any]:
    vit = encoder.numbers["architecture"] == "vit"
    return vit_tensors(encoder) if vit else image_tower_tensors(encoder)


def _unused(encoder: ClipImageEncoder) -> Iterator[tuple[str, np.ndarray]]:
    """What transformers' classes have besides, of values that change nothing."""
    width = encoder.feature_dim
    if encoder.numbers["tower"].get("layer_scale"):  # DINOv2: for masks in its own training
        yield "vision_model.embeddings.mask_token", np.zeros((1, width), np.float32)
    elif encoder.numbers["architecture"] == "vit":  # with `pooler_act` "linear"
        yield "vision_model.pooler.dense.weight", np.eye(width, dtype=np.float32)
        yield "vision_model.pooler.dense.bias", np.zeros(width, np.float32)


def _text_positions(encoder: Any, ids: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    rows = np.asarray(position_embeddings(encoder), np.float32)
    before = first_position(encoder.family, ids)
    yield f"text_model.{POSITIONS}", np.pad(rows, ((before, 0), (0, 0)))
    if encoder.family in ("roberta", "xlm_roberta") and not reads_segments(encoder):
        # Its one row is in the positions already.
        yield f"text_model.{TOKEN_TYPES}", np.zeros((1, rows.shape[1]), np.float32)
