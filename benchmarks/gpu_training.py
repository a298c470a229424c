"""Pairs a second of training BERT-base + Xception end to end on an accelerator.

KERAS_BACKEND=jax python benchmarks/gpu_training.py
KERAS_BACKEND=tensorflow python benchmarks/gpu_training.py --short   # tiny towers, on a CPU too

299 pixels, 32 tokens, mixed_bfloat16, untrained weights, batches that lie on the device already, so
that the model alone is timed. With both towers, one or none of them trained, for each batch size,
doubled until one does not fit: pairs a second, memory at its peak so far, and the share of the
measured matrix ceiling that the model's own operations reach (a tower that is trained counts three
times its forward pass). Then both towers on contrastive batches up to 32,768 by cached accumulation
(`ChunkedModel`), in chunks of the batch that was fastest, whose second forward pass is not counted
as work. Each tower's forward pass is timed by itself, too.

It writes `results/gpu_training.json` only where there is an accelerator.
"""

import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from backend_device import (
    device_name,
    forward_flops,
    matrix_ceiling,
    peak_gib,
    seconds_a_call,
)
from results_file import parser, write_result
from turns import spread

from kclip.losses import ContrastiveLoss
from kclip.models import DualEncoder, ImageEncoder, TextEncoder
from kclip.training.dual_encoder.chunked_model import ChunkedModel

VOCABULARY, REPORT = 30_522, 21  # pairs a second on the report's RTX 3060
# setting -> whether the image tower and the text tower are trained
TRAINED = {
    "both": (True, True),
    "image": (True, False),
    "text": (False, True),
    "none": (False, False),
}


def build(arguments, trained: tuple[bool, bool]) -> DualEncoder:
    """A model, not compiled."""
    keras.utils.set_random_seed(0)
    image = ImageEncoder(
        arguments.image, image_size=arguments.size, dtype=arguments.dtype, name="image_encoder"
    )
    text = TextEncoder.from_size(
        arguments.text, VOCABULARY, pooling="cls", dtype=arguments.dtype, name="text_encoder"
    )
    image.trainable, text.trainable = trained
    return DualEncoder(image, text, projection_dim=256, dtype=arguments.dtype)


