"""From a config to a model and its preprocessor."""

from collections.abc import Iterable

import keras_hub

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.inference.towers import OpenedTextTower, open_text_tower
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import DualEncoder, DualEncoderPreprocessor, TextEncoder
from kclip.models.folder.preset_model import tower_dtype
from kclip.models.towers.text_encoder import BERT_SIZES
from kclip.training.common.train_modes import build_image_tower, prepare_tower

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Scale and bias that each loss starts from, and whether it learns them.
_LOGIT_SCALES = {
    "hard": {"initial_scale": 1 / 0.07},
    "multi_positive": {"initial_scale": 1 / 0.07},
    "soft": {"initial_scale": 1 / 0.05, "train_scale": False},
    "sigmoid": {"initial_scale": 10.0, "initial_bias": -10.0},
}


def build_dual_encoder(
    image: ImageTower,
    text: TextTower,
    objective: Objective,
    captions: Iterable[str],
    dtype: str = "float32",
) -> tuple[DualEncoder, DualEncoderPreprocessor]:
    """Builds a dual encoder with the weights that its towers name.

    Args:
        image: the image tower's config.
        text: the text tower's config.
        objective: the config of heads and loss.
        captions: the training captions, read only where a vocabulary is learned from them.
        dtype: dtype policy of the heads and of the towers that are trained; frozen towers are
            float32.

    Returns:
        The model, and the preprocessor that goes with it.

    Raises:
        UserError: a name is unknown, weights do not fit, or a preset cannot be reached.
    """
    _check_heads(objective)
    image_tower = build_image_tower(image, dtype)
    opened = _open_text(text, captions, tower_dtype(dtype, frozen=not text.trained))
    text_encoder = opened.encoder
    prepare_tower(text_encoder, text)
    model = DualEncoder(
        image_tower.encoder,
        text_encoder,
        projection_dim=objective.projection_dim,
        image_head=objective.head,
        text_head=objective.head,
        dropout=objective.dropout,
        image_feature_dropout=objective.image_feature_dropout,
        text_feature_dropout=objective.text_feature_dropout,
        standardize=objective.standardize,
        normalize=objective.loss != "soft",
        dtype=dtype,
        **_LOGIT_SCALES[objective.loss],
    )
    preprocessor = DualEncoderPreprocessor(
        opened.tokenizer,
        image_tower.encoder.image_size,
        sequence_length=opened.sequence_length or text.sequence_length,
        resize=image_tower.resize,
        mirror=image.mirror,
        token_inputs=tuple(text_encoder.new_inputs()),
    )
    return model, preprocessor


def build_loss(objective: Objective) -> ContrastiveLoss | SigmoidLoss:
    """The loss that a config names."""
    if objective.loss == "sigmoid":
        return SigmoidLoss()
    return ContrastiveLoss(objective.loss, objective.label_smoothing)


def _check_heads(objective: Objective) -> None:
    if objective.head == "mlp":
        return
    for name in ("image_feature_dropout", "text_feature_dropout", "standardize"):
        if value := getattr(objective, name):
            raise UserError(
                f"--objective.{name.replace('_', '-')} {value} is for heads of kind mlp; leave it "
                f"out, or --objective.head {objective.head}"
            )


def _open_text(text: TextTower, captions: Iterable[str], dtype: str) -> OpenedTextTower:
    if text.backbone in BERT_SIZES:
        vocabulary = learn_vocabulary(captions, text.vocabulary_size)
        tokenizer = keras_hub.models.BertTokenizer(vocabulary, lowercase=True, strip_accents=True)
        encoder = TextEncoder.from_size(
            text.backbone,
            len(vocabulary),
            dropout=text.dropout,
            pooling=text.pooling or "mean",
            dtype=dtype,
            name="text_encoder",
        )
        return OpenedTextTower(encoder, tokenizer)
    opened = open_text_tower(text.backbone, text.pooling, dtype)
    _check_length(text, opened)
    return opened


def _check_length(text: TextTower, opened: OpenedTextTower) -> None:
    if opened.sequence_length is not None:
        return
    most = opened.encoder.numbers["max_sequence_length"]
    if text.sequence_length > most:
        raise UserError(
            f"--text.sequence-length is {text.sequence_length}, but {text.backbone!r} reads at "
            f"most {most} tokens; give {most} or less"
        )


def learn_vocabulary(captions: Iterable[str], size: int) -> list[str]:
    """Learns a WordPiece vocabulary, BERT's special tokens first.

    Args:
        captions: any number of texts.
        size: int. Largest number of entries.
    """
    import tensorflow as tf

    texts = tf.data.Dataset.from_tensor_slices(list(captions)).batch(1024)
    return keras_hub.tokenizers.compute_word_piece_vocabulary(
        texts,
        vocabulary_size=size,
        lowercase=True,
        strip_accents=True,
        reserved_tokens=SPECIAL_TOKENS,
    )
