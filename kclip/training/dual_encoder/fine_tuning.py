"""Fine-tuning a dual encoder, CLIP or SigLIP: loading it, and mixing its weights back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from keras import ops

from kclip.config.dual_encoder import Objective
from kclip.config.towers import ImageTower, TextTower
from kclip.errors import UserError
from kclip.inference.loading import load_model, refuse_export
from kclip.models import ClipPreprocessor, DualEncoder, DualEncoderPreprocessor
from kclip.models.folder.adapters import low_rank_factors, save_adapters
from kclip.training.common.mixing import mix_weights
from kclip.training.common.train_modes import merge_lora, prepare_tower

# Of the way back to the weights before, what `keep_fraction` "auto" chooses from.
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)

KeepFraction = Literal["auto"] | float


@dataclass(frozen=True)
class Start:
    """A model that is fine-tuned, and what it was before.

    Args:
        model: whose weights are trained.
        preprocessor: of the model.
        weights: the model's, as `get_weights` gave them before any training.
        about: the model's name and what is trained, for whoever finds its adapters.
    """

    model: DualEncoder
    preprocessor: DualEncoderPreprocessor | ClipPreprocessor
    weights: list[np.ndarray]
    about: dict[str, str]


def open_start(
    name: str, image: ImageTower, text: TextTower, objective: Objective, dtype: str
) -> Start:
    """Loads a model to go on from, and makes trainable what the config names.

    Args:
        name: whatever `kclip.load` takes but exports.
        image: what is trained on the image's side.
        text: what is trained on the text's side.
        objective: the loss, and how near the heads stay to their start.
        dtype: dtype policy.

    Raises:
        UserError: the model cannot be loaded, its loss is another, or nothing would be trained.
    """
    refuse_export(name)
    model, preprocessor = load_model(name, dtype)
    _check_loss(name, model, objective.loss)
    about = {"base": name, "image.train": image.train, "text.train": text.train}
    start = Start(model, preprocessor, model.get_weights(), about)
    sides = (
        (image, model.image_encoder, model.image_projection),
        (text, model.text_encoder, model.text_projection),
    )
    for settings, tower, head in sides:
        prepare_tower(tower, settings)
        head.trainable = settings.train != "frozen"
        if getattr(head, "standardization", None):
            head.standardization.trainable = False  # its statistics are the model's
        if objective.stay_near and not settings.trained:
            _stay_near(head, objective.stay_near)
    trained = {id(variable) for variable in model.trainable_variables}
    if not trained - {id(variable) for variable in model.logit_scale.variables}:
        raise UserError(
            f"--image.train {image.train} and --text.train {text.train} leave nothing of "
            f"{name!r} to train; give one of them another mode"
        )
    return start


def finish(
    start: Start,
    before: Mapping[str, Any],
    keep_fraction: KeepFraction,
    evaluate: Callable[[], Mapping[str, Any]],
    adapters: Path,
) -> dict[str, Any]:
    """Ends a fine-tuning: adapters become weights, and some of the old weights come back (WiSE-FT).

    Args:
        start: the model, trained.
        before: what `evaluate` gave before the training.
        keep_fraction: of the way back: 0 leaves the trained weights, 1 puts the old ones back;
            "auto" takes that of `FRACTIONS` with the best score, of equal ones the least. The
            score is the mean of the model's own recall@10 and its zero-shot accuracy.
        evaluate: measures the model as it is.
        adapters: folder for what was trained, where there are adapters; see `save_adapters`.

    Returns:
        `fine_tuning`: `before`, the number of `trained_parameters`, the `keep_fraction` and, where
        it was chosen, the `scores` of all.
    """
    trained_parameters = sum(
        int(np.prod(variable.shape)) for variable in start.model.trainable_variables
    )
    factors = low_rank_factors(start.model)
    merge_lora(start.model)
    trained = start.model.get_weights()
    scores = {}
    if keep_fraction == "auto":
        for fraction in FRACTIONS:
            _put(start, trained, fraction)
            scores[fraction] = _score(evaluate())
        keep_fraction = max(FRACTIONS, key=lambda fraction: (scores[fraction], -fraction))
    _put(start, trained, keep_fraction)
    if factors:
        left = 1 - keep_fraction
        save_adapters(adapters, start.model, start.weights, factors, left, start.about)
    return {
        "fine_tuning": {
            "before": figures(before),
            "trained_parameters": trained_parameters,
            "parameters": start.model.count_params(),
            "keep_fraction": keep_fraction,
            "scores": {f"{fraction:g}": score for fraction, score in scores.items()},
        }
    }


def figures(results: Mapping[str, Any]) -> dict[str, float]:
    """The figures of an evaluation that a fine-tuning is judged by, each in [0, 1]."""
    ways = {"text → image": "text_to_image", "image → text": "image_to_text"}
    found = {
        f"{name}, recall@10": results["retrieval"][way]["recall@10"] for name, way in ways.items()
    }
    if "zero_shot" in results:
        found["zero-shot accuracy"] = results["zero_shot"]["accuracy"]
    return found


def mean_recall(results: Mapping[str, Any]) -> float:
    """The mean of both directions' recall@10."""
    retrieval = results["retrieval"]
    return (retrieval["text_to_image"]["recall@10"] + retrieval["image_to_text"]["recall@10"]) / 2


def _score(results: Mapping[str, Any]) -> float:
    return (mean_recall(results) + results["zero_shot"]["accuracy"]) / 2


def _put(start: Start, trained: Sequence[np.ndarray], keep_fraction: float) -> None:
    start.model.set_weights(mix_weights(start.weights, trained, 1 - keep_fraction))


def _check_loss(name: str, model: DualEncoder, loss: str) -> None:
    judges_pairs = model.logit_scale.bias is not None
    if judges_pairs != (loss == "sigmoid"):
        fitting = "sigmoid" if judges_pairs else "multi_positive, hard or soft"
        kind = "each pair by itself" if judges_pairs else "one text of many"
        raise UserError(
            f"{name!r} was trained to judge {kind}, which --objective.loss {loss} does not; give "
            f"--objective.loss {fitting}"
        )


def _stay_near(head: Any, weight: float) -> None:
    """Pulls a head towards where it starts, by the square of its distance from there.

    Fahes et al. 2024, "Fine-tuning CLIP's Last Visual Projector" (ProLIP), for few images.
    """
    for variable in head.trainable_variables:
        origin = np.array(variable)
        variable.regularizer = lambda value, origin=origin: (
            weight * ops.sum(ops.square(value - origin))
        )
