"""Teaches tf2onnx 1.17 the complementary error function, which Keras' exact GELU is made of."""

import numpy as np
from tf2onnx.handler import tf_op  # pyright: ignore[reportMissingImports]


@tf_op("Erfc")
class Erfc:
    """TensorFlow's Erfc as ONNX' `1 - Erf`; registered by being defined."""

    @classmethod
    def version_9(cls, ctx, node, **kwargs):
        """Replaces one node, from the first version of ONNX' operators that has Erf."""
        shapes, dtypes = [ctx.get_shape(node.output[0])], [ctx.get_dtype(node.output[0])]
        erf = ctx.make_node("Erf", node.input, shapes=shapes, dtypes=dtypes)
        one = ctx.make_const(f"{node.name}_one", np.ones((), np.float32))
        ctx.remove_node(node.name)
        difference = {"name": node.name, "shapes": shapes, "dtypes": dtypes}
        ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, **difference)
