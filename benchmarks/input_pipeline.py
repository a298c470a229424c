"""Pairs a second of the input pipeline, against its limit and two other ways to feed a model.

python benchmarks/input_pipeline.py

From files to shuffled batches of 256 pictures of 224 x 224 with 32 tokens each, on all cores.
The pictures are generated (see `photographs.py`): 640 x 480, or 480 x 480, shrunk to a shorter side
of 224 when kclip's records are built, as `build_tfrecords --resize 224` does. Four sides take turns
over whole epochs:

- kclip: `StreamedBatches` as `train_dual_encoder` uses it, no augmentation;
- the limit: `tf.io.decode_jpeg` in tf.data, nothing else, over the bytes of kclip's records;
- keras.io's nl_image_search: one record a caption, with the bytes of the picture as it came,
  decoded and resized (bilinear) in tf.data, batched, and tokenized afterwards, as in its model;
- PyTorch: Pillow in a DataLoader with two workers, over the bytes of kclip's records.

The long form has kclip with augmentations, too. Square pictures need no more resizing in the
pipeline, so that the limit is in reach; the others do.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from generated_records import make_preprocessor, scene_captions, words_of, write_records
from peer import Peer
from photographs import photographs
from results_file import add_peers_python, parser, write_result
from turns import median_ratio, spread, take_turns

from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.pipeline.pixels import whole_pixels
from kclip.data.pipeline.split_reading import CORES, without_autotuning
from kclip.data.pipeline.streamed_batches import InputFunctions, StreamedBatches
from kclip.data.records.encoding import Encoding, encode_image
from kclip.data.records.writer import SplitFiles

SIZE, BATCH_SIZE, LENGTH = 224, 256, 32  # the batch of keras.io's example and the report
DIFFERENT = 256  # pictures that are drawn; records repeat them
SHAPES = {"square": (480, 480), "rectangular": (640, 480)}
AUGMENTATIONS = ("flip", "crop")


@dataclass(frozen=True)
class Pairs:
    """The same N pairs as every side wants them."""

    originals: list[bytes]
    stored: list[bytes]
    captions: list[tuple[str]]


def make_pairs(count: int, shape: tuple[int, int]) -> Pairs:
    """Draws the pictures, shrinks them as the builder does, and writes a sentence for each."""
    originals = list(photographs(min(count, DIFFERENT), *shape))
    stored = [encode_image(data, Encoding(resize=SIZE)).data for data in originals]
    numbers = [number % len(originals) for number in range(count)]
    return Pairs(
        [originals[number] for number in numbers],
        [stored[number] for number in numbers],
        scene_captions(count),
    )


def kclip_side(split: SplitFiles, preprocessor, augmentation: str = "none"):
    """An epoch of kclip's own batches."""
    augment = build_augmentation(augmentation, seed=0)
    functions = InputFunctions(
        whole_pixels(preprocessor.resize), preprocessor.tokenize, augment, SIZE
    )
    dataset = StreamedBatches(split, functions, BATCH_SIZE).dataset()
    return lambda: _iterate(dataset)


def limit_side(pairs: Pairs):
    """Decoding alone; the pixels stay inside of tf.data."""
    encoded = tf.data.Dataset.from_tensor_slices(pairs.stored)
    images = encoded.map(lambda data: tf.io.decode_jpeg(data, channels=3), CORES)
    images = without_autotuning(images)
    return lambda: images.reduce(0, lambda total, image: total + tf.shape(image)[0]).numpy()


def keras_io_side(pairs: Pairs, file: Path, preprocessor):
    """The design of keras.io's nl_image_search."""
    with tf.io.TFRecordWriter(str(file)) as writer:
        for image, (caption,) in zip(pairs.originals, pairs.captions, strict=True):
            values = {"raw_image": image, "caption": caption.encode()}
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    text = tf.io.FixedLenFeature([], tf.string)

    def read(record):
        sample = tf.io.parse_single_example(record, {"caption": text, "raw_image": text})
        image = tf.io.decode_jpeg(sample.pop("raw_image"), channels=3)
        return sample | {"image": tf.image.resize(image, (SIZE, SIZE))}

    dataset = tf.data.TFRecordDataset(str(file)).map(read, tf.data.AUTOTUNE, deterministic=False)
    dataset = dataset.shuffle(10 * BATCH_SIZE).prefetch(tf.data.AUTOTUNE).batch(BATCH_SIZE)
    tokenize = tf.function(preprocessor.tokenize)
    return lambda: [tokenize(batch["caption"])["token_ids"].shape for batch in dataset]


