"""An exported tiny dual encoder, and images for it."""

import io

import numpy as np
from PIL import Image
from tiny_models import randomize, tiny_dual_encoder, tiny_preprocessor

from kclip.inference.embedder import Embedder


def tiny_embedder(mirror=True, **kwargs):
    model = tiny_dual_encoder(**{"standardize": True} | kwargs)
    randomize(model)
    return Embedder(model, tiny_preprocessor(mirror=mirror))


def encoded(kind="PNG", mode="RGB", size=(50, 40), seed=0, **options):
    """A smooth random picture as the bytes of a file."""
    channels = len(mode)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 9, channels), dtype="uint8")
    picture = Image.fromarray(pixels.squeeze(), mode).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
