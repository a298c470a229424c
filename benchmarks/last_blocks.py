"""Seconds of a training step of a CLIP's last blocks, from images or from what was computed once.

python benchmarks/last_blocks.py

A ViT-B/32 CLIP of random weights, float32, batches of 16 images at 224 pixels with captions of 77
tokens, of which `--image.train last:1 --text.train last:1` trains the last block of each tower and
the heads. One side runs both towers in each step, the other the frozen blocks once, and then steps
on the inputs of the last block, read from the disk. Both take turns, their losses must agree, and
a ratio is the median over the rounds. Beside it, five steps, as in five epochs, with
the pass of the frozen blocks.
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from results_file import parser, write_result
from turns import median_ratio, spread, take_turns

from kclip.losses import ContrastiveLoss
from kclip.models import CLIP, CachedDualEncoder
from kclip.models.towers.tower_cut import TowerCuts, cut_tower
from kclip.training.common.optimizer import TowerAdamW, compile_model
from kclip.training.common.train_modes import train_tower

BATCH_SIZE, LENGTH, END, EPOCHS = 16, 77, 49407, 5
COMMON = {"num_layers": 12, "activation": "quick_gelu", "epsilon": 1e-5}
IMAGE = {"hidden_dim": 768, "num_heads": 12, "intermediate_dim": 3072, **COMMON}
TEXT = {"hidden_dim": 512, "num_heads": 8, "intermediate_dim": 2048, **COMMON}
NUMBERS = {"image_size": 224, "patch_size": 32, "sequence_length": LENGTH}
ROUNDS, SHORT_ROUNDS = 9, 3
TOLERANCE = 1e-4  # relative, of the losses of the first two steps


def clip():
    """The same weights each time, the last block of each tower trained."""
    keras.utils.set_random_seed(0)
    numbers = {"vocabulary_size": END + 1, "end_token_id": END, "projection_dim": 512}
    model = CLIP("clip", IMAGE, TEXT, **NUMBERS, **numbers)
    for tower in (model.image_encoder, model.text_encoder):
        train_tower(tower, "last:1")
    return model


def batch() -> dict[str, np.ndarray]:
    """Images of noise and random tokens, which end as CLIP's do."""
    rng = np.random.default_rng(0)
    token_ids = np.full((BATCH_SIZE, LENGTH), END, np.int32)
    token_ids[:, :12] = rng.integers(0, END - 1, (BATCH_SIZE, 12))
    image = rng.uniform(0, 255, (BATCH_SIZE, 224, 224, 3)).astype(np.float32)
    return {"image": image, "token_ids": token_ids}


def step_of(model, inputs):
    """A function that reads a batch, takes a step and returns its loss."""
    compile_model(model, TowerAdamW(1e-5), ContrastiveLoss())

    def step() -> float:
        model.reset_metrics()
        read = {name: np.array(array) for name, array in inputs.items()}
        return float(model.train_on_batch(read, np.arange(BATCH_SIZE)))

    return step


def once(cuts: TowerCuts, inputs: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """The frozen blocks' outputs on the disk, and what else the upper parts read."""
    tokens = {"token_ids": inputs["token_ids"]}
    of = {
        "image_features": cuts.image.lower.predict_on_batch(inputs["image"]),
        "text_features": cuts.text.lower.predict_on_batch(tokens),
    }
    for name, array in of.items():
        np.save(folder / f"{name}.npy", array)
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in of} | tokens


def main() -> None:
    options = parser(__doc__)
    arguments = options.parse_args()
    inputs, model = batch(), clip()
    cuts = TowerCuts(
        cut_tower(model.image_encoder, "image_features"),
        cut_tower(model.text_encoder, "text_features"),
    )
    with tempfile.TemporaryDirectory() as name:
        kept = once(cuts, inputs, Path(name))  # traces
        steps = {
            "cached": step_of(CachedDualEncoder(model, cuts), kept),
            "streamed": step_of(clip(), inputs),
        }
        losses = {name: [step() for _ in range(2)] for name, step in steps.items()}
        if not np.allclose(losses["cached"], losses["streamed"], rtol=TOLERANCE):
            sys.exit(f"the losses differ: {losses}")
        steps["frozen blocks"] = lambda: once(cuts, inputs, Path(name))
        seconds = take_turns(steps, SHORT_ROUNDS if arguments.short else ROUNDS)
    streamed = [EPOCHS * of for of in seconds["streamed"]]
    cached = [
        first + EPOCHS * of
        for first, of in zip(seconds["frozen blocks"], seconds["cached"], strict=True)
    ]
    what = f"the last block of each tower of a ViT-B/32 CLIP, batch {BATCH_SIZE}, from what the"
    write_result(
        "last_blocks",
        what=f"a training step of {what} frozen blocks gave, against running them",
        ratio=median_ratio(seconds["streamed"], seconds["cached"]),
        kclip=spread(seconds["cached"], "s"),
        other=spread(seconds["streamed"], "s"),
        reach="the same losses",
        rows=[
            {
                "what": f"{EPOCHS} of these steps, the one pass of the frozen blocks included",
                "ratio": round(median_ratio(streamed, cached), 3),
                "kclip": spread(cached, "s"),
                "other": spread(streamed, "s"),
                "reach": "–",
            }
        ],
        losses=losses,
        seconds={name: [round(value, 4) for value in of] for name, of in seconds.items()},
    )


if __name__ == "__main__":
    main()
