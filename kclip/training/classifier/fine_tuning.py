"""Fine-tuning a classifier: first its new head, then the network under it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from kclip.config.classifier import ClassifierSettings
from kclip.console.lines import LOGGER
from kclip.console.progress import keras_verbosity
from kclip.models import ImageClassifier
from kclip.training.classifier.image_batches import ImageBatches
from kclip.training.common.callbacks import StopOnNonFiniteLoss
from kclip.training.common.fit import write_history

History = list[dict[str, float]]


def train_classifier(
    model: ImageClassifier,
    train: ImageBatches,
    plain_train: ImageBatches,
    validation: ImageBatches,
    settings: ClassifierSettings,
    run_folder: Path,
    stop_requested: Callable[[], bool],
) -> History:
    """Trains a classifier; leaves the weights of the lowest validation loss in it.

    Args:
        model: with the network's weights in place.
        train: shuffled and augmented batches of the training images.
        plain_train: the same images in their order, for the features of the frozen network.
        validation: batches of the validation images.
        settings: the config.
        run_folder: where `history.csv` goes.
        stop_requested: asked after each batch; training then ends with the best so far.

    Returns:
        The logs of each epoch; `fine_tuning` is 0 while the head is trained, then 1.

    Raises:
        KclipError: the loss is not finite.
    """
    history: History = []
    write = _HistoryWriter(history, run_folder / "history.csv")

    def callbacks(stage: int) -> list[keras.callbacks.Callback]:
        write.stage = stage
        return [*_patient_callbacks(settings), _StopWhenAsked(stop_requested), write]

    if settings.weights is not None:
        _train_head(model, plain_train, validation, settings, callbacks(0))
    if settings.fine_tune_layers == 0 or stop_requested():
        return history
    head_weights = model.get_weights()
    unfreeze(
        model.image_encoder, settings.fine_tune_layers, pretrained=settings.weights is not None
    )
    rate = settings.head_learning_rate if settings.weights is None else settings.learning_rate
    _compile(model, rate, settings)
    model.fit(
        train,
        validation_data=validation,
        epochs=settings.epochs,
        callbacks=callbacks(1),
        shuffle=False,  # the batches come shuffled
        verbose=keras_verbosity(),
    )
    if _lowest(history, 0) <= _lowest(history, 1):  # fine-tuning made it worse
        model.set_weights(head_weights)
    return history


def unfreeze(image_encoder: Any, layers: Any, pretrained: bool) -> None:
    """Makes the last layers of a tower trainable.

    The batch normalisation of a pretrained network stays as it is: its statistics would forget
    what they know within a few small batches (keras.io, "Transfer learning & fine-tuning").

    Args:
        image_encoder: `kclip.models.ImageEncoder`.
        layers: how many, or "all".
        pretrained: bool.
    """
    image_encoder.trainable = True
    every = image_encoder.backbone.layers
    first = 0 if layers == "all" else len(every) - layers
    for number, layer in enumerate(every):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= first and not (pretrained and norm)


def _train_head(
    model: ImageClassifier,
    train: ImageBatches,
    validation: ImageBatches,
    settings: ClassifierSettings,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    encoder = model.image_encoder
    encoder.trainable = False
    LOGGER.info("computing the frozen network's features of training and validation images")
    verbose = keras_verbosity()
    features = encoder.predict(train, verbose=verbose)
    validation_features = encoder.predict(validation, verbose=verbose)
    inputs = keras.Input(features.shape[1:])
    head = keras.Model(inputs, model.probabilities(model.dropout(inputs)))
    _compile(head, settings.head_learning_rate, settings)
    head.fit(
        features,
        train.labels,
        validation_data=(validation_features, validation.labels),
        batch_size=settings.batch_size,
        epochs=settings.head_epochs,
        callbacks=callbacks,
        verbose=verbose,
    )


def _compile(model: Any, learning_rate: float, settings: ClassifierSettings) -> None:
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=settings.weight_decay)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def _patient_callbacks(settings: ClassifierSettings) -> list[keras.callbacks.Callback]:
    return [
        StopOnNonFiniteLoss("a smaller learning rate"),
        keras.callbacks.EarlyStopping(
            patience=settings.early_stopping_patience, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau(
            factor=settings.plateau_factor, patience=settings.plateau_patience
        ),
    ]


def _lowest(history: History, stage: int) -> float:
    losses = [row["val_loss"] for row in history if row["fine_tuning"] == stage]
    return min(losses, default=float("inf"))


class _StopWhenAsked(keras.callbacks.Callback):
    def __init__(self, stop_requested: Callable[[], bool]):
        super().__init__()
        self.stop_requested = stop_requested

    def on_train_batch_end(self, batch, logs=None):
        if self.stop_requested():
            self.model.stop_training = True


class _HistoryWriter(keras.callbacks.Callback):
    def __init__(self, history: History, path: Path):
        super().__init__()
        self.history = history
        self.path = path
        self.stage = 0

    def on_epoch_end(self, epoch, logs=None):
        values = {key: float(value) for key, value in logs.items()}
        self.history.append({"epoch": len(self.history), "fine_tuning": self.stage} | values)
        write_history(self.history, self.path)
