"""Time and memory of the contrastive loss of a large batch, in blocks against the plain form.

python benchmarks/contrastive_memory.py

Forward and backward of `ContrastiveLoss` in a compiled TensorFlow graph, hard targets, random unit
embeddings (seed 0), gradients of both embeddings and of the logit scale. The plain form is the
same class with its logits kept whole. Both take turns in one process for the time; each runs in a
process of its own for the memory, which is what the greatest resident size exceeds that before the
first large batch by. `ratio` is of the memory.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from measures import resident_mib, spread
from results_file import parser, write_result

from kclip.layers import LogitScale
from kclip.losses import ContrastiveLoss, blocks

DIM = 256
WARM_UP_ROWS = 1100  # as the large batch: in blocks, unless they are turned off
LARGEST_WHOLE_BATCH = {"plain": sys.maxsize, "blocks": blocks.LARGEST_WHOLE_BATCH}


def unit_embeddings(rows):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, rows, DIM)).astype("float32")
    return [tf.constant(side) for side in x / np.linalg.norm(x, axis=-1, keepdims=True)]


def compiled(form, rows):
    """A function of image and text embeddings that returns loss and gradients as arrays."""
    scale, ids = LogitScale(), tf.range(rows)

    @tf.function
    def step(images, texts):
        with tf.GradientTape() as tape:
            tape.watch([images, texts])
            loss = ContrastiveLoss()(images, texts, scale, ids=ids)
        return loss, tape.gradient(loss, [images, texts, scale.log_scale.value])

    def run(embeddings):
        blocks.LARGEST_WHOLE_BATCH = LARGEST_WHOLE_BATCH[form]  # read when it is traced
        loss, gradients = step(*embeddings)
        return [loss.numpy(), *(gradient.numpy() for gradient in gradients)]

    return run


def measure_time(rows, rounds):
    """Seconds of each form in each round, and the largest difference of a gradient."""
    embeddings = unit_embeddings(rows)
    steps = {form: compiled(form, rows) for form in LARGEST_WHOLE_BATCH}
    results = {form: step(embeddings) for form, step in steps.items()}  # traces, too
    seconds = {form: [] for form in steps}
    for _ in range(rounds):
        for form, step in steps.items():
            started = time.perf_counter()
            step(embeddings)
            seconds[form].append(time.perf_counter() - started)
    pairs = zip(*(result[1:] for result in results.values()), strict=True)
    return seconds, max(float(np.abs(one - other).max()) for one, other in pairs)


def measure_memory(form, rows):
    """Runs in a process of its own, and prints MiB."""
    compiled(form, WARM_UP_ROWS)(unit_embeddings(WARM_UP_ROWS))
    embeddings = unit_embeddings(rows)
    before = resident_mib()
    compiled(form, rows)(embeddings)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - before)


def memory(form, rows):
    command = [sys.executable, __file__, "--rows", str(rows), "--memory-of", form]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def main():
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=8192, help="pairs of the batch")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--memory-of", choices=LARGEST_WHOLE_BATCH, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    rows = arguments.rows
    if arguments.memory_of:
        return measure_memory(arguments.memory_of, rows)
    mib = {form: [memory(form, rows) for _ in range(2)] for form in LARGEST_WHOLE_BATCH}
    seconds, apart = measure_time(rows, 3 if arguments.short else arguments.rounds)
    peak = {form: statistics.median(values) for form, values in mib.items()}
    middle = {form: statistics.median(values) for form, values in seconds.items()}
    rounds = zip(seconds["blocks"], seconds["plain"], strict=True)
    result = {
        "ratio": round(peak["plain"] / peak["blocks"], 2),
        "what": f"peak memory of the contrastive loss, forward and backward, {rows:,} x {DIM}",
        "kclip": f"{peak['blocks']:.0f} MiB, {middle['blocks']:.2f} s",
        "other": f"plain (B, B) form: {peak['plain']:.0f} MiB, {middle['plain']:.2f} s",
        "reach": "memory <= 1/4 (ratio >= 4), time <= 1.3 x, gradients within 1e-5",
        "time_over_plain": spread([ours / plain for ours, plain in rounds]),
        "max_gradient_difference": float(f"{apart:.1e}"),
        "mib": {form: [round(value, 1) for value in values] for form, values in mib.items()},
        "seconds": {form: spread(values) for form, values in seconds.items()},
    }
    write_result("contrastive_memory", **result)


if __name__ == "__main__":
    main()
