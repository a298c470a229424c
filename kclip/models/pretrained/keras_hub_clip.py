"""KerasHub's CLIP and SigLIP, as its presets hold them."""

import numpy as np
from keras import ops

from kclip.errors import UserError
from kclip.models.clip.clip import CLIP
from kclip.models.clip.clip_tokenizer import ClipTokenizer
from kclip.models.clip.siglip_tokenizer import SiglipTokenizer

_ACTIVATIONS = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_approximate": "gelu_tanh",
}


def from_keras_hub(backbone, dtype="float32"):
    """A `CLIP` with the weights of KerasHub's backbone.

    It computes what KerasHub's does, but for the epsilon of CLIP's last text norm: 1e-5 as OpenAI
    trained it, where KerasHub has 1e-6.

    Args:
        backbone: `keras_hub.models.CLIPBackbone` or `SigLIPBackbone`.
        dtype: dtype policy of the model.

    Returns:
        `kclip.models.CLIP`.

    Raises:
        UserError: an activation is none that kclip knows.

    Example:
    >>> backbone = keras_hub.models.CLIPBackbone.from_preset("runs/keras_hub_clip")
    >>> model = from_keras_hub(backbone)
    """
    image, text = backbone.vision_encoder, backbone.text_encoder
    siglip = hasattr(backbone, "siglip_head")
    head = backbone.siglip_head if siglip else backbone.clip_head
    epsilon = image.layer_norm_epsilon if siglip else 1e-5
    model = CLIP(
        "siglip" if siglip else "clip",
        _tower(image, epsilon),
        _tower(text, epsilon),
        image_size=image.image_shape[0],
        patch_size=image.patch_size,
        vocabulary_size=text.vocabulary_size,
        sequence_length=text.max_sequence_length,
        projection_dim=text.projection_dim if siglip else backbone.projection_dim,
        initial_bias=-10.0 if siglip else None,
        dtype=dtype,
        **({"mean": (0.5,) * 3, "std": (0.5,) * 3} if siglip else {}),
    )
    _fill_image(model, backbone, siglip)
    _fill_text(model, backbone, siglip)
    _assign(model.logit_scale.log_scale, head.logit_scale)
    if siglip:
        _assign(model.logit_scale.bias, head.logit_bias)
    return model


def tokenizer_from_keras_hub(tokenizer):
    """Kclip's tokenizer with the vocabulary of `keras_hub.models.CLIPTokenizer` or SigLIP's.

    Raises:
        UserError: the vocabulary is SigLIP 2's.
    """
    if hasattr(tokenizer, "merges"):
        # "#version" is no rule, though KerasHub keeps it among them.
        merges = [merge for merge in tokenizer.merges if not merge.startswith("#version")]
        return ClipTokenizer(
            tokenizer.vocabulary, merges, pad_with_end_token=tokenizer.pad_with_end_token
        )
    if {"<bos>", "<eos>"} <= set(tokenizer.get_vocabulary()):
        raise UserError(
            "the KerasHub preset is a SigLIP 2, which ends texts with <eos> and fills them up with "
            "<pad>, where KerasHub's tokenizer has </s> for both; give the model's Hugging Face "
            "folder or name instead"
        )
    return SiglipTokenizer(tokenizer.proto)


def _tower(encoder, epsilon):
    activation = encoder.intermediate_activation
    if activation not in _ACTIVATIONS:
        raise UserError(
            f"the KerasHub model uses the activation {activation!r}; kclip knows "
            f"{', '.join(_ACTIVATIONS)}"
        )
    return {
        "hidden_dim": encoder.hidden_dim,
        "num_layers": encoder.num_layers,
        "num_heads": encoder.num_heads,
        "intermediate_dim": encoder.intermediate_dim,
        "activation": _ACTIVATIONS[activation],
        "epsilon": epsilon,
    }


def _fill_image(model, backbone, siglip):
    encoder, ours = backbone.vision_encoder, model.image_encoder.patch_embedding
    theirs = encoder.embedding
    _copy(theirs.patch_embedding, ours.projection)
    # KerasHub looks the positions up by a weight of indices.
    positions = ops.take(theirs.position_embedding.embeddings, theirs.position_ids[0], axis=0)
    _assign(ours.positions, positions)
    _fill_blocks(encoder.encoder_layers, model.image_encoder.transformer_blocks, siglip)
    if siglip:
        _copy(encoder.post_layer_norm, model.image_encoder.output_norm)
        _fill_attention_pooling(encoder.head, model.image_encoder.pooling)
    else:
        _assign(ours.class_token, theirs.class_embedding)
        _copy(encoder.pre_layer_norm, model.image_encoder.input_norm)
        _copy(encoder.layer_norm, model.image_encoder.output_norm)
        _copy(backbone.vision_projection, model.image_projection)


def _fill_text(model, backbone, siglip):
    encoder, ours = backbone.text_encoder, model.text_encoder.token_embedding
    theirs = encoder.embedding
    _assign(ours.token_embedding.embeddings, theirs.token_embedding.embeddings)
    positions = theirs.position_embedding
    table = positions.embeddings if siglip else positions.position_embeddings
    if siglip:
        table = ops.take(table, theirs.position_ids[0], axis=0)
    _assign(ours.position_embedding.position_embeddings, table)
    _fill_blocks(encoder.encoder_layers, model.text_encoder.transformer_blocks, siglip)
    _copy(encoder.post_layer_norm if siglip else encoder.layer_norm, model.text_encoder.output_norm)
    _copy(encoder.head if siglip else backbone.text_projection, model.text_projection)


def _fill_blocks(theirs, ours, siglip):
    for source, block in zip(theirs, ours, strict=True):
        attention = source.self_attn if siglip else source.attention
        first, second = (
            (source.layer_norm1, source.layer_norm2)
            if siglip
            else (source.layer_norm_1, source.layer_norm_2)
        )
        inner, outer = (
            (source.mlp.fc1, source.mlp.fc2) if siglip else (source.dense_1, source.dense_2)
        )
        _copy(first, block.norm)
        parts = [attention.query_dense, attention.key_dense, attention.value_dense]
        _join(parts, block.query_key_value)
        _join([attention.output_dense], block.attention_output)
        _fill_feed_forward(second, inner, outer, block.feed_forward)


def _fill_attention_pooling(theirs, ours):
    attention = theirs.attention
    _assign(ours.probe, theirs.probe[0])
    _join([attention.query_dense], ours.query)
    _join([attention.key_dense, attention.value_dense], ours.key_value)
    _join([attention.output_dense], ours.attention_output)
    _fill_feed_forward(theirs.layer_norm, theirs.mlp.fc1, theirs.mlp.fc2, ours.feed_forward)


def _fill_feed_forward(norm, inner, outer, ours):
    _copy(norm, ours.norm)
    _copy(inner, ours.inner)
    _copy(outer, ours.outer)


def _join(parts, dense):
    """Several projections with axes for the heads into one without."""
    dim = dense.kernel.shape[0]
    kernels = [np.reshape(ops.convert_to_numpy(part.kernel), (dim, -1)) for part in parts]
    dense.kernel.assign(np.concatenate(kernels, axis=1))
    dense.bias.assign(np.concatenate([ops.convert_to_numpy(part.bias).ravel() for part in parts]))


def _assign(variable, value):
    # By a copy: in JAX both would hold one array, which the first to run frees.
    variable.assign(np.array(ops.convert_to_numpy(value)))


def _copy(theirs, ours):
    ours.set_weights(theirs.get_weights())
