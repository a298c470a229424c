"""What `kclip.Embedder` computes, as two Keras models: the form in which a model is exported."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def image_tower(embedder: "Embedder") -> keras.Model:
    """The image side up to unit length, mirror views included.

    Args:
        embedder: the model and its preprocessor.

    Returns:
        A model from `{"image": (B, S, S, 3)}`, RGB in [0, 255], to float32 (B, D) of unit length.
    """
    model: Any = embedder.model.image_model
    image = keras.Input(model.input["image"].shape[1:], name="image")
    if not embedder.preprocessor.mirror:
        return _named("image_tower", {"image": image}, model({"image": image}))
    # Both views in one batch: called twice, the network would be exported twice.
    views = ops.concatenate([image, ops.flip(image, axis=2)], axis=0)
    embeddings = model({"image": views})
    mean = ops.mean(ops.reshape(embeddings, (2, -1, embeddings.shape[-1])), axis=0)
    return _named("image_tower", {"image": image}, mean)


def text_tower(embedder: "Embedder") -> keras.Model:
    """The text side up to unit length, for tokens of the preprocessor's length L.

    Args:
        embedder: the model and its preprocessor.

    Returns:
        A model from a dict of int32 (B, L), named as in `tokenize`, to float32 (B, D) of unit
        length.
    """
    length = tokenize(embedder, [""])["token_ids"].shape[1]
    model: Any = embedder.model.text_model
    tokens = {name: keras.Input((length,), dtype="int32", name=name) for name in model.input}
    return _named("text_tower", tokens, model(tokens))


def tokenize(embedder: "Embedder", texts: Sequence[str]) -> dict[str, np.ndarray]:
    """From M strings to the text tower's inputs: a dict of int32 arrays (M, L)."""
    model: Any = embedder.model.text_model
    tokens = embedder.preprocessor.tokenize(list(texts))
    return {name: np.asarray(tokens[name], np.int32) for name in model.input}


def _named(name: str, inputs: dict[str, Any], embeddings: Any) -> keras.Model:
    unit = keras.layers.UnitNormalization(dtype="float32", name="embeddings")
    return keras.Model(inputs, unit(embeddings), name=name)
