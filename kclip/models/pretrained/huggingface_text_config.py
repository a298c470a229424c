"""The `config.json` of a text tower of transformers, as the arguments of a `TextEncoder`."""

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_clip import ACTIVATIONS
from kclip.models.pretrained.json_files import building_from_config
from kclip.models.towers.text_families import TEXT_FAMILIES

# `model_type` of config.json -> family.
MODEL_TYPES = {
    "bert": "bert",
    "roberta": "roberta",
    "camembert": "roberta",
    "xlm-roberta": "xlm_roberta",
    "distilbert": "distil_bert",
    "albert": "albert",
    "deberta-v2": "deberta_v3",
    "mpnet": "mpnet",
}
# Families whose first position stands behind that of the padding token.
_SHIFTED = ("roberta", "xlm_roberta", "mpnet")
# DistilBERT calls its sizes otherwise.
_DISTIL_BERT = {
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "hidden_dropout_prob": "dropout",
    "hidden_act": "activation",
}
# Family's argument -> key of config.json, and what a config that lacks the key means.
OWN_SIZES = {
    "num_segments": ("type_vocab_size", 2),
    "embedding_dim": ("embedding_size", 128),
    "num_groups": ("num_hidden_groups", 1),
    "num_inner_repetitions": ("inner_group_num", 1),
    "bucket_size": ("position_buckets", -1),
    "num_buckets": ("relative_attention_num_buckets", 32),
}
# What DeBERTa-v3's config says; other kinds of DeBERTa-v2 compute otherwise.
_DEBERTA_V3 = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}


def text_family(folder, config):
    """The family of a folder with such a `config.json`; raises a `UserError` for another kind."""
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in MODEL_TYPES:
        raise UserError(
            f"{str(folder)!r} holds {kind or 'something else'}, which is no text tower that kclip "
            f"reads; it reads {', '.join(MODEL_TYPES)}"
        )
    if kind == "deberta-v2":
        _check_deberta(folder, config)
    return MODEL_TYPES[kind]


def _check_deberta(folder, config):
    kinds = config.get("pos_att_type") or []
    kinds = kinds.split("|") if isinstance(kinds, str) else kinds
    said = {**config, "pos_att_type": sorted(kinds)}
    for name, value in _DEBERTA_V3.items():
        if said.get(name) != value:
            raise UserError(
                f"the DeBERTa in {str(folder)!r} has {name} {said.get(name)!r}; kclip reads "
                f"DeBERTa-v3, where it is {value!r}"
            )


def text_sizes(folder, family, config):
    """The arguments of a `TextEncoder` that a `config.json` gives.

    Raises:
        UserError: it lacks one, or has another activation than gelu.
    """
    if family == "distil_bert":
        config |= {name: config[own] for name, own in _DISTIL_BERT.items() if own in config}
    with building_from_config(folder):
        length = config["max_position_embeddings"] - first_position(family, config)
        return {
            "vocabulary_size": config["vocab_size"],
            "num_layers": config["num_hidden_layers"],
            "num_heads": config["num_attention_heads"],
            "hidden_dim": config["hidden_size"],
            "intermediate_dim": config["intermediate_size"],
            "dropout": config.get("hidden_dropout_prob", 0.1),
            "max_sequence_length": length,
            "sizes": {name: config.get(*OWN_SIZES[name]) for name in TEXT_FAMILIES[family].sizes},
            "family": family,
            "gelu": _gelu(folder, config),
            "epsilon": config.get("layer_norm_eps", 1e-12),
        }


def first_position(family, config):
    """Rows of the position embeddings that stand before a text's first token."""
    if family not in _SHIFTED:
        return 0
    padding = config.get("pad_token_id")
    return 2 if padding is None else padding + 1


def _gelu(folder, config):
    activation = config.get("hidden_act", "gelu")
    known = {"gelu": "exact", "gelu_tanh": "tanh"}
    found = known.get(ACTIVATIONS.get(activation, ""))
    if found is None:
        raise UserError(
            f"the model in {str(folder)!r} uses the activation {activation!r}; kclip reads text "
            "towers with gelu, gelu_new or gelu_pytorch_tanh"
        )
    return found
