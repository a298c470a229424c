"""How far the pixels of large JPEGs move where `build_tfrecords --resize` decodes them small.

python benchmarks/shrinking.py FOLDER

Each JPEG of the folder is shrunk by 2.14, as 640 x 480 to 224, in two ways: from all its pixels,
and from the half that the decoder makes. Prints the peak signal-to-noise ratio between them, and
beside it what encoding the first as JPEG of quality 90 costs, as the builder does in any case.
"""

import argparse
import io
import statistics
from pathlib import Path

import numpy as np
from PIL import Image

from kclip.data.images.opening import decode_image, to_rgb

SCALE, QUALITY = 224 / 480, 90


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Peak signal-to-noise ratio in decibels; infinite for equal pictures."""
    squares = np.square(np.asarray(one, float) - np.asarray(other, float)).mean()
    return float(10 * np.log10(255**2 / squares)) if squares else float("inf")


def encoded(image: Image.Image) -> Image.Image:
    """As it comes back from the records."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return Image.open(buffer)


def distances(data: bytes) -> tuple[float, float]:
    """Of decoding small, and of encoding, in decibels."""
    whole = to_rgb(decode_image(data))
    size = round(whole.width * SCALE), round(whole.height * SCALE)
    small = to_rgb(decode_image(data, larger_than=min(size)))
    exact, fast = (image.resize(size, Image.Resampling.BICUBIC) for image in (whole, small))
    return psnr(exact, fast), psnr(exact, encoded(exact))


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path, help="of JPEGs")
    files = sorted(options.parse_args().folder.glob("*.jpg"))
    if not files:
        options.error("the folder holds no file that ends in .jpg")
    decoded, stored = zip(*(distances(file.read_bytes()) for file in files), strict=True)
    print(f"{len(files)} pictures, decibels: mean (least)")
    print(f"decoded small: {statistics.mean(decoded):.1f} ({min(decoded):.1f})")
    print(f"JPEG of quality {QUALITY}: {statistics.mean(stored):.1f} ({min(stored):.1f})")


if __name__ == "__main__":
    main()
