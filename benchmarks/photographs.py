"""Generated stand-ins for photographs, so that benchmarks need no data of anyone's.

Noise whose spectrum falls as a photograph's does; as JPEG of quality 90 it takes about as many bits
a pixel (2 to 3) as photographs do, so that decoding costs as much.
"""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

FALL = 1.4  # of the amplitude with the spatial frequency
TEXTURE = 2048  # pixels; pictures are cut out of one texture
QUALITY = 90


def photographs(count: int, width: int, height: int, seed: int = 0) -> Iterator[bytes]:
    """JPEG files of different parts of one texture."""
    rng = np.random.default_rng(seed)
    texture = _texture(rng)
    for _ in range(count):
        top, left = rng.integers(TEXTURE - height), rng.integers(TEXTURE - width)
        buffer = io.BytesIO()
        part = texture[top : top + height, left : left + width]
        Image.fromarray(part).save(buffer, "JPEG", quality=QUALITY)
        yield buffer.getvalue()


def _texture(rng: np.random.Generator) -> np.ndarray:
    """uint8 (TEXTURE, TEXTURE, 3); the channels have most of their variation in common."""
    grey = _noise(rng)
    channels = [128 + 50 * (0.85 * grey + 0.3 * _noise(rng)) for _ in range(3)]
    return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Float (TEXTURE, TEXTURE) of mean 0 and deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(TEXTURE)[:, None], np.fft.rfftfreq(TEXTURE)[None])
    # Nothing wider than a picture, which would make some pictures plain.
    amplitude = np.maximum(frequency, 1 / 256) ** -FALL
    phases = np.exp(2j * np.pi * rng.random(amplitude.shape))
    noise = np.fft.irfft2(amplitude * phases, (TEXTURE, TEXTURE))
    return (noise - noise.mean()) / noise.std()
