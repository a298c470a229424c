"""A dual encoder of a few thousand weights, its preprocessor, and a batch for it."""

import keras_hub
import numpy as np

from kclip.models import DualEncoder, DualEncoderPreprocessor, ImageEncoder, TextEncoder

VOCABULARY = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] a an the red green blue circle square star two three "
    "small large ##s on above below"
).split()
SIZE = 32
LENGTH = 8
TEXTS = [
    "a red circle",
    "two blue squares",
    "the small green star",
    "three stars above a circle",
    "a large blue star on the square",
    "green circles",
]


def tiny_dual_encoder(dtype="float32", pooling="mean", dropout=0.1, **kwargs):
    text = TextEncoder(
        len(VOCABULARY),
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_sequence_length=LENGTH,
        dropout=dropout,
        pooling=pooling,
        dtype=dtype,
        name="text_encoder",
    )
    image = ImageEncoder("small_cnn", image_size=SIZE, dtype=dtype, name="image_encoder")
    kwargs = {"projection_dim": 12, "dropout": dropout} | kwargs
    return DualEncoder(image, text, dtype=dtype, **kwargs)


def tiny_preprocessor(**kwargs):
    tokenizer = keras_hub.models.BertTokenizer(VOCABULARY, lowercase=True, strip_accents=True)
    settings = {"image_size": SIZE, "sequence_length": LENGTH} | kwargs
    return DualEncoderPreprocessor(tokenizer, **settings)


def tiny_batch(rows=6, seed=0):
    """Inputs of the dual encoder as NumPy arrays; each row another picture and text."""
    tokens = tiny_preprocessor().tokenize([TEXTS[row % len(TEXTS)] for row in range(rows)])
    image = np.random.default_rng(seed).uniform(0, 255, (rows, SIZE, SIZE, 3)).astype("float32")
    return {"image": image} | {name: np.asarray(value) for name, value in tokens.items()}


def randomize(model, seed=0):
    """Gives every weight, batch statistics included, a value that a default would not have.

    The scale of logits stays. The values depend on the seed alone, not on how weights start.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, 0.3, weight.shape)
        if weight.name in ("gamma", "moving_variance"):
            values = 1 + np.abs(values)
        if "logit_scale" not in weight.path:
            weight.assign(values)
