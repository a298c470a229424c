"""A tower in two: what is frozen of it, from its inputs on, and what is trained on top of that."""

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import tree


@dataclass(frozen=True)
class TowerCut:
    """A tower whose last blocks are trained, cut where the first of them begins.

    Attributes:
        tower: the image or text tower.
        lower: Keras model of the tower's inputs, to what the first trained block reads: a float
            tensor (B, ...) that stays the same in a training.
        upper: Keras model of a dict of that tensor and the `kept` inputs, to the tower's output.
            Both share the tower's layers.
        kept: names of those inputs of the tower that the upper part reads, too, such as a padding
            mask.
    """

    tower: Any
    lower: Any
    upper: Any
    kept: tuple[str, ...]

    def new_inputs(self) -> dict[str, Any]:
        """Symbolic inputs for a model of which the upper part is a part."""
        return {
            name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
            for name, tensor in self.upper.input.items()
        }

    def num_bytes(self, examples: int, length: int = 1) -> int:
        """What the lower part's outputs take in float32.

        Args:
            examples: images or texts.
            length: tokens a text.
        """
        return 4 * examples * math.prod(size or length for size in self.lower.output_shape[1:])

    def get_config(self) -> dict[str, Any]:
        """What the lower part's output depends on besides its weights."""
        return {**self.tower.get_config(), "frozen_blocks": len(frozen_blocks(self.tower))}

    def get_weights(self) -> list[Any]:
        """Those of the lower part."""
        return self.lower.get_weights()


@dataclass(frozen=True)
class TowerCuts:
    """Where the two towers of a dual encoder are cut; None: nowhere."""

    image: TowerCut | None = None
    text: TowerCut | None = None


def cut_tower(tower: Any, name: str) -> TowerCut | None:
    """Cuts a tower where its first trained block begins.

    Args:
        tower: an image or text tower of which the last blocks are trained.
        name: of the upper part's input that the lower part computes.

    Returns:
        None where more than one computed tensor would cross the cut, one of them is not a row an
        example, or blocks lie within another layer, so that frozen ones would be above.

    Example:
        >>> from kclip.models import ImageEncoder
        >>> tower = ImageEncoder("small_cnn", image_size=64)
        >>> for layer in tower.backbone.layers[:-3]:
        ...     layer.trainable = False
        >>> cut = cut_tower(tower, "image_features")
        >>> cut.lower.output_shape, cut.upper.output_shape
        ((None, 8, 8, 128), (None, 192))
    """
    walk = _Walk(tower, name)
    output = walk.run(tower, tower.input)
    computed = [tensor for tensor, entry in walk.crossing.values() if entry.name == name]
    if len(computed) != 1 or computed[0].shape[0] is not None:
        return None
    entries = {entry.name: entry for _, entry in walk.crossing.values()}
    upper = keras.Model(entries, output)
    above = {id(weight) for weight in upper.weights}
    frozen = [weight for block in frozen_blocks(tower) for of in block for weight in of.weights]
    if any(id(weight) in above for weight in frozen):
        return None
    kept = tuple(sorted(set(entries) - {name}))
    return TowerCut(tower, keras.Model(tower.input, computed[0]), upper, kept)


def frozen_blocks(tower: Any) -> list[Any]:
    """Those of a tower's blocks that have no trained weight."""
    return [block for block in tower.blocks if not any(is_trained(layer) for layer in block)]


def layers_below(tower: Any) -> list[Any]:
    """The layers of a tower that come before all that is trained, those without weights, too."""
    walk = _Walk(tower, "features")
    walk.run(tower, tower.input)
    return [operation for operation in walk.below if isinstance(operation, keras.layers.Layer)]


def is_trained(operation: Any) -> bool:
    """Whether a layer, or another operation of Keras, has trained weights: adapters count, too."""
    return any(variable.trainable for variable in getattr(operation, "variables", ()))


class _Walk:
    """Calls each operation of a tower once more, those of models within it one by one.

    What depends on a trained weight is called on new inputs in the place of what does not.

    Args:
        tower: an image or text tower.
        name: of the new inputs for tensors that are computed.

    Attributes:
        below: operations that depend on no trained weight.
        crossing: id -> (tensor from below, new input in its place).
    """

    def __init__(self, tower: Any, name: str):
        inputs = tower.input if isinstance(tower.input, dict) else {"image": tower.input}
        self.names = {id(tensor): name for name, tensor in inputs.items()}
        self.name = name
        self.below, self.crossing, self.above = [], {}, {}

    def run(self, model: Any, inputs: Any) -> Any:
        """Calls the operations of a functional model; gives its output."""
        return model._run_through_graph(inputs, operation_fn=self._calling)

    def _calling(self, operation: Any) -> Any:
        if hasattr(operation, "_run_through_graph"):  # a model within the tower
            return lambda inputs, **options: self.run(operation, inputs)

        def call(*args: Any, **options: Any) -> Any:
            tensors = tree.flatten((args, options))
            if not is_trained(operation) and not any(id(x) in self.above for x in tensors):
                self.below.append(operation)
                return operation(*args, **options)
            args, options = tree.map_structure(self._entry, (args, options))
            outputs = operation(*args, **options)
            self.above |= {id(tensor): tensor for tensor in tree.flatten(outputs)}
            return outputs

        return call

    def _entry(self, value: Any) -> Any:
        """What stands for an argument above the cut."""
        if not isinstance(value, keras.KerasTensor) or id(value) in self.above:
            return value
        if id(value) not in self.crossing:
            name = self.names.get(id(value), self.name)
            dtype = value.dtype if "int" in value.dtype else "float32"  # as it is kept
            entry = keras.Input(value.shape[1:], dtype=dtype, name=name)
            self.crossing[id(value)] = value, entry
        return self.crossing[id(value)][1]
