"""The layers of CLIP-Decoder's head, and which settings of it fit each other."""

import keras

from kclip.errors import UserError
from kclip.layers.ml_decoder import MLDecoder
from kclip.layers.similarity_logits import SimilarityLogits
from kclip.models.dual_encoder.heads import make_head
from kclip.models.towers.spatial_encoder import SpatialEncoder

HEADS = ("zero_shot", "full", "grouped")
# The names of the layers, which models over other classes share.
DECODER_LAYERS = (
    "spatial_encoder",
    "map_standardization",
    "decoder",
    "alignment",
    "alignment_output",
    "similarity",
)
_DECODER_SETTINGS = ("num_groups", "dim", "num_heads", "intermediate_dim", "dropout")
_ALIGNMENT_SETTINGS = ("dropout", "feature_dropout", "standardize")


def decoder_layers(image_encoder, num_classes, settings, dtype):
    """Builds all layers but the image tower, the queries and the logit scale.

    Args:
        image_encoder: an image tower.
        num_classes: int.
        settings: dict, the `settings` of a `MultiLabelClassifier`.
        dtype: dtype policy of the decoder and the projection.

    Returns:
        A dict of `DECODER_LAYERS` to layers; None where the settings ask for none.
    """
    return {
        "spatial_encoder": SpatialEncoder(image_encoder, name="spatial_encoder"),
        # Given its statistics once, by `standardize_maps`; until then it changes nothing.
        "map_standardization": keras.layers.BatchNormalization(
            center=False,
            scale=False,
            epsilon=1e-6,
            trainable=False,
            dtype="float32",
            name="map_standardization",
        ),
        "decoder": _decoder(num_classes, settings, dtype),
        **_alignment(image_encoder, settings, dtype),
    }


def check_head(settings):
    """Raises a `UserError` where settings of the head do not fit each other."""
    head, query_dim, num_groups, alignment_dim = (
        settings[name] for name in ("head", "query_dim", "num_groups", "alignment_dim")
    )
    if head not in HEADS:
        raise UserError(f"head={head!r} is unknown; choose from {', '.join(HEADS)}")
    if (query_dim is not None) != (head == "zero_shot"):
        raise UserError(
            f"query_dim={query_dim} came for head={head!r}; give it with zero_shot, leave it else"
        )
    if (num_groups is not None) != (head == "grouped"):
        raise UserError(
            f"num_groups={num_groups} came for head={head!r}; give it with grouped, leave it else"
        )
    if settings["similarity_logits"] and (head != "zero_shot" or query_dim != alignment_dim):
        raise UserError(
            f"similarity_logits came for head={head!r}, query_dim={query_dim} and "
            f"alignment_dim={alignment_dim}; they want zero_shot and equal widths, or leave them"
        )


def _decoder(num_classes, settings, dtype):
    zero_shot = settings["head"] == "zero_shot"
    return MLDecoder(
        num_classes=None if zero_shot else num_classes,
        queries="text" if zero_shot else "learned",
        **{name: settings[name] for name in _DECODER_SETTINGS},
        dtype=dtype,
        name="decoder",
    )


def _alignment(image_encoder, settings, dtype):
    """Projection of the tower's features, its unit length, and the cosines as logits."""
    alignment = output = similarity = None
    if settings["alignment_dim"]:
        alignment = make_head(
            settings["alignment_head"],
            image_encoder,
            settings["alignment_dim"],
            "alignment",
            dtype,
            **{name: settings[name] for name in _ALIGNMENT_SETTINGS},
        )
        # Float32 on purpose: half precision cannot hold a unit vector's length.
        output = keras.layers.UnitNormalization(dtype="float32", name="image_embeddings")
    if settings["similarity_logits"]:
        similarity = SimilarityLogits(name="similarity")
    return {"alignment": alignment, "alignment_output": output, "similarity": similarity}
