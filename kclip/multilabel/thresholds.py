"""Thresholds that turn scores into labels, chosen on one split and kept with the model."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kclip.console.command_line import command_line
from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.files import replaced_when_done

Scope = Literal["per_class", "global"]

THRESHOLDS_FILE = "thresholds.json"


@dataclass(frozen=True)
class Thresholds:
    """The least score that names a class.

    Attributes:
        scope: "per_class" or "global".
        wanted_precision: what they were chosen for; None for the best F1.
        chosen_on: what they were chosen on, in words.
        overall: threshold of all classes together, which a class takes that is not in `by_class`.
        by_class: class -> its own threshold.

    None is the threshold where none reaches the wanted precision: the class is never named.

    Example:
        >>> thresholds = Thresholds("per_class", 0.9, "a few", 0.5, {"dog": 2.0, "yak": None})
        >>> thresholds.of(["yak", "dog", "cat"]).tolist()
        [inf, 2.0, 0.5]
    """

    scope: Scope
    wanted_precision: float | None
    chosen_on: str
    overall: float | None
    by_class: dict[str, float | None]

    def of(self, class_names: Sequence[str]) -> np.ndarray:
        """Returns the thresholds of C classes, (C,) float64; infinity for "never"."""
        values = [self.by_class.get(name, self.overall) for name in class_names]
        return np.array([np.inf if value is None else value for value in values])

    def labels(self, scores: np.ndarray, class_names: Sequence[str]) -> list[list[str]]:
        """Names the classes of each image, the highest score first.

        Args:
            scores: (N, C) floats.
            class_names: C names.

        Example:
            >>> thresholds = Thresholds("global", None, "", 0.5, {})
            >>> thresholds.labels(np.array([[0.6, 0.1, 0.9]]), ["a", "b", "c"])
            [['c', 'a']]
        """
        given = scores >= self.of(class_names)
        order = np.argsort(-scores, axis=1, kind="stable")
        return [
            [class_names[int(column)] for column in columns if row[column]]
            for row, columns in zip(given, order, strict=True)
        ]

    def save(self, path: Path) -> None:
        """Writes JSON, such as `thresholds.json` of a model folder."""
        with replaced_when_done(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Thresholds":
        """Reads what `save` wrote.

        Raises:
            UserError: the file is missing or damaged.
        """
        content = read_json(path, ("scope", "overall", "by_class"))
        try:
            return cls(**content)
        except TypeError as error:
            raise UserError(
                f"{path} holds no thresholds ({error}); delete it and choose them again with "
                f"{command_line('evaluate_multilabel')} --thresholds"
            ) from None


def choose_thresholds(
    labels: np.ndarray,
    scores: np.ndarray,
    class_names: Sequence[str],
    scope: Scope = "per_class",
    wanted_precision: float | None = None,
    chosen_on: str = "",
    valid_mask: np.ndarray | None = None,
) -> Thresholds:
    """Finds thresholds by scikit-learn's precision-recall curve.

    Args:
        labels: (N, C) of 0 and 1 or bool, of images that no result is reported on.
        scores: (N, C) floats.
        class_names: C names.
        scope: "per_class", where a class without a positive takes the one of all together, or
            "global", one for all, from all decisions together.
        wanted_precision: the highest recall that comes with this precision; None for the best F1.
        chosen_on: what the images are, in words.
        valid_mask: (N, C) bool, False where a label is ignored: no threshold is chosen by it. By
            default all count.

    Raises:
        UserError: no image has a label, the wanted precision is not in (0, 1], or no
            threshold reaches it.

    Example:
        >>> labels = np.array([[1], [1], [0], [1], [0]])
        >>> scores = np.array([[9], [8], [6], [4], [1]])
        >>> choose_thresholds(labels, scores, ["dog"]).by_class
        {'dog': 2.5}
        >>> choose_thresholds(labels, scores, ["dog"], wanted_precision=0.9).by_class
        {'dog': 7.0}
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores, np.float64)
    if wanted_precision is not None and not 0 < wanted_precision <= 1:
        raise UserError(f"the wanted precision is {wanted_precision}; give a number in (0, 1]")
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    labels = labels & valid_mask
    if not labels.any():
        raise UserError("no image has one of the classes, so no threshold can be chosen on them")
    overall = _best_threshold(labels[valid_mask], scores[valid_mask], wanted_precision)
    by_class = {}
    if scope == "per_class":
        by_class = {
            name: _best_threshold(labels[rows, column], scores[rows, column], wanted_precision)
            for column, (name, rows) in enumerate(zip(class_names, valid_mask.T, strict=True))
            if labels[:, column].any()
        }
    if overall is None and not any(value is not None for value in by_class.values()):
        raise UserError(
            f"no threshold makes {wanted_precision:.1%} of the labels given to the {len(labels)} "
            "images right; want a lower precision"
        )
    return Thresholds(scope, wanted_precision, chosen_on, overall, by_class)


def _best_threshold(
    labels: np.ndarray, scores: np.ndarray, wanted_precision: float | None
) -> float | None:
    """The best cut, half way to the next lower score: other images' scores differ a little."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, cuts = precision_recall_curve(labels, scores)
    precision, recall = precision[:-1], recall[:-1]  # the last point predicts nothing
    if wanted_precision is None:
        values = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    else:
        if precision.max() < wanted_precision:
            return None
        values = np.where(precision >= wanted_precision, recall, -1.0)
    best = len(values) - 1 - int(np.argmax(values[::-1]))  # of equal ones the most precise
    below = max(best - 1, 0)
    return float((cuts[best] + cuts[below]) / 2)
