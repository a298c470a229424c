"""A run on augmented images that was stopped within an epoch ends like a whole one."""

import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from image_files import noise_png

from kclip.data.image_record import ImageRecord
from kclip.data.pipeline.augmentation import build_augmentation
from kclip.data.pipeline.streamed_batches import InputFunctions, StreamedBatches
from kclip.data.records.encoding import Encoding
from kclip.data.records.metadata import write_metadata
from kclip.data.records.writer import build_shards, open_split
from kclip.training.common.fit import fit_epochs
from kclip.training.common.run import Run
from kclip.training.common.stop_signals import Stopped, StopRequest

SIZE = 16


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    records = [
        ImageRecord(str(n), f"{n}.png", noise_png(n, SIZE), (f"noise {n}",)) for n in range(12)
    ]
    shards = build_shards({"train": records}, folder, Encoding(), {"train": 3}, 1, {}).shards
    write_metadata(folder, shards)
    return open_split(folder, "train")


class StopAfter(StopRequest):
    """Is asked to stop when it has been asked so often itself."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def __call__(self):
        self.times -= 1
        if self.times == 0:
            self.signal = signal.SIGTERM
        return super().__call__()


def resize(image):
    return tf.image.resize(image, (SIZE, SIZE))


def train(split, name, folder, stop, resume=False):
    """A regression of the hashed ids on the pixels; returns the weights after two epochs."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model({"image": image}, keras.layers.Dense(1)(x))

    def loss(ids, outputs):
        wanted = keras.ops.cast(ids % 7, "float32")
        return keras.ops.square(outputs[:, 0] - wanted)

    model.compile(keras.optimizers.SGD(0.01), loss)
    functions = InputFunctions(resize, lambda _: {}, build_augmentation(name, seed=5), SIZE)
    batches = StreamedBatches(split, functions, batch_size=4, seed=5)
    fit_epochs(model, batches, Run(folder, stop, "again", resume), 2, quiet=True)
    return model.get_weights()


# The images come through tf.data under any backend, so JAX is asked with one augmentation alone.
@pytest.mark.parametrize(
    "name",
    ["flip", *(pytest.param(n, marks=pytest.mark.slow) for n in ("shrink", "crop", "randaugment"))],
)
def test_the_weights_are_those_of_a_whole_run(split, name, tmp_path):
    whole = train(split, name, tmp_path / "whole", StopRequest())
    with pytest.raises(Stopped, match="in epoch 2 after batch 1"):
        train(split, name, tmp_path / "broken", StopAfter(4))
    ours = train(split, name, tmp_path / "broken", StopRequest(), resume=True)
    for one, other in zip(ours, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