def write_files(pairs: Pairs, folder: Path) -> None:
    """What the PyTorch side reads."""
    folder.mkdir()
    for number, image in enumerate(pairs.stored):
        (folder / f"{number:06d}.jpg").write_bytes(image)
    (folder / "captions.txt").write_text("\n".join(caption for (caption,) in pairs.captions))
    (folder / "vocabulary.txt").write_text("\n".join(words_of(pairs.captions)))


def make_sides(
    pairs: Pairs, folder: Path, torch: Peer, augmentations: Sequence[str]
) -> dict[str, Callable[[], Any]]:
    """What each side does in its turn."""
    preprocessor = make_preprocessor(words_of(pairs.captions), SIZE, LENGTH)
    split = write_records(folder / "records", pairs.stored, pairs.captions)
    augmented = {f"kclip, {name}": kclip_side(split, preprocessor, name) for name in augmentations}
    return {
        "kclip": kclip_side(split, preprocessor),
        "limit": limit_side(pairs),
        "keras.io": keras_io_side(pairs, folder / "pairs.tfrecord", preprocessor),
        "torch": lambda: torch.ask("epoch"),
    } | augmented


def compare(shape: tuple[int, int], arguments):
    """Pairs a second of each side and round, and the versions of the other side."""
    count = arguments.pairs
    pairs = make_pairs(count, shape)
    with tempfile.TemporaryDirectory() as name:
        write_files(pairs, Path(name, "files"))
        options = map(str, (SIZE, BATCH_SIZE, LENGTH))
        torch = Peer(arguments.torch_python, "torch_loader.py", f"{name}/files", *options)
        augmentations = () if arguments.short else AUGMENTATIONS
        sides = make_sides(pairs, Path(name), torch, augmentations)
        try:
            take_turns(sides, 1)  # traces, and fills the file cache
            seconds = take_turns(sides, arguments.rounds)
        finally:
            torch.close()
    return {side: [count / value for value in of] for side, of in seconds.items()}, torch.versions


def rows_of(rates: dict[str, list[float]], shape: str) -> list[dict]:
    """What RESULTS.md says of one kind of pictures."""
    stored = "224 x 224" if shape == "square" else "298 x 224"
    goals = {"limit": "≥ 0.85" if shape == "square" else "–", "keras.io": "≥ 3", "torch": "≥ 1.5"}
    sides = {
        "limit": f"tf.io.decode_jpeg alone, {stored} stored",
        "keras.io": f"keras.io's pipeline over {' x '.join(map(str, SHAPES[shape]))}",
        "torch": f"Pillow in a PyTorch DataLoader with two workers, {stored} stored",
    }
    return [
        {
            "what": f"input pipeline at 224 px without augmentation, against {text}",
            "ratio": round(median_ratio(rates["kclip"], rates[side]), 3),
            "kclip": spread(rates["kclip"], "pairs/s"),
            "other": spread(rates[side], "pairs/s"),
            "reach": goals[side],
        }
        for side, text in sides.items()
    ]


def _iterate(dataset) -> None:
    for _ in dataset:
        pass


def main() -> None:
    options = parser(__doc__)
    add_peers_python(options)
    options.add_argument("--pairs", type=int, default=8192, help="of an epoch")
    options.add_argument("--rounds", type=int, default=7)
    arguments = options.parse_args()
    if arguments.short:
        arguments.rounds = 3
    rows, rates, versions = [], {}, {}
    for name, shape in SHAPES.items():
        rates[name], versions = compare(shape, arguments)
        rows += rows_of(rates[name], name)
    write_result(
        "input_pipeline",
        **rows[0],
        rows=rows[1:],
        versions=versions,
        pairs=arguments.pairs,
        batch_size=BATCH_SIZE,
        pairs_per_second={
            name: {side: [round(rate) for rate in of] for side, of in of_shape.items()}
            for name, of_shape in rates.items()
        },
    )


if __name__ == "__main__":
    main()
