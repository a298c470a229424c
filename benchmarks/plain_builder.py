"""The other side of `build_tfrecords.py`: a plain loop of Pillow that writes TFRecords.

python benchmarks/plain_builder.py IMAGES OUTPUT SIDE

Prints the seconds of the loop; the import of TensorFlow, which it needs to write, is not counted.
"""

import io
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from PIL import Image


def shrunk(path: Path, side: int) -> bytes:
    """A JPEG whose shorter side has this many pixels."""
    image = Image.open(path).convert("RGB")
    scale = side / min(image.size)
    size = round(image.width * scale), round(image.height * scale)
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write(images: Path, output: Path, side: int) -> None:
    """One file of records, one an image."""
    with tf.io.TFRecordWriter(str(output)) as writer:
        for path in sorted(images.iterdir()):
            values = {"image": shrunk(path, side), "file_name": path.name.encode()}
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


if __name__ == "__main__":
    started = time.perf_counter()
    write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    print(time.perf_counter() - started)