def make_batch(arguments, batch_size: int):
    """Noise and random tokens, on the device."""
    rng = np.random.default_rng(0)
    shape = (batch_size, arguments.length)
    tokens = {
        "token_ids": rng.integers(5, VOCABULARY, shape, np.int32),
        "padding_mask": np.ones(shape, np.int32),
        "segment_ids": np.zeros(shape, np.int32),
    }
    pictures = rng.integers(0, 256, (batch_size, arguments.size, arguments.size, 3), np.uint8)
    inputs = {"image": pictures, **tokens}
    inputs = {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
    return inputs, keras.ops.arange(batch_size)


def measure_step(
    arguments, trained: str, batch_size: int, ceiling: float, chunk_size: int | None = None
) -> dict:
    """One setting and batch size; by cached accumulation where a chunk's size is given."""
    model = build(arguments, TRAINED[trained])
    trainer = model if chunk_size is None else ChunkedModel(model, chunk_size)
    trainer.compile(keras.optimizers.AdamW(1e-4, weight_decay=1e-3), ContrastiveLoss())
    inputs, ids = make_batch(arguments, batch_size)
    seconds = seconds_a_call(lambda: trainer.train_on_batch(inputs, ids), arguments.steps)
    flops = (
        forward_flops(model.image_encoder),
        forward_flops(model.text_encoder, arguments.length),
    )
    factors = (3 if of_tower else 1 for of_tower in TRAINED[trained])
    used = batch_size * sum(f * count for f, count in zip(factors, flops, strict=True))
    return {
        "trained": trained,
        "batch_size": batch_size,
        "chunk_size": chunk_size,
        "pairs_per_second": [round(batch_size / value, 2) for value in seconds],
        "share_of_ceiling": round(used / statistics.median(seconds) / ceiling, 3),
        "peak_gib": round(peak_gib(), 2),
    }


def measure_towers(arguments, batch_size: int) -> dict[str, float]:
    """Median seconds of each tower's forward pass."""
    model = build(arguments, TRAINED["both"])
    inputs, _ = make_batch(arguments, batch_size)
    texts = {name: value for name, value in inputs.items() if name != "image"}
    passes = {
        "image": lambda: model.image_encoder.predict_on_batch(inputs["image"]),
        "text": lambda: model.text_encoder.predict_on_batch(texts),
    }
    return {
        name: round(statistics.median(seconds_a_call(call, arguments.steps)), 4)
        for name, call in passes.items()
    }


def measure(
    arguments, ceiling: float, trained: str, batch_size: int, last: int, chunk_size=None
) -> list[dict]:
    """One setting from a batch size on, doubled up to the last or to one that does not fit."""
    found = []
    while batch_size <= last:
        try:
            found.append(measure_step(arguments, trained, batch_size, ceiling, chunk_size))
        except Exception as error:  # each backend has its own for memory that is exhausted
            if "RESOURCE_EXHAUSTED" not in str(error) and "OOM" not in str(error):
                raise
            break
        print(found[-1], flush=True)
        batch_size *= 2
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--image", default="xception", help="a network of keras.applications")
    options.add_argument("--text", default="base", help="a BERT's size")
    options.add_argument("--size", type=int, default=299, help="of the pictures, in pixels")
    options.add_argument("--length", type=int, default=32, help="tokens a text")
    options.add_argument("--dtype", default="mixed_bfloat16")
    options.add_argument("--first-batch", type=int, default=64)
    options.add_argument("--last-batch", type=int, default=4096)
    options.add_argument("--last-contrastive-batch", type=int, default=32_768)
    options.add_argument("--steps", type=int, default=10, help="timed, of each setting")
    options.add_argument("--matrix", type=int, default=8192, help="size of the ceiling's matrices")
    arguments = options.parse_args()
    if arguments.short:
        arguments.image, arguments.text, arguments.size = "small_cnn", "tiny", 64
        arguments.first_batch, arguments.last_batch, arguments.steps = 8, 8, 2
        arguments.matrix, arguments.last_contrastive_batch = 256, 32
    ceiling = matrix_ceiling(arguments.dtype.removeprefix("mixed_"), arguments.matrix)
    print(f"{device_name()}: {ceiling / 1e12:.3g} TFLOP/s in matrix products", flush=True)
    first, last = arguments.first_batch, arguments.last_batch
    of_trained = {name: measure(arguments, ceiling, name, first, last) for name in TRAINED}
    best = max(of_trained["both"], key=lambda row: statistics.median(row["pairs_per_second"]))
    chunk, largest = best["batch_size"], arguments.last_contrastive_batch
    cached = measure(arguments, ceiling, "both", 2 * chunk, largest, chunk)
    towers = measure_towers(arguments, best["batch_size"])
    print("forward pass of each tower, seconds:", towers)
    if device_name() == "cpu":
        return
    write_result(
        "gpu_training",
        what=f"end-to-end training of {arguments.text} BERT + {arguments.image} on "
        f"{device_name()}, batch {best['batch_size']}, against the report's RTX 3060",
        ratio=statistics.median(best["pairs_per_second"]) / REPORT,
        kclip=spread(best["pairs_per_second"], "pairs/s"),
        other=f"{REPORT} pairs/s",
        reach="≥ 95 (2,000 pairs/s)",
        backend=keras.backend.backend(),
        ceiling_tflops=round(ceiling / 1e12, 1),
        forward_seconds=towers,
        settings=[row for rows in of_trained.values() for row in rows],
        cached_accumulation=cached,
    )


if __name__ == "__main__":
    main()
