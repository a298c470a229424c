"""Fine-tuning a classifier: first its new head, then the network under it."""

from typing import Any

import keras

from kclip.config.classifier import ClassifierSettings
from kclip.features import FeatureStore
from kclip.models import ImageClassifier
from kclip.training.classifier.frozen_features import frozen_features
from kclip.training.classifier.image_batches import ImageBatches
from kclip.training.common.array_batches import ArrayBatches
from kclip.training.common.batch_statistics import fit_momentum
from kclip.training.common.callbacks import BestWeights, StopOnNonFiniteLoss
from kclip.training.common.fit import BEST_FILE, History, fit_epochs, write_history
from kclip.training.common.optimizer import compile_model
from kclip.training.common.run import Run

HEAD, NETWORK = "head", "network"  # the two parts of a training, each with a state of its own


def train_classifier(
    model: ImageClassifier,
    train: ImageBatches,
    plain_train: ImageBatches,
    validation: ImageBatches,
    settings: ClassifierSettings,
    run: Run,
    store: FeatureStore,
) -> History:
    """Trains a classifier; leaves the weights of the lowest validation loss in it.

    Args:
        model: with the network's weights in place.
        train: shuffled and augmented batches of the training images.
        plain_train: the same images in their order, for the features of the frozen network.
        validation: batches of the validation images.
        settings: the config.
        run: where `history.csv` and the states go, stop, resume, loggers.
        store: where the features of the frozen network are kept.

    Returns:
        The logs of each epoch; `fine_tuning` is 0 while the head is trained, then 1.

    Raises:
        KclipError: the loss is not finite.
    """
    history, head_loss = [], float("inf")
    if settings.pretrained:
        history, head_loss = _train_head(model, plain_train, validation, settings, run, store)
    if settings.fine_tune_layers == 0:
        return history
    head_weights = model.get_weights()
    unfreeze(model.image_encoder, settings.fine_tune_layers, settings.pretrained)
    rate = settings.learning_rate if settings.pretrained else settings.head_learning_rate
    fit_momentum(model._flatten_layers(), train.batches_per_epoch * settings.epochs)
    _compile(model, rate, settings)
    best = BestWeights(run.checkpoint(BEST_FILE, NETWORK), "val_loss", "min")
    history, loss = _fit(model, train, validation, settings.epochs, best, settings, run, history)
    if head_loss <= loss:  # fine-tuning made it worse
        model.set_weights(head_weights)
    return history


def _train_head(
    model: ImageClassifier,
    train: ImageBatches,
    validation: ImageBatches,
    settings: ClassifierSettings,
    run: Run,
    store: FeatureStore,
) -> tuple[History, float]:
    model.image_encoder.trainable = False
    features, held_out = (
        ArrayBatches(
            frozen_features(model, batches, store),
            batches.labels,
            settings.batch_size,
            shuffle=batches is train,
            seed=settings.seed,
        )
        for batches in (train, validation)
    )
    inputs = keras.Input(features.inputs.shape[1:])
    head = keras.Model(inputs, model.probabilities(model.dropout(inputs)))
    _compile(head, settings.head_learning_rate, settings)
    best = BestWeights(run.checkpoint(BEST_FILE, HEAD), "val_loss", "min")
    return _fit(head, features, held_out, settings.head_epochs, best, settings, run)


def _fit(
    model: Any,
    train: Any,
    validation: Any,
    epochs: int,
    best: BestWeights,
    settings: ClassifierSettings,
    run: Run,
    earlier: History | None = None,
) -> tuple[History, float]:
    """Trains one part; leaves its best epoch in the model, and returns all logs and its loss."""
    fine_tuning = earlier is not None

    def joined(history: History) -> History:
        rows = [{**row, "fine_tuning": int(fine_tuning)} for row in history]
        rows = [*(earlier or []), *rows]
        return [{**row, "epoch": number} for number, row in enumerate(rows)]

    history = fit_epochs(
        model,
        train,
        run,
        epochs,
        deciding=[
            StopOnNonFiniteLoss("a smaller learning rate"),
            best,
            keras.callbacks.EarlyStopping(patience=settings.early_stopping_patience),
            keras.callbacks.ReduceLROnPlateau(
                factor=settings.plateau_factor, patience=settings.plateau_patience
            ),
        ],
        validation=validation,
        stage=NETWORK if fine_tuning else HEAD,
        on_history=lambda history: write_history(joined(history), run.folder),
    )
    best.restore(model)
    return joined(history), min(row["val_loss"] for row in history)


def unfreeze(image_encoder: Any, layers: Any, pretrained: bool) -> None:
    """Makes the last layers of a tower trainable.

    The batch normalisation of a pretrained network stays as it is: its statistics would forget
    what they know within a few small batches (keras.io, "Transfer learning & fine-tuning").

    Args:
        image_encoder: an `ImageTowerModel`.
        layers: how many, or "all".
        pretrained: bool.
    """
    image_encoder.trainable = True
    every = getattr(image_encoder, "backbone", image_encoder).layers
    first = 0 if layers == "all" else len(every) - layers
    for number, layer in enumerate(every):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= first and not (pretrained and norm)


def _compile(model: Any, learning_rate: float, settings: ClassifierSettings) -> None:
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=settings.weight_decay)
    compile_model(model, optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
