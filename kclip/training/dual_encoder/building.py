"""From a config to a model and its preprocessor."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras_hub

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.losses import ContrastiveLoss, SigmoidLoss
from kclip.models import DualEncoder, DualEncoderPreprocessor, TextEncoder
from kclip.models.folder.downloads import in_one_sentence
from kclip.models.folder.preset_model import tower_dtype
from kclip.models.towers.text_encoder import SIZES
from kclip.training.common.train_modes import build_image_encoder, train_tower

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
    image_encoder = build_image_encoder(image, dtype)
    text_encoder, tokenizer = _build_text(
        text, captions, tower_dtype(dtype, frozen=not text.trained)
    )
    train_tower(text_encoder, text.train)
    model = DualEncoder(
        image_encoder,
        text_encoder,
        projection_dim=objective.projection_dim,
        dropout=objective.dropout,
        image_feature_dropout=objective.image_feature_dropout,
        text_feature_dropout=objective.text_feature_dropout,
        standardize=objective.standardize,
        normalize=objective.loss != "soft",
        dtype=dtype,
        **_LOGIT_SCALES[objective.loss],
    )
    preprocessor = DualEncoderPreprocessor(
        tokenizer,
        image_encoder.image_size,
        sequence_length=text.sequence_length,
        resize=image.resize,
        mirror=image.mirror,
    )
    return model, preprocessor


def build_loss(objective: Objective) -> ContrastiveLoss | SigmoidLoss:
    """The loss that a config names."""
    if objective.loss == "sigmoid":
        return SigmoidLoss()
    return ContrastiveLoss(objective.loss, objective.label_smoothing)


def _build_text(text: TextTower, captions: Iterable[str], dtype: str) -> tuple[Any, Any]:
    options = {"pooling": text.pooling, "dtype": dtype, "name": "text_encoder"}
    if text.backbone in SIZES:
        vocabulary = learn_vocabulary(captions, text.vocabulary_size)
        tokenizer = keras_hub.models.BertTokenizer(vocabulary, lowercase=True, strip_accents=True)
        encoder = TextEncoder.from_size(
            text.backbone, len(vocabulary), dropout=text.dropout, **options
        )
        return encoder, tokenizer
    from_hugging_face = (Path(text.backbone) / "model.safetensors").is_file()
    bert, tokenizer = _load_bert(text.backbone, from_hugging_face)
    gelu = "exact" if from_hugging_face else "tanh"
    return TextEncoder.from_bert(bert, gelu=gelu, **options), tokenizer


def _load_bert(name: str, from_hugging_face: bool) -> tuple[Any, Any]:
    if not from_hugging_face and name not in keras_hub.models.BertBackbone.presets:
        raise UserError(
            f"there is no text backbone {name!r}; give a folder with config.json, vocab.txt and "
            f"model.safetensors, a size ({', '.join(SIZES)}), or a KerasHub preset "
            f"({', '.join(sorted(keras_hub.models.BertBackbone.presets))})"
        )
    # KerasHub keeps accents unless told otherwise; Hugging Face's lower-casing strips them.
    options = {"strip_accents": True} if from_hugging_face else {}
    with in_one_sentence(f"the text backbone {name!r}", "without network, give a folder"):
        tokenizer = keras_hub.models.BertTokenizer.from_preset(name, **options)
        return keras_hub.models.BertBackbone.from_preset(name, dtype="float32"), tokenizer


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
