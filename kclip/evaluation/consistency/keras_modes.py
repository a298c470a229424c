"""Modes that Keras itself runs, in this process."""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from kclip.evaluation.consistency.subject import ModelOutputs, Subject, tower_outputs

if TYPE_CHECKING:
    from kclip.inference.embedder import Embedder


def eager(subject: Subject) -> ModelOutputs:
    """Op by op in float32: what all others are compared with."""
    return tower_outputs(subject, lambda tower: tower)


def batch_of_1(subject: Subject) -> ModelOutputs:
    """As `eager`, every image and every prompt by itself."""
    return tower_outputs(subject, lambda tower: tower, batch_size=1)


def tf_function(subject: Subject) -> ModelOutputs:
    """As a TensorFlow graph."""
    return tower_outputs(subject, lambda tower: tf.function(tower, autograph=False))


def xla(subject: Subject) -> ModelOutputs:
    """Compiled by XLA."""
    return tower_outputs(
        subject, lambda tower: tf.function(tower, autograph=False, jit_compile=True)
    )


def mixed_float16(subject: Subject) -> ModelOutputs:
    """The same weights under the policy mixed_float16."""
    return tower_outputs(
        subject, lambda tower: tower, with_policy(subject.embedder, "mixed_float16")
    )


def mixed_bfloat16(subject: Subject) -> ModelOutputs:
    """The same weights under the policy mixed_bfloat16."""
    return tower_outputs(
        subject, lambda tower: tower, with_policy(subject.embedder, "mixed_bfloat16")
    )


def reload(subject: Subject) -> ModelOutputs:
    """Saved as a model folder and loaded again."""
    folder = subject.scratch / "reloaded"
    subject.embedder.model.save_to_preset(str(folder))
    subject.embedder.preprocessor.save_to_preset(str(folder))
    return tower_outputs(subject, lambda tower: tower, type(subject.embedder).from_name(folder))


def with_policy(embedder: "Embedder", policy: str) -> "Embedder":
    """A copy of a model under another dtype policy."""
    model: Any = embedder.model
    copy = type(model).from_config(model.get_config() | {"dtype": policy})
    copy.set_weights(model.get_weights())
    return type(embedder)(copy, embedder.preprocessor)
