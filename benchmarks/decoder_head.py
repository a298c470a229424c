"""Seconds a training step of multi-label heads takes, as the number of classes grows.

python benchmarks/decoder_head.py            # all heads, up to 10,000 classes
python benchmarks/decoder_head.py --short    # ML-Decoder's full head against PyTorch alone

Forward and backward from the feature map of TResNet-M at 224 pixels (7 x 7 x 2048) to the gradients
of all weights, float32, without dropout. The heads take turns, once a round; the median counts. A
plain Keras decoder attends among its own queries too, so its memory grows with their square: where
that would exceed `--memory`, it is not run, and the table says what its attention weights alone
would take. PyTorch (`torch_decoder_head.py`) takes turns with the others in a process of its own,
with the weights of kclip's full head; loss and gradients must agree. It repeats the queries for
each image first, as ML-Decoder's own code does, where kclip repeats them at the attention. The
machine should have nothing else to do.
"""

import functools
import os
import statistics
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from peer import Peer
from results_file import RESULTS, add_peers_python, parser, write_result
from turns import median_ratio, spread, take_turns

from kclip.layers import MLDecoder
from kclip.losses import AsymmetricLoss
from kclip.reports.markdown import markdown_table

PLACES, CHANNELS, DIM, HEADS, INNER, GROUPS = 49, 2048, 768, 8, 2048, 100
FULL, TORCH = "MLDecoder, full", "PyTorch, full"
NUM_CLASSES, WITH_TORCH = (81, 925, 10_000), (81, 925)
TOLERANCE = 1e-3  # relative, of the loss and of the gradients' norm


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
        FULL: lambda: MLDecoder(num_classes, **options),
        "TransformerDecoder": lambda: PlainDecoder(num_classes),
    }


def training_step(head, features, labels):
    """A compiled function that returns loss and gradients' norm when all gradients are there."""
    head(features)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = AsymmetricLoss()(labels, head(features, training=True))
        return loss, tf.linalg.global_norm(tape.gradient(loss, head.trainable_variables))

    return lambda: [float(value) for value in step()]


def write_head(file, head, features, labels):
    """What the PyTorch side needs to do the same."""
    dense = "embed_features attention_query attention_key_value attention_output inner outer"
    arrays = {"features": features, "labels": labels, "heads": HEADS}
    arrays |= {name: getattr(head, name).numpy() for name in ("query", "kernel", "bias")}
    for name in dense.split():
        arrays[f"{name}/kernel"] = getattr(head, name).kernel.numpy()
        arrays[f"{name}/bias"] = getattr(head, name).bias.numpy()
    np.savez(file, **arrays)


def attention_gib(num_classes, batch_size):
    """Weights of the queries' attention to each other, in float32."""
    return 4 * batch_size * HEADS * num_classes**2 / 2**30


def make_steps(num_classes, arguments, torch, folder):
    """Name -> a training step; heads that do not fit are left out."""
    rng = np.random.default_rng(0)
    features = rng.random((arguments.batch_size, PLACES, CHANNELS), np.float32)
    labels = rng.random((arguments.batch_size, num_classes)) < 0.03
    fits = attention_gib(num_classes, arguments.batch_size) < arguments.memory
    steps = {}
    for name, build in heads(num_classes).items():
        if (arguments.short and name != FULL) or (name == "TransformerDecoder" and not fits):
            continue
        head = build()
        steps[name] = training_step(head, tf.constant(features), tf.constant(labels))
        if name == FULL and num_classes in WITH_TORCH:
            file = f"{folder}/{num_classes}.npz"
            write_head(file, head, features, labels)
            steps[TORCH] = functools.partial(torch.ask, file)
    return steps


def measure(num_classes, arguments, torch, folder):
    """Name -> seconds of each round."""
    steps = make_steps(num_classes, arguments, torch, folder)
    found = {name: step() for name, step in steps.items()}  # traces and warms up
    if TORCH in found and not np.allclose(found[FULL], found[TORCH], rtol=TOLERANCE):
        sys.exit(f"loss and gradients' norm differ: {found[FULL]} and {found[TORCH]}")
    return take_turns(steps, arguments.rounds)


def row_of(num_classes, seconds):
    """Full head against PyTorch."""
    return {
        "what": f"ML-Decoder's head, {num_classes} classes, forward and backward, against the same "
        "in PyTorch",
        "ratio": round(median_ratio(seconds[TORCH], seconds[FULL]), 3),
        "kclip": spread(seconds[FULL], "ms", 1000),
        "other": spread(seconds[TORCH], "ms", 1000),
        "reach": "≥ 1.0",
    }


def table_of(measured, batch_size):
    """Median and least milliseconds of every head."""

    def cell(name, count):
        seconds = measured[count].get(name)
        if seconds:
            return f"{1000 * statistics.median(seconds):,.0f} ({1000 * min(seconds):,.0f})"
        if name == "TransformerDecoder":
            return f"— ({attention_gib(count, batch_size):.0f} GiB)"
        return "—"

    rows = [(name, *(cell(name, n) for n in measured)) for name in (*heads(1), TORCH)]
    return markdown_table(("median ms (least)", *(f"{n:,} classes" for n in measured)), rows)


def main():
    options = parser(__doc__)
    add_peers_python(options)
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--memory", type=float, default=2.0, help="GiB for one attention")
    arguments = options.parse_args()
    torch = Peer(arguments.torch_python, "torch_decoder_head.py")
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            count: measure(count, arguments, torch, folder)
            for count in (WITH_TORCH if arguments.short else NUM_CLASSES)
        }
    torch.close()
    if not arguments.short:
        table = table_of(measured, arguments.batch_size)
        (RESULTS / "decoder_head.md").write_text(table + "\n", encoding="utf-8")
    rows = [row_of(count, measured[count]) for count in WITH_TORCH]
    rows.sort(key=lambda row: row["ratio"])
    write_result(
        "decoder_head",
        **rows[0],
        rows=rows[1:],
        versions=torch.versions,
        batch_size=arguments.batch_size,
        seconds={
            str(count): {name: [round(value, 5) for value in of] for name, of in of_count.items()}
            for count, of_count in measured.items()
        },
    )


if __name__ == "__main__":
    main()
