"""Eight epochs over three captions an image with frozen towers: kclip against keras.io's example.

python benchmarks/cached_training.py            # the whole comparison: half an hour
python benchmarks/cached_training.py --short    # 64 images, and not all of the slow side's steps

BERT-base and Xception at 299 pixels, untrained and frozen, two projection heads of 256 that are
trained on generated pictures and captions with a batch as large as the number of images, so that
both forms have 24 steps. keras.io's nl_image_search runs both towers for every pair in every epoch;
its side is given decoded pictures and tokens, so that only the model is timed. kclip's side is
timed from TFRecords to the last step: one pass of each tower, then the heads on what it gave.

Both see the same pairs in the same order from the same weights, without dropout, and their losses
are compared step by step. In each round the slow side takes `--slow-steps` of its steps (the median
times 24 counts) and kclip does everything from the start.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from generated_records import make_preprocessor, scene_captions, words_of, write_records
from photographs import photographs
from results_file import parser, write_result
from turns import spread

from kclip.data.pipeline.split_reading import image_batches, iterate_texts
from kclip.features import FeatureStore, SplitFeatures, split_features
from kclip.losses import ContrastiveLoss
from kclip.models import CachedDualEncoder, DualEncoder, ImageEncoder, TextEncoder
from kclip.training.dual_encoder.cached_batches import CachedBatches

SIZE, LENGTH, EPOCHS, CAPTIONS = 299, 32, 8, 3
TOLERANCE = 1e-4


class Comparison:
    """Towers, data, and the weights that both sides' heads start from."""

    def __init__(self, count: int, folder: Path):
        captions = scene_captions(count, CAPTIONS)
        self.folder, self.batch_size = folder, count
        self.preprocessor = make_preprocessor(words_of(captions), SIZE, LENGTH)
        self.split = write_records(folder, list(photographs(count, SIZE, SIZE)), captions)
        keras.utils.set_random_seed(0)
        self.towers = (
            ImageEncoder("xception", image_size=SIZE, name="image_encoder"),
            TextEncoder.from_size(
                "base", len(words_of(captions)), pooling="cls", name="text_encoder"
            ),
        )
        pictures = next(image_batches(self.split, self.preprocessor.resize, 32).as_numpy_iterator())
        give_variation(self.towers[0], pictures)
        for tower in self.towers:
            tower.trainable = False
        self.start = self.dual_encoder().get_weights()

    @property
    def steps(self) -> int:
        """Of a whole training."""
        return EPOCHS * CAPTIONS

    def dual_encoder(self) -> DualEncoder:
        """New heads on the same towers."""
        return DualEncoder(*self.towers, projection_dim=256, dropout=0.0)

    def compiled(self, cached: bool):
        """A model with the heads of the start."""
        model = self.dual_encoder()
        model.set_weights(self.start)
        model = CachedDualEncoder(model) if cached else model
        model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-3), ContrastiveLoss())
        return model

    def batches(self, features: SplitFeatures):
        """All batches of the training, in an order that depends on the seed alone."""
        stream = CachedBatches(features, self.batch_size, "expand")
        for epoch in range(EPOCHS):
            stream.set_position(epoch)
            yield from stream.dataset()

    def inputs(self) -> SplitFeatures:
        """Pictures and tokens in the place of features."""
        images = image_batches(self.split, self.preprocessor.resize, 64).as_numpy_iterator()
        ids, _, captions = zip(*iterate_texts(self.split), strict=True)
        tokens = self.preprocessor.tokenize([text for of_image in captions for text in of_image])
        return SplitFeatures(
            image_features=np.concatenate(list(images))[None],
            text={name: np.asarray(array) for name, array in tokens.items()},
            caption_offsets=np.arange(len(ids) + 1) * CAPTIONS,
            ids=np.array(ids, np.int32),
        )


def give_variation(tower, pictures: np.ndarray) -> None:
    """Sets the batch norms' statistics; untrained, a network gives nearly the same for all."""
    norms = [
        layer
        for layer in tower._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for norm in norms:
        norm.momentum = 0.0
    tower(pictures, training=True)


def step(model, inputs, ids) -> float:
    """Trains on a batch and returns its loss."""
    model.reset_metrics()
    return float(model.train_on_batch(inputs, ids))


class SlowSide:
    """Both towers for every pair; goes on from step to step."""

    def __init__(self, comparison: Comparison):
        self.model = comparison.compiled(cached=False)
        self.batches = comparison.batches(comparison.inputs())
        self.losses, self.seconds = [], []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            inputs, ids = next(self.batches)
            started = time.perf_counter()
            pictures = {"image": inputs.pop("image_features")}
            self.losses.append(step(self.model, pictures | inputs, ids))
            self.seconds.append(time.perf_counter() - started)


def kclip_side(comparison: Comparison) -> tuple[list[float], dict[str, float]]:
    """The whole training; returns each step's loss, and the seconds of its parts."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=comparison.folder) as store:
        features = split_features(
            comparison.dual_encoder(),
            comparison.preprocessor,
            comparison.split,
            FeatureStore(Path(store)),
        )
        computed = time.perf_counter()
        model = comparison.compiled(cached=True)
        losses = [step(model, *batch) for batch in comparison.batches(features)]
    ended = time.perf_counter()
    return losses, {"towers": computed - started, "heads": ended - computed}


def compare(count: int, rounds: int, slow_steps: int):
    """Both sides in turn."""
    with tempfile.TemporaryDirectory() as name:
        comparison = Comparison(count, Path(name))
        slow = SlowSide(comparison)
        slow.run(1)
        slow.seconds.clear()  # traced
        losses, _ = kclip_side(comparison)
        ours = []
        for _ in range(rounds):
            slow.run(min(slow_steps, comparison.steps - len(slow.losses)))
            ours.append(kclip_side(comparison)[1])
        apart = float(np.abs(np.subtract(slow.losses, losses[: len(slow.losses)])).max())
        theirs = [comparison.steps * seconds for seconds in slow.seconds]
        return ours, theirs, apart, losses


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=256)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--slow-steps", type=int, default=7, help="of 24, in each round")
    arguments = options.parse_args()
    if arguments.short:
        arguments.images, arguments.rounds, arguments.slow_steps = 64, 2, 2
    ours, theirs, apart, losses = compare(arguments.images, arguments.rounds, arguments.slow_steps)
    if not apart <= TOLERANCE:
        sys.exit(f"the losses differ by {apart:.1e}, more than {TOLERANCE}")
    totals = [sum(parts.values()) for parts in ours]
    write_result(
        "cached_training",
        what=f"{EPOCHS} epochs x {CAPTIONS} captions, frozen BERT-base + Xception, "
        f"{arguments.images} images, against running both towers for every pair (keras.io)",
        ratio=statistics.median(theirs) / statistics.median(totals),
        kclip=spread(totals, "s"),
        other=spread(theirs, "s") + f", from {len(theirs)} of its 24 steps",
        reach="≥ 12, losses within 1e-4",
        images=arguments.images,
        largest_difference_of_losses=float(f"{apart:.1e}"),
        losses=[round(loss, 4) for loss in losses],
        kclip_seconds=[{part: round(value, 2) for part, value in of.items()} for of in ours],
        other_seconds_a_step=[round(seconds / 24, 2) for seconds in theirs],
    )


if __name__ == "__main__":
    main()
