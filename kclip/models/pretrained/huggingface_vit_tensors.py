"""The tensors of ViT, DeiT and DINOv2 by the names that transformers has for them."""

from kclip.models.pretrained.stored_tensor import convolution, dense, norm, plain

# What a block's tensors are called, after "encoder.layer.N.".
_NAMES = {
    "norm": "layernorm_before",
    "feed_forward_norm": "layernorm_after",
    "inner": "intermediate.dense",
    "outer": "output.dense",
}
_DINOV2_NAMES = {
    "norm": "norm1",
    "feed_forward_norm": "norm2",
    "inner": "mlp.fc1",
    "outer": "mlp.fc2",
}


def vit_tensors(encoder):
    """Yields every tensor of a `ClipImageEncoder` "vit", each a `StoredTensor`.

    Example:
    >>> tower = dict(hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=64)
    >>> tower |= dict(activation="gelu", epsilon=1e-12)
    >>> encoder = ClipImageEncoder("vit", tower, image_size=32, patch_size=8)
    >>> [tensor.name for tensor in vit_tensors(encoder)][2]
    'embeddings.cls_token'
    """
    embedding = encoder.patch_embedding
    yield from convolution("embeddings.patch_embeddings.projection", embedding.projection)
    learned = {
        "cls_token": embedding.class_token,
        "position_embeddings": embedding.positions,
        "distillation_token": getattr(embedding, "distillation_token", None),
        "register_tokens": getattr(embedding, "registers", None),
    }
    for name, variable in learned.items():
        if variable is not None:
            rows = (1,) if variable.ndim == 1 else ()
            yield plain(f"embeddings.{name}", variable, shape=(1, *rows, *variable.shape))
    names = _DINOV2_NAMES if encoder.numbers["tower"].get("layer_scale") else _NAMES
    for number, block in enumerate(encoder.transformer_blocks):
        yield from _block(f"encoder.layer.{number}", block, names)
    yield from norm("layernorm", encoder.output_norm)


def _block(prefix, block, names):
    dim = block.attention_output.kernel.shape[0]
    for place, part in enumerate(("query", "key", "value")):
        third = slice(place * dim, (place + 1) * dim)
        name = f"{prefix}.attention.attention.{part}"
        yield from dense(name, block.query_key_value, columns=third)
    yield from dense(f"{prefix}.attention.output.dense", block.attention_output)
    feed_forward = block.feed_forward
    yield from norm(f"{prefix}.{names['norm']}", block.norm)
    yield from norm(f"{prefix}.{names['feed_forward_norm']}", feed_forward.norm)
    yield from dense(f"{prefix}.{names['inner']}", feed_forward.inner)
    yield from dense(f"{prefix}.{names['outer']}", feed_forward.outer)
    if feed_forward.layer_scale:
        for number, layer in enumerate((block, feed_forward), start=1):
            yield plain(f"{prefix}.layer_scale{number}.lambda1", layer.scale)
