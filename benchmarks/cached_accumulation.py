"""A large contrastive batch by cached accumulation: its gradients, memory and time.

python benchmarks/cached_accumulation.py

Gradients of all weights of a trained dual encoder (small CNN at 64 pixels, two-layer BERT, random
weights and inputs, seed 0) on TensorFlow, four ways: `ChunkedModel`; the full batch at once, whose
gradients are to be the same; plain accumulation, which adds up the gradients of small batches, each
with its own few negatives; and one small batch, for its memory. Dropout is off and batch
normalisation in inference mode, so that the results can be compared.

Chunked and plain accumulation take turns in one process for the time; for the memory each way runs
in a process of its own, and what counts is by how much the greatest resident size exceeds that
before the first step. `ratio` is the memory of the full batch over kclip's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from measures import resident_mib, spread
from results_file import parser, write_result

from kclip.losses import ContrastiveLoss
from kclip.models import DualEncoder, ImageEncoder, TextEncoder
from kclip.training.dual_encoder.chunked_model import ChunkedModel

IMAGE_SIZE, LENGTH, VOCABULARY = 64, 24, 1024
WAYS = ("chunked", "full", "accumulated", "small")


def build_model():
    keras.utils.set_random_seed(0)
    image = ImageEncoder("small_cnn", image_size=IMAGE_SIZE)
    text = TextEncoder.from_size("tiny", vocabulary_size=VOCABULARY, dropout=0.0)
    for layer in image._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # inference mode
    return DualEncoder(image, text, dropout=0.0)


def draw_inputs(rows):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, VOCABULARY, (rows, LENGTH), np.int32)
    images = rng.random((rows, IMAGE_SIZE, IMAGE_SIZE, 3), np.float32)
    images *= 255  # in place: a copy would count as memory of the step
    masks = {"padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}
    arrays = {"image": images, "token_ids": ids} | masks
    return {name: tf.constant(array) for name, array in arrays.items()}


def gradient_function(model):
    """A compiled function of inputs that returns the gradients of all weights."""

    @tf.function
    def step(inputs):
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            ids = tf.range(tf.shape(outputs["image_embeddings"])[0])
            loss = model.compute_loss(y=ids, y_pred=outputs)
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    return step


def gradients_by(way, rows, chunk_size):
    """A function without arguments that returns the gradients as arrays."""
    model = build_model()
    if way == "chunked":
        model = ChunkedModel(model, chunk_size)
    model.compile(keras.optimizers.SGD(0.0), ContrastiveLoss())
    step, inputs = gradient_function(model), draw_inputs(chunk_size if way == "small" else rows)
    if way == "accumulated":
        parts = [_rows(inputs, start, chunk_size) for start in range(0, rows, chunk_size)]
    else:
        parts = [inputs]

    def run():
        totals = None
        for part in parts:
            new = [tf.convert_to_tensor(gradient) for gradient in step(part)]
            totals = new if totals is None else [a + b for a, b in zip(totals, new, strict=True)]
        return [total.numpy() for total in totals]

    return run


def _rows(inputs, start, size):
    return {name: array[start : start + size] for name, array in inputs.items()}


def measure_one(way, rows, chunk_size, file):
    """Runs in a process of its own: prints MiB, and leaves the gradients in a file."""
    gradients_by("small", chunk_size, 2)()  # loads what any step needs
    run = gradients_by(way, rows, chunk_size)
    before = resident_mib()
    np.savez(file, *run())
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - before))


def one_process(way, arguments, folder):
    """MiB and gradients of one way."""
    file = Path(folder) / f"{way}.npz"
    command = [sys.executable, __file__, "--way", way, "--file", str(file)]
    command += ["--rows", str(arguments.rows), "--chunk-size", str(arguments.chunk_size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    with np.load(file) as arrays:
        return json.loads(done.stdout), [arrays[name] for name in arrays.files]


def measure_memory(arguments):
    """MiB of each way, and the largest difference of a gradient to that of the full batch."""
    with tempfile.TemporaryDirectory() as folder:
        measured = {way: one_process(way, arguments, folder) for way in WAYS}
    pairs = zip(measured["chunked"][1], measured["full"][1], strict=True)
    apart = max(float(np.abs(ours - full).max()) for ours, full in pairs)
    largest = max(float(np.abs(full).max()) for full in measured["full"][1])
    return {way: round(mib, 1) for way, (mib, _) in measured.items()}, apart, largest


def measure_time(rows, chunk_size, rounds):
    runs = {way: gradients_by(way, rows, chunk_size) for way in ("chunked", "accumulated")}
    seconds = {way: [] for way in runs}
    for _ in range(rounds + 1):
        for way, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[way].append(time.perf_counter() - started)
    return {way: values[1:] for way, values in seconds.items()}  # the first traces


def main():
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=4096, help="pairs of the whole batch")
    options.add_argument("--chunk-size", type=int, default=64)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.way:
        return measure_one(arguments.way, arguments.rows, arguments.chunk_size, arguments.file)
    if arguments.short:
        arguments.rows, arguments.rounds = 1024, 3
    mib, apart, largest = measure_memory(arguments)
    seconds = measure_time(arguments.rows, arguments.chunk_size, arguments.rounds)
    middle = {way: statistics.median(values) for way, values in seconds.items()}
    rounds = zip(seconds["chunked"], seconds["accumulated"], strict=True)
    result = {
        "ratio": round(mib["full"] / mib["chunked"], 2),
        "what": f"memory of the gradients of a batch of {arguments.rows:,} pairs, both towers "
        f"trained, in chunks of {arguments.chunk_size}",
        "kclip": f"{mib['chunked']:.0f} MiB, {middle['chunked']:.2f} s",
        "other": f"full batch: {mib['full']:.0f} MiB; plain accumulation: "
        f"{middle['accumulated']:.2f} s",
        "reach": "gradients within 1e-4, time <= 1.6 x plain accumulation, memory of a small batch",
        "time_over_accumulation": spread([ours / plain for ours, plain in rounds]),
        "max_gradient_difference": float(f"{apart:.1e}"),
        "largest_gradient": float(f"{largest:.1e}"),
        "mib": mib,
        "seconds": {way: spread(values) for way, values in seconds.items()},
    }
    write_result("cached_accumulation", **result)


if __name__ == "__main__":
    main()
