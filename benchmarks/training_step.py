"""Seconds of a training step of a ViT-B/32 CLIP, kclip against Hugging Face transformers.

make peers
python benchmarks/training_step.py

One set of random weights, float32, batches of 16 images at 224 pixels with captions of 77 tokens:
forward and backward pass, clipping of the gradients and a step of AdamW on all weights, with kclip
as `train_dual_encoder --preset fine_tune_clip` compiles it, on TensorFlow. transformers runs in a
process of its own; both take turns, and a ratio is the median over the rounds. The losses of the
first steps must agree. Beside it, kclip with adapters (LoRA) alone, and with frozen towers whose
features are there already. The machine should have nothing else to do.
"""

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from peer import Peer
from results_file import add_peers_python, parser, write_result
from turns import median_ratio, spread, take_turns

from kclip.config.dual_encoder import Objective, Optimization
from kclip.config.towers import ImageTower, TextTower
from kclip.losses import ContrastiveLoss
from kclip.models import CachedDualEncoder
from kclip.training.common.optimizer import compile_model
from kclip.training.dual_encoder.fine_tuning import open_start
from kclip.training.dual_encoder.fit import build_optimizer

BATCH_SIZE, IMAGE_SIZE, LENGTH, END = 16, 224, 77, 49407
RATE, DECAY, CLIP_NORM = 1e-5, 0.01, 1.0
ALL, PEER = "all weights", "transformers"
# What else is timed: way -> what is trained of each tower.
LORA, CACHED = "adapters of rank 8", "frozen towers, features at hand"
MODES = {ALL: "all", LORA: "lora:8", CACHED: "head"}
ROUNDS, SHORT_ROUNDS = 9, 3
TOLERANCE = 1e-3  # relative, of the losses of the first two steps


def write_batch(folder: Path) -> Path:
    """Images of noise and random tokens, which end as CLIP's do."""
    rng = np.random.default_rng(0)
    shape = (BATCH_SIZE, IMAGE_SIZE, IMAGE_SIZE, 3)
    token_ids = np.full((BATCH_SIZE, LENGTH), END, np.int32)
    token_ids[:, :12] = rng.integers(0, END - 1, (BATCH_SIZE, 12))
    file = folder / "batch.npz"
    np.savez(file, images=rng.integers(0, 256, shape, np.uint8), token_ids=token_ids)
    return file


def step_of(way: str, folder: Path, batch: dict[str, np.ndarray]):
    """A function that takes a step and returns its loss."""
    mode = MODES[way]
    model = open_start(
        str(folder), ImageTower(train=mode), TextTower(train=mode), Objective("hard"), "float32"
    ).model
    inputs = {"image": batch["images"], "token_ids": batch["token_ids"]}
    if way == CACHED:
        towers = (model.image_encoder, model.text_encoder)
        features = (towers[0](inputs["image"]), towers[1]({"token_ids": inputs["token_ids"]}))
        names = ("image_features", "text_features")
        inputs = {name: np.array(value) for name, value in zip(names, features, strict=True)}
        model = CachedDualEncoder(model)
    settings = Optimization(
        learning_rate=RATE, weight_decay=DECAY, clip_norm=CLIP_NORM, schedule="plateau"
    )
    compile_model(model, build_optimizer(settings, steps=1), ContrastiveLoss("hard"))
    ids = np.arange(BATCH_SIZE)

    def step() -> float:
        model.reset_metrics()
        return float(model.train_on_batch(inputs, ids))

    return step


def row_of(way: str, seconds: dict[str, list[float]], reach: str) -> dict:
    """One comparison."""
    return {
        "what": f"a training step of a ViT-B/32 CLIP, batch {BATCH_SIZE}, {way}, against all "
        "weights in transformers on PyTorch",
        "ratio": round(median_ratio(seconds[PEER], seconds[way]), 3),
        "kclip": spread(seconds[way], "s"),
        "other": spread(seconds[PEER], "s"),
        "reach": reach,
    }


def main() -> None:
    options = parser(__doc__)
    add_peers_python(options)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(arguments.torch_python, "torch_training_step.py", folder)
        file = write_batch(Path(folder))
        batch = dict(np.load(file))
        keras.utils.set_random_seed(0)
        steps = {way: step_of(way, Path(folder) / "model", batch) for way in MODES}
        steps[PEER] = partial(peer.ask, str(file))
        losses = {name: [step() for _ in range(2)] for name, step in steps.items()}  # warms up, too
        if not np.allclose(losses[ALL], losses[PEER], rtol=TOLERANCE):
            sys.exit(f"the losses differ: {losses[ALL]} and {losses[PEER]}")
        seconds = take_turns(steps, SHORT_ROUNDS if arguments.short else ROUNDS)
        peer.close()
    reaches = {ALL: "≥ 1.0"} | dict.fromkeys((LORA, CACHED), "–")
    rows = [row_of(way, seconds, reach) for way, reach in reaches.items()]
    write_result(
        "training_step",
        **rows[0],
        rows=rows[1:],
        versions=peer.versions,
        losses=losses,
        seconds={name: [round(value, 4) for value in of] for name, of in seconds.items()},
    )


if __name__ == "__main__":
    main()
