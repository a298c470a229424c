"""BERT, RoBERTa, XLM-RoBERTa, DistilBERT, ALBERT, DeBERTa-v3 and MPNet as transformers keeps them.

KerasHub reads some of these folders, but wants names with the prefix of a model that has a head,
leaves out RoBERTa's token types, and has no MPNet; so their tensors are read here.
"""

from pathlib import Path

from kclip.errors import UserError
from kclip.models.pretrained.huggingface_text_config import (
    first_position,
    text_family,
    text_sizes,
)
from kclip.models.pretrained.huggingface_text_tensors import (
    POSITIONS,
    TOKEN_TYPES,
    position_embeddings,
    reads_segments,
    text_tensors,
)
from kclip.models.pretrained.json_files import read_object
from kclip.models.pretrained.safetensors_folder import SafetensorsFolder
from kclip.models.towers.text_encoder import TextEncoder
from kclip.models.towers.text_families import TEXT_FAMILIES

# Of models that were saved with what they were trained for.
_HEADS = (
    "classifier.",
    "cls.",
    "lm_head.",
    "lm_predictions.",
    "mask_predictions.",
    "pooler.",
    "pre_classifier.",
    "predictions.",
    "qa_outputs.",
    "sop_classifier.",
    "vocab_",
)


def load_huggingface_text_encoder(folder, pooling="mean", dtype="float32", **options):
    """Reads the text tower of a Hugging Face folder, without PyTorch.

    Args:
        folder: with `config.json`, and `model.safetensors` or its shards and their index.
        pooling: of the `TextEncoder`; "cls" takes the folder's own pooler.
        dtype: dtype policy.
        **options: further arguments of the `TextEncoder`, such as `name`.

    Raises:
        UserError: the model is of another kind, or a file is missing or damaged, or its tensors
            do not fit the config.

    Example:
    >>> encoder = load_huggingface_text_encoder("all-MiniLM-L6-v2", pooling="cls")
    >>> encoder.family, encoder.pooling
    ('bert', 'cls')
    """
    config = read_object(Path(folder) / "config.json")
    family = text_family(folder, config)
    if pooling == "cls" and not TEXT_FAMILIES[family].has_pooler:
        raise UserError(
            f"the model in {str(folder)!r} was trained without a pooler, which --text.pooling cls "
            "takes; give mean or first"
        )
    sizes = text_sizes(folder, family, config)
    with SafetensorsFolder(folder, anchor="embeddings.word_embeddings.weight") as tensors:
        with tensors.building():
            encoder = TextEncoder(**sizes, pooling=pooling, dtype=dtype, **options)
        for tensor in text_tensors(encoder):
            tensor.fill(tensors)
        _fill_positions(encoder, tensors, first_position(family, config))
        tensors.refuse_leftovers(known=("position_ids",), heads=_HEADS)
    return encoder


def _fill_positions(encoder, tensors, first_position):
    variable = position_embeddings(encoder)
    if variable is None:
        return
    length, dim = variable.shape
    rows = tensors.read(POSITIONS, (length + first_position, dim))[first_position:]
    if TOKEN_TYPES in tensors.names and not reads_segments(encoder):
        # RoBERTa adds the first row to every token, as it does the row of a position.
        rows = rows + tensors.read(TOKEN_TYPES, tensors.shape(TOKEN_TYPES))[0]
    variable.assign(rows)
