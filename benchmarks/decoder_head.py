"""Seconds a training step of multi-label heads takes, as the number of classes grows.

python benchmarks/decoder_head.py

Forward and backward from the feature map of TResNet-M at 224 pixels (7 x 7 x 2048) to the gradients
of all weights, float32, without dropout. The heads take turns, once a round; the median counts. A
plain Keras decoder attends among its own queries too, so its memory grows with their square: where
that would exceed `--memory`, it is not run, and the table says what its attention weights alone
would take. The machine should have nothing else to do.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from kclip.layers import MLDecoder
from kclip.losses import AsymmetricLoss
from kclip.report import markdown_table

RESULTS = Path(__file__).parent / "results/decoder_head"
PLACES, CHANNELS, DIM, HEADS, INNER, GROUPS = 49, 2048, 768, 8, 2048, 100
NUM_CLASSES = (81, 925, 10_000)


class PlainDecoder(keras.layers.Layer):
    """Learned queries, one KerasHub decoder block, one output vector a query."""

    def __init__(self, num_classes):
        super().__init__()
        self.embed = keras.layers.Dense(DIM, "relu")
        self.query = self.add_weight(shape=(1, num_classes, DIM), initializer="random_normal")
        self.kernel = self.add_weight(shape=(num_classes, DIM), initializer="glorot_normal")
        self.block = keras_hub.layers.TransformerDecoder(INNER, HEADS)

    def call(self, features):
        queries = keras.ops.repeat(self.query, features.shape[0], axis=0)
        tokens = self.block(queries, self.embed(features), use_causal_mask=False)
        return keras.ops.einsum("bkd,kd->bk", tokens, self.kernel)


def heads(num_classes):
    """Name -> function that builds the head; a layer of features (B, 49, 2048)."""
    options = {"dim": DIM, "num_heads": HEADS, "intermediate_dim": INNER, "dropout": 0.0}
    average = keras.layers.GlobalAveragePooling1D()
    return {
        "GAP + Dense": lambda: keras.Sequential([average, keras.layers.Dense(num_classes)]),
        f"MLDecoder, {GROUPS} groups": lambda: MLDecoder(
            num_classes, num_groups=min(GROUPS, num_classes), **options
        ),
        "MLDecoder, full": lambda: MLDecoder(num_classes, **options),
        "TransformerDecoder": lambda: PlainDecoder(num_classes),
    }


def training_step(head, features, labels):
    """A compiled function that returns when all gradients are there."""
    head(features)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = AsymmetricLoss()(labels, head(features, training=True))
        return [tf.reduce_sum(g) for g in tape.gradient(loss, head.trainable_variables)]

    return lambda: [float(value) for value in step()]


def attention_gib(num_classes, batch_size):
    """Weights of the queries' attention to each other, in float32."""
    return 4 * batch_size * HEADS * num_classes**2 / 2**30


def measure(num_classes, batch_size, rounds, memory):
    """Name -> seconds of each round; an empty list where the head does not fit."""
    rng = np.random.default_rng(0)
    features = tf.constant(rng.random((batch_size, PLACES, CHANNELS)), tf.float32)
    labels = tf.constant(rng.random((batch_size, num_classes)) < 0.03)
    fits = attention_gib(num_classes, batch_size) < memory
    steps = {
        name: training_step(build(), features, labels)
        for name, build in heads(num_classes).items()
        if fits or name != "TransformerDecoder"
    }
    for step in steps.values():
        step()  # traces and warms up
    seconds = {name: [] for name in heads(num_classes)}
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def cell(seconds, num_classes, batch_size):
    """What the table says of one head."""
    if not seconds:
        return f"— ({attention_gib(num_classes, batch_size):.0f} GiB)"
    return f"{1000 * statistics.median(seconds):,.0f} ({1000 * min(seconds):,.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=float, default=2.0, help="GiB for one attention")
    arguments = parser.parse_args()
    batch_size, load = arguments.batch_size, os.getloadavg()[0]
    measured = {
        count: measure(count, batch_size, arguments.rounds, arguments.memory)
        for count in NUM_CLASSES
    }
    rows = [
        (name, *(cell(measured[count][name], count, batch_size) for count in NUM_CLASSES))
        for name in heads(1)
    ]
    table = markdown_table(("median ms (least)", *(f"{n:,} classes" for n in NUM_CLASSES)), rows)
    about = {
        "command": f"python benchmarks/decoder_head.py --batch-size {batch_size}",
        "batch_size": batch_size,
        "cpus": os.cpu_count(),
        "load_at_the_start": load,
        "tensorflow": tf.version.VERSION,
        "seconds": {str(count): of_heads for count, of_heads in measured.items()},
    }
    RESULTS.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")
    RESULTS.with_suffix(".md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
