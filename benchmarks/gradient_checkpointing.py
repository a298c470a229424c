"""Memory of one training step of a ViT-B/32, with and without gradient checkpointing.

python benchmarks/gradient_checkpointing.py

An image tower of 12 blocks of width 768 at 224 pixels beside a small text tower, one step of AdamW
on 64 random pairs in float32, after a step on 2, which compiles and makes the optimizer's slots.
What counts is how much the greatest resident size exceeds that before the step. Each form runs in
a process of its own; KERAS_BACKEND chooses the backend.
"""

import argparse
import resource
import statistics
import subprocess
import sys

import keras
import numpy as np
from measures import resident_mib
from results_file import parser, write_result

from kclip.losses import ContrastiveLoss
from kclip.models import CLIP
from kclip.models.towers.recomputing import recompute_blocks
from kclip.training.common.optimizer import TowerAdamW, compile_model

FORMS = ("plain", "checkpointing")
COMMON = {"activation": "quick_gelu", "epsilon": 1e-5}
IMAGE = {"hidden_dim": 768, "num_layers": 12, "num_heads": 12, "intermediate_dim": 3072, **COMMON}
TEXT = {"hidden_dim": 32, "num_layers": 1, "num_heads": 2, "intermediate_dim": 64, **COMMON}
NUMBERS = {"image_size": 224, "patch_size": 32, "sequence_length": 8, "vocabulary_size": 100}


def compiled(form):
    keras.utils.set_random_seed(0)
    model = CLIP("clip", IMAGE, TEXT, projection_dim=64, end_token_id=99, **NUMBERS)
    if form == "checkpointing":
        recompute_blocks(model.image_encoder)
    compile_model(model, TowerAdamW(1e-5), ContrastiveLoss())
    return model


def step(model, pairs):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (pairs, 224, 224, 3)).astype("float32")
    tokens = rng.integers(1, 99, (pairs, 8)).astype("int32")
    return float(model.train_on_batch({"image": images, "token_ids": tokens}, np.arange(pairs)))


def measure(form, pairs):
    """Runs in a process of its own, and prints MiB and losses of two equal steps."""
    model = compiled(form)
    step(model, 2)
    before = resident_mib()
    losses = [step(model, pairs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(peak - before, losses[0], step(model, pairs))


def measured(form, pairs):
    command = [sys.executable, __file__, "--pairs", str(pairs), "--measure", form]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(word) for word in done.stdout.split()]


def main():
    options = parser(__doc__)
    options.add_argument("--pairs", type=int, default=64)
    options.add_argument("--measure", choices=FORMS, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.measure:
        return measure(arguments.measure, arguments.pairs)
    rounds = 1 if arguments.short else 3
    runs = {form: [measured(form, arguments.pairs) for _ in range(rounds)] for form in FORMS}
    mib = {form: statistics.median(run[0] for run in of) for form, of in runs.items()}
    backend = keras.backend.backend()
    write_result(
        f"gradient_checkpointing_{backend}",
        what=f"memory of a step of a ViT-B/32 on {arguments.pairs} pairs, {backend}",
        ratio=mib["plain"] / mib["checkpointing"],
        kclip=f"{mib['checkpointing']:,.0f} MiB with gradient checkpointing",
        other=f"{mib['plain']:,.0f} MiB without",
        reach="the same losses, less memory",
        runs=runs,
    )


if __name__ == "__main__":
    main()
