import keras
import numpy as np
import pytest
from tiny_models import tiny_batch, tiny_dual_encoder

from kclip.losses import ContrastiveLoss
from kclip.models import CachedDualEncoder

BATCH = tiny_batch()
TOKENS = {name: value for name, value in BATCH.items() if name != "image"}
IDS = np.arange(len(BATCH["image"]))


def frozen(train_text):
    model = tiny_dual_encoder(dropout=0.0)
    model.image_encoder.trainable = False
    model.text_encoder.trainable = train_text
    return model


def features(model, train_text):
    """What the cached model is fed: the towers' own outputs."""
    inputs = {"image_features": np.asarray(model.image_encoder(BATCH["image"]))}
    if train_text:
        return inputs | TOKENS
    return inputs | {"text_features": np.asarray(model.text_encoder(TOKENS))}


@pytest.mark.parametrize("train_text", [False, True], ids=["both_frozen", "text_trained"])
def test_it_embeds_features_as_the_dual_encoder_embeds_what_they_came_from(train_text):
    model = frozen(train_text)
    ours = CachedDualEncoder(model)(features(model, train_text))
    theirs = model(BATCH)
    for side in ("image_embeddings", "text_embeddings"):
        np.testing.assert_allclose(np.asarray(ours[side]), np.asarray(theirs[side]), atol=1e-5)


@pytest.mark.parametrize("train_text", [False, True], ids=["both_frozen", "text_trained"])
def test_training_it_is_training_the_dual_encoder(train_text):
    """A step on features leaves the weights that a step on images and texts leaves."""
    model = frozen(train_text)
    start = model.get_weights()
    settings = {"epochs": 2, "batch_size": len(IDS), "shuffle": False, "verbose": 0}
    ended = {}
    for name in ("cached", "whole"):
        model.set_weights(start)
        trained = CachedDualEncoder(model) if name == "cached" else model
        inputs = features(model, train_text) if name == "cached" else BATCH
        trained.compile(keras.optimizers.SGD(0.1), loss=ContrastiveLoss())
        losses = trained.fit(inputs, IDS, **settings).history["loss"]
        ended[name] = losses, model.get_weights()
    np.testing.assert_allclose(ended["cached"][0], ended["whole"][0], rtol=1e-5)
    moved = 0
    for ours, theirs, before in zip(ended["cached"][1], ended["whole"][1], start, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        moved += np.any(theirs != before)
    assert moved > 10


def test_what_is_frozen_is_no_part_of_it():
    model = frozen(train_text=False)
    cached = CachedDualEncoder(model)
    heads = model.image_projection.weights + model.text_projection.weights
    assert len(cached.weights) == len(heads) + len(model.logit_scale.weights)
