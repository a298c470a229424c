"""What the image and the text tower of CLIP and SigLIP share."""

import keras

from kclip.layers.transformer_block import TransformerBlock

ARCHITECTURES = ("clip", "siglip", "vit")


def transformer_blocks(tower, dtype, causal=False):
    """The blocks of a tower, from its numbers."""
    return [
        TransformerBlock(
            **block_numbers(tower),
            causal=causal,
            layer_scale=tower.get("layer_scale", False),
            dtype=dtype,
            name=f"block_{number}",
        )
        for number in range(tower["num_layers"])
    ]


def block_numbers(tower):
    """Those of a tower's numbers that each of its blocks takes."""
    return {key: tower[key] for key in ("num_heads", "intermediate_dim", "activation", "epsilon")}


def layer_norm(tower, dtype, name):
    """A layer norm with the tower's epsilon."""
    return keras.layers.LayerNormalization(epsilon=tower["epsilon"], dtype=dtype, name=name)


def tower_blocks(before, blocks, after):
    """A tower's layers in the order in which they are let go of: the last ones are trained first.

    Args:
        before: layers before the first block; those that a tower has not are None.
        blocks: its transformer blocks.
        after: layers after the last block, which are trained with it.
    """
    first = [layer for layer in before if layer is not None]
    last = [layer for layer in after if layer is not None]
    return [first, *([block] for block in blocks[:-1]), [blocks[-1], *last]]


def enable_lora(tower, rank, alpha=None):
    """Freezes a tower and adds low-rank adapters to its attention, which are trained instead.

    Hu et al. 2022, "LoRA", Section 4.2: on the queries' and the values' projections.

    Args:
        tower: `ClipImageEncoder` or `ClipTextEncoder`.
        rank: int.
        alpha: float. The adapters' product is scaled by alpha / rank; None: twice the rank.
    """
    tower.trainable = True
    for layer in tower.layers:
        layer.trainable = False
    for block in tower.transformer_blocks:
        block.enable_lora(rank, 2 * rank if alpha is None else alpha)
