"""Blocks whose activations are not kept for the backward pass but computed again in it."""

import keras
from keras import ops, tree

from kclip.errors import UserError


def recompute_blocks(tower):
    """Has each transformer block of a tower keep its inputs alone, and be computed again.

    Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): the
    memory of one block's activations instead of all of them, for one more forward pass of the
    tower. Gradients are the same, those behind dropout included.

    Args:
        tower: an image or text tower.

    Raises:
        UserError: it is no transformer.

    Example:
    >>> tower = TextEncoder.from_size("tiny", vocabulary_size=100)
    >>> recompute_blocks(tower)
    """
    if not tower.transformer_blocks:
        raise UserError(
            "gradient checkpointing is for the blocks of a transformer, which "
            f"{tower.backbone_name!r} has not; leave it"
        )
    for block in tower.transformer_blocks:
        block.call = _Recomputed(block)


class _Recomputed:
    """A layer's `call` by `keras.remat`, as a function of tensors alone.

    `keras.remat` of `call` itself takes no keywords (TensorFlow) and nothing but tensors (JAX),
    loses the gradients of tensors that it is not given, such as a step's values of weights, and
    has dropout sample another mask the second time, or none (TensorFlow). So weights go in beside
    the inputs; random generators are set within, both times to the same state, and moved on
    outside; and the layer is called as a whole, which says again whether this is training. What
    else a call may change, as batch statistics are, stays as it was.
    """

    def __init__(self, layer):
        self.layer = layer
        self.plain_call = layer.call
        self.inside = False

    def __call__(self, *args, **kwargs):
        if self.inside:
            return self.plain_call(*args, **kwargs)
        layer, variables = self.layer, self.layer.variables
        kwargs["training"] = layer._get_call_context().get_value("training")
        inputs = tree.flatten((args, kwargs))
        places = [place for place, value in enumerate(inputs) if _is_float(value)]
        trained = [v for v in variables if v.trainable]
        frozen = [(v, v.value) for v in variables if not v.trainable and _is_float(v)]
        seeds = [(v, ops.copy(v.value)) for v in variables if not _is_float(v)]

        def pure(*tensors):
            given, values = list(inputs), tensors[len(places) :]
            for place, tensor in zip(places, tensors, strict=False):
                given[place] = tensor
            known = [*frozen, *seeds, *zip(trained, values, strict=True)]
            with keras.StatelessScope(known) as scope:
                outputs = self._call_layer(*tree.pack_sequence_as((args, kwargs), given))
            # As floats: what is differentiated knows no integers.
            steps = [scope.get_current_value(v) - before for v, before in seeds]
            return (outputs, *(ops.cast(step, "float32") for step in steps))

        tensors = [*(inputs[place] for place in places), *(v.value for v in trained)]
        outputs, *steps = keras.remat(pure)(*tensors)
        for (variable, before), step in zip(seeds, steps, strict=True):
            variable.assign(before + ops.cast(step, variable.dtype))
        return outputs

    def _call_layer(self, args, kwargs):
        self.inside = True
        try:
            return self.layer(*args, **kwargs)
        finally:
            self.inside = False


def _is_float(value):
    return hasattr(value, "dtype") and "float" in keras.backend.standardize_dtype(value.dtype)
