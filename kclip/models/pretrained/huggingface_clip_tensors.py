"""The tensors of CLIP and SigLIP by the names that transformers has for them."""

from kclip.models.pretrained.stored_tensor import StoredTensor, convolution, dense, norm, plain


def clip_tensors(model):
    """Yields every tensor of a `CLIP`, each a `StoredTensor`.

    Example:
    >>> tower = dict(hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=64)
    >>> tower |= dict(activation="quick_gelu", epsilon=1e-5)
    >>> model = CLIP("clip", tower, tower, image_size=32, patch_size=8, vocabulary_size=120,
    ...     sequence_length=16, projection_dim=16)
    >>> sum(tensor.name.endswith("q_proj.weight") for tensor in clip_tensors(model))
    4
    """
    siglip = model.numbers["architecture"] == "siglip"
    yield from image_tower_tensors(model.image_encoder, "vision_model.")
    if not siglip:
        yield from dense("visual_projection", model.image_projection)
    yield from _text_tensors(model, siglip)
    scalar = (1,) if siglip else ()
    yield plain("logit_scale", model.logit_scale.log_scale, shape=scalar)
    if model.logit_scale.bias is not None:
        yield plain("logit_bias", model.logit_scale.bias, shape=scalar)


def image_tower_tensors(encoder, prefix=""):
    """Yields every tensor of a `ClipImageEncoder` of CLIP or SigLIP, as `clip_tensors`."""
    embedding = encoder.patch_embedding
    yield from convolution(f"{prefix}embeddings.patch_embedding", embedding.projection)
    yield plain(f"{prefix}embeddings.position_embedding.weight", embedding.positions)
    if encoder.pooling:
        yield from _attention_pooling(f"{prefix}head", encoder.pooling)
    else:
        yield plain(f"{prefix}embeddings.class_embedding", embedding.class_token)
        yield from norm(f"{prefix}pre_layrnorm", encoder.input_norm)
    yield from _blocks(prefix, encoder.transformer_blocks)
    yield from norm(f"{prefix}post_layernorm", encoder.output_norm)


def _text_tensors(model, siglip):
    encoder, side = model.text_encoder, "text_model"
    tokens = encoder.token_embedding
    words, positions = tokens.token_embedding, tokens.position_embedding
    yield plain(f"{side}.embeddings.token_embedding.weight", words.embeddings)
    yield plain(f"{side}.embeddings.position_embedding.weight", positions.position_embeddings)
    yield from _blocks(f"{side}.", encoder.transformer_blocks)
    yield from norm(f"{side}.final_layer_norm", encoder.output_norm)
    yield from dense(f"{side}.head" if siglip else "text_projection", model.text_projection)


def _blocks(before, blocks):
    for number, block in enumerate(blocks):
        prefix = f"{before}encoder.layers.{number}"
        dim = block.attention_output.kernel.shape[0]
        yield from norm(f"{prefix}.layer_norm1", block.norm)
        for place, part in enumerate("qkv"):
            third = slice(place * dim, (place + 1) * dim)
            name = f"{prefix}.self_attn.{part}_proj"
            yield from dense(name, block.query_key_value, columns=third)
        yield from dense(f"{prefix}.self_attn.out_proj", block.attention_output)
        yield from _feed_forward(f"{prefix}.layer_norm2", f"{prefix}.mlp", block.feed_forward)


def _attention_pooling(prefix, head):
    attention = f"{prefix}.attention"
    yield plain(f"{prefix}.probe", head.probe, shape=(1, *head.probe.shape))
    # PyTorch has no point in these names: they are parameters, not layers.
    for tensor in dense("in_proj", head.query, head.key_value):
        name = tensor.name.replace(".", "_")
        yield StoredTensor(f"{attention}.{name}", tensor.parts, tensor.axes)
    yield from dense(f"{attention}.out_proj", head.attention_output)
    yield from _feed_forward(f"{prefix}.layernorm", f"{prefix}.mlp", head.feed_forward)


def _feed_forward(norm_name, mlp, layer):
    yield from norm(norm_name, layer.norm)
    yield from dense(f"{mlp}.fc1", layer.inner)
    yield from dense(f"{mlp}.fc2", layer.outer)
