"""What a multi-label classifier is made from: an image tower, and a source of its queries."""

from collections.abc import Sequence
from dataclasses import dataclass

from kclip.config.clip_decoder import DecoderHead
from kclip.config.towers import ImageTower
from kclip.errors import UserError
from kclip.inference.loading import load_model, refuse_export
from kclip.models import DualEncoder, MultiLabelClassifier
from kclip.models.folder.preset_model import tower_dtype
from kclip.models.towers.image_tower import ImageTowerModel
from kclip.multilabel.queries.query_sources import PromptQueries, QuerySource, load_query_source
from kclip.training.common.mixing import mix_weights
from kclip.training.common.train_modes import build_image_tower, prepare_tower


@dataclass(frozen=True)
class DecoderTowers:
    """An image tower and what goes with it.

    Args:
        image_encoder: of any family.
        resize: "squash" or "crop", how images come to its size.
        mirror: whether an image is recognized together with its mirror image.
        source: what embeds class names and label sentences, or None.
        has_sentences: whether the source embeds sentences, as word vectors do not.
        dual_encoder: the one that image tower and source are of; its projection and logit scale
            are what alignment starts from. None for a random start.
    """

    image_encoder: ImageTowerModel
    resize: str
    mirror: bool
    source: QuerySource | None
    has_sentences: bool
    dual_encoder: DualEncoder | None = None


def open_towers(
    model: str | None,
    image: ImageTower,
    queries: str | None,
    templates: Sequence[str],
    dtype: str,
) -> DecoderTowers:
    """Loads or builds the towers.

    Args:
        model: a dual encoder as `kclip.load` takes it, CLIP and SigLIP included, whose both towers
            are used; or None.
        image: the image tower's config; with `model`, only whether it is trained.
        queries: a query source; without it, `model`.
        templates: prompts with {} for the class name.
        dtype: dtype policy of a tower that is trained; a frozen one is float32.

    Raises:
        UserError: something is missing, unknown, or of another kind.
    """
    name = queries or model
    source = load_query_source(name, templates) if name else None
    has_sentences = isinstance(source, PromptQueries)
    if model is None:
        tower = build_image_tower(image, dtype)
        return DecoderTowers(tower.encoder, tower.resize, image.mirror, source, has_sentences)
    refuse_export(model)
    dtype = tower_dtype(dtype, frozen=not image.trained)
    dual_encoder, preprocessor = load_model(model, dtype)
    encoder = _with_dtype(dual_encoder.image_encoder, dtype)
    prepare_tower(encoder, image)
    start = None if queries else dual_encoder
    how = (preprocessor.resize_mode, preprocessor.mirror)
    return DecoderTowers(encoder, *how, source, has_sentences, start)


def build_classifier(
    towers: DecoderTowers,
    class_names: Sequence[str],
    head: DecoderHead,
    align: bool,
    dtype: str,
) -> MultiLabelClassifier:
    """Builds the classifier that is trained, over the classes that have labels.

    Args:
        towers: of `open_towers`.
        class_names: C seen classes.
        head: the config of the head.
        align: whether there is an alignment loss.
        dtype: dtype policy of the head.

    Raises:
        UserError: head and source do not fit each other.
    """
    source = towers.source
    if source is None and (head.kind == "zero_shot" or align):
        what = "a zero_shot head asks by" if head.kind == "zero_shot" else "the alignment needs"
        raise UserError(
            f"{what} embeddings of texts, and nothing gives them; give --queries or --model"
            + ("" if head.kind == "zero_shot" else ", or --objective.alpha 0")
        )
    similarity = head.kind == "zero_shot" and head.similarity and towers.has_sentences
    start = towers.dual_encoder
    model = MultiLabelClassifier(
        towers.image_encoder,
        list(class_names),
        head=head.kind,
        query_dim=source.dim if source and head.kind == "zero_shot" else None,
        num_groups=head.num_groups,
        alignment_dim=source.dim if source and (align or similarity) else None,
        alignment_head=start.heads["image_head"] if start else "mlp",
        similarity_logits=similarity,
        feature_dropout=head.feature_dropout,
        standardize=start is None or start.standardize,
        dim=head.dim,
        num_heads=head.num_heads,
        intermediate_dim=head.intermediate_dim,
        dropout=head.dropout,
        resize=towers.resize,
        mirror=towers.mirror,
        dtype=dtype,
    )
    if model.alignment is not None and start is not None:
        model.alignment.set_weights(start.image_projection.get_weights())
        if start.standardize and not towers.image_encoder.trainable:
            model.alignment.standardization.trainable = False
        model.logit_scale.log_scale.assign(start.logit_scale.log_scale)
    if source and head.kind == "zero_shot":
        model.set_queries(source.embed_classes(class_names))
    return model


def interpolate_alignment(
    model: MultiLabelClassifier, towers: DecoderTowers, fraction: float
) -> None:
    """Takes the alignment's weights part of the way back to the dual encoder's.

    What training taught for the seen classes costs some of what the dual encoder knew of others;
    see `mix_weights`.

    Args:
        model: trained.
        towers: what it was built from; without a dual encoder there is nothing to go back to.
        fraction: float in [0, 1], of the way from the dual encoder's weights to the trained ones.
    """
    if model.alignment is None or towers.dual_encoder is None:
        return
    start = towers.dual_encoder.image_projection.get_weights()
    trained = model.alignment.get_weights()
    model.alignment.set_weights(mix_weights(start, trained, fraction))


def _with_dtype(encoder: ImageTowerModel, dtype: str) -> ImageTowerModel:
    """The same tower under another policy; `load_model` keeps frozen ones in float32."""
    if encoder.dtype_policy.name == dtype:
        return encoder
    other = type(encoder).from_config({**encoder.get_config(), "dtype": dtype})
    other.set_weights(encoder.get_weights())
    return other
