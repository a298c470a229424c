"""From a name or a folder to a text tower and its tokenizer."""

import json
from pathlib import Path

import keras_hub

from kclip.errors import UserError
from kclip.models.clip.huggingface_tokenizer import FILE, HuggingFaceTokenizer
from kclip.models.folder.presets import from_preset
from kclip.models.folder.serialized import Places
from kclip.models.pretrained.added_tokens import add_tokens
from kclip.models.pretrained.huggingface_text import load_huggingface_text_encoder
from kclip.models.pretrained.huggingface_text_config import text_family
from kclip.models.pretrained.json_files import read_object, read_object_if_there
from kclip.models.pretrained.keras_hub_cache import reachable_preset
from kclip.models.pretrained.sentence_transformers import own_pooling
from kclip.models.towers.text_encoder import BERT_SIZES, TextEncoder
from kclip.models.towers.text_families import TEXT_FAMILIES
from kclip.reading import in_one_sentence

# KerasHub's presets of BERT and ALBERT were converted with the approximation.
_KERAS_HUB_TANH = ("bert", "albert")
# What else a local folder of such a preset may name.
_PARTS = ("TextClassifier", "TextClassifierPreprocessor", "MaskedLM", "MaskedLMPreprocessor")
_TOKENIZERS = {
    "bert": keras_hub.models.BertTokenizer,
    "roberta": keras_hub.models.RobertaTokenizer,
    "xlm_roberta": keras_hub.models.XLMRobertaTokenizer,
    "distil_bert": keras_hub.models.DistilBertTokenizer,
    "albert": keras_hub.models.AlbertTokenizer,
    "deberta_v3": keras_hub.models.DebertaV3Tokenizer,
}


def load_text_encoder(backbone, pooling=None, dtype="float32", **options):
    """A text tower with the weights that it names, and the tokenizer that goes with it.

    Args:
        backbone: string. A Hugging Face or sentence-transformers folder of one of the families of
            `TEXT_FAMILIES`, a preset of KerasHub by its name, or a folder with such a preset.
        pooling: "mean", "cls" or "first"; None: that of a sentence-transformers folder, else mean.
        dtype: dtype policy.
        **options: further arguments of `TextEncoder`, such as `name`.

    Raises:
        UserError: the name is unknown, the folder is of another kind or damaged, or there is no
            tokenizer.

    Example:
    >>> encoder, tokenizer = load_text_encoder("all-MiniLM-L6-v2")
    >>> encoder.family, encoder.pooling
    ('bert', 'mean')
    """
    folder = Path(backbone)
    if "model_type" in read_object_if_there(folder / "config.json"):
        pooling = pooling or own_pooling(folder) or "mean"
        encoder = load_huggingface_text_encoder(folder, pooling, dtype, **options)
        return encoder, read_text_tokenizer(folder)
    return _from_keras_hub(backbone, pooling or "mean", dtype=dtype, **options)


def read_text_tokenizer(folder):
    """The tokenizer of a Hugging Face folder: BERT's `vocab.txt`, or `tokenizer.json`.

    Raises:
        UserError: the folder holds neither, or a file is damaged.
    """
    config = read_object(Path(folder) / "config.json")
    is_bert = text_family(folder, config) == "bert"
    if is_bert and (Path(folder) / "vocab.txt").is_file():
        return _bert_tokenizer(folder)
    if not (Path(folder) / FILE).is_file():
        raise UserError(
            f"{str(folder)!r} holds no {'vocab.txt and no ' * is_bert}{FILE}; load its tokenizer "
            "with transformers' AutoTokenizer and save it there, which writes that file"
        )
    definition = read_object(Path(folder) / FILE)
    with in_one_sentence(f"{FILE} in {str(folder)!r}", "download it again"):
        add_tokens(Path(folder), definition)
        padding = config.get("pad_token_id") or 0
        return HuggingFaceTokenizer(
            json.dumps(definition), pad_token_id=padding, num_embeddings=config["vocab_size"]
        )


def _bert_tokenizer(folder):
    """KerasHub's, which runs in a graph too and can be exported with the model."""
    with in_one_sentence(f"the tokenizer in {str(folder)!r}", "download it again"):
        return _word_pieces(folder)


def _word_pieces(folder):
    config = read_object_if_there(Path(folder) / "tokenizer_config.json")
    lowercase = config.get("do_lower_case", True)
    accents = config.get("strip_accents")
    # Hugging Face's lower-casing strips accents, KerasHub's keeps them unless told otherwise.
    accents = lowercase if accents is None else accents
    words = (Path(folder) / "vocab.txt").read_text(encoding="utf-8").rstrip("\r\n").split("\n")
    return keras_hub.models.BertTokenizer(
        [word.rstrip("\r") for word in words], lowercase=lowercase, strip_accents=accents
    )


def _from_keras_hub(preset, pooling, **options):
    family = _keras_hub_family(preset)
    gelu = "tanh" if family in _KERAS_HUB_TANH else "exact"
    if pooling == "cls" and family not in _KERAS_HUB_TANH:
        raise UserError(
            f"KerasHub's {family} {preset!r} has no pooler, which --text.pooling cls takes; give "
            "mean or first"
        )
    backbone_class, root = TEXT_FAMILIES[family].backbone, f"keras_hub>{_root(family)}"
    classes = {"config.json": {f"{root}Backbone"}, "tokenizer.json": {f"{root}Tokenizer"}}
    places = Places(classes, unread={f"{root}{part}" for part in _PARTS})
    with in_one_sentence(f"the text backbone {preset!r}", "without network, give a folder"):
        source = reachable_preset(preset)
        tokenizer = from_preset(_TOKENIZERS[family], source, places)
        backbone = from_preset(backbone_class, source, places, dtype="float32")
    return TextEncoder.from_backbone(backbone, gelu, pooling, **options), tokenizer


def _root(family):
    return TEXT_FAMILIES[family].backbone.__name__.removesuffix("Backbone")


def _keras_hub_family(name):
    """The family of a preset, before anything of it is built."""
    config = read_object_if_there(Path(name) / "config.json")
    for family in _TOKENIZERS:
        backbone = TEXT_FAMILIES[family].backbone
        if config.get("registered_name") == f"keras_hub>{backbone.__name__}":
            return family
        if not config and name in backbone.presets:
            return family
    raise UserError(
        f"there is no text backbone {name!r}; give a Hugging Face folder (config.json, "
        f"model.safetensors, tokenizer.json or vocab.txt), a size ({', '.join(BERT_SIZES)}), or a "
        f"KerasHub preset of {', '.join(_TOKENIZERS)}, such as bert_base_en_uncased"
    )
