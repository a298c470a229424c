"""Thresholds that turn scores into labels, chosen on one split and kept with the model."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from kclip.console.command_line import command_line
from kclip.data.sources.text_files import read_json
from kclip.errors import UserError
from kclip.files import replaced_when_done
from kclip.metrics.proportion import CONFIDENCE, counts_from_the_top, proportion_lower_bounds
from kclip.reading import in_one_sentence

Scope = Literal["per_class", "global"]

THRESHOLDS_FILE = "thresholds.json"


@dataclass(frozen=True)
class Thresholds:
    """The least score that names a class.

    Attributes:
        scope: "per_class" or "global".
        wanted_precision: what they were chosen for; None for the best F1.
        bound: where a precision is wanted, what that of each threshold is above, each with a
            confidence of 95 % (Clopper and Pearson).
        chosen_on: what they were chosen on, in words.
        overall: threshold of all classes together, which a class takes that is not in `by_class`.
        by_class: class -> its own threshold.

    None is the threshold where none reaches the wanted precision: the class is never named.

    Example:
        >>> thresholds = Thresholds("per_class", 0.9, 0.91, "a few", 0.5, {"dog": 2.0, "yak": None})
        >>> thresholds.of(["yak", "dog", "cat"]).tolist()
        [inf, 2.0, 0.5]
    """

    scope: Scope
    wanted_precision: float | None
    bound: float | None
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
            >>> thresholds = Thresholds("global", None, None, "", 0.5, {})
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
        content = read_json(path, ("scope", "bound", "overall", "by_class"))
        advice = (
            "delete it and choose them again with "
            f"{command_line('evaluate_multilabel')} --thresholds"
        )
        with in_one_sentence(f"the thresholds in {path}", advice):
            thresholds = cls(**content)
            names = ["", *thresholds.by_class]
            thresholds.of(names).astype(np.float64, casting="same_kind")
        return thresholds


def choose_thresholds(
    labels: np.ndarray,
    scores: np.ndarray,
    class_names: Sequence[str],
    scope: Scope = "per_class",
    wanted_precision: float | None = None,
    chosen_on: str = "",
    valid_mask: np.ndarray | None = None,
) -> Thresholds:
    """Finds the thresholds of the best F1, or of the highest recall at a wanted precision.

    The precision on the given images alone would be a guess: of the thresholds that reach it there,
    most miss it on other images. So its lower bound has to reach it, as in
    `threshold_for_accuracy`; a class of few images then is never named.

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

        Three of three are right, and yet the precision may be 0.05 ** (1 / 3):

        >>> labels = np.array([[1], [1], [1], [0]])
        >>> scores = np.array([[9], [8], [7], [4]])
        >>> chosen = choose_thresholds(labels, scores, ["dog"], wanted_precision=0.3)
        >>> chosen.by_class, round(chosen.bound, 3)
        ({'dog': 5.5}, 0.368)
    """
    labels, scores = np.asarray(labels).astype(bool), np.asarray(scores, np.float64)
    if wanted_precision is not None and not 0 < wanted_precision <= 1:
        raise UserError(f"the wanted precision is {wanted_precision}; give a number in (0, 1]")
    valid_mask = np.ones(labels.shape, bool) if valid_mask is None else np.asarray(valid_mask, bool)
    labels = labels & valid_mask
    if not labels.any():
        raise UserError("no image has one of the classes, so no threshold can be chosen on them")
    overall = _best_cut(labels[valid_mask], scores[valid_mask], wanted_precision)
    by_class = {}
    if scope == "per_class":
        by_class = {
            name: _best_cut(labels[rows, column], scores[rows, column], wanted_precision)
            for column, (name, rows) in enumerate(zip(class_names, valid_mask.T, strict=True))
            if labels[:, column].any()
        }
    used = [*by_class.values(), *[overall] * (len(by_class) < len(class_names))]
    found = [cut.bound for cut in used if cut.threshold is not None]
    if not found:
        raise UserError(
            f"no threshold makes {wanted_precision:.1%} of the labels given right, as far as "
            f"{len(labels)} images can tell with {CONFIDENCE:.0%} confidence; choose on more of "
            "them, or want a lower precision"
        )
    bound = None if wanted_precision is None else min(found)
    own = {name: cut.threshold for name, cut in by_class.items()}
    return Thresholds(scope, wanted_precision, bound, chosen_on, overall.threshold, own)


class _Cut(NamedTuple):
    threshold: float | None
    bound: float


def _best_cut(labels: np.ndarray, scores: np.ndarray, wanted_precision: float | None) -> _Cut:
    """The best cut, half way to the next lower score: other images' scores differ a little."""
    cuts, given, right = counts_from_the_top(scores, labels)
    bounds = proportion_lower_bounds(right, given, CONFIDENCE)
    # F1 and recall, up to what all cuts share; of equal ones the first, the most precise.
    values = right / (given + right[-1]) if wanted_precision is None else right
    reached = np.full(len(cuts), True) if wanted_precision is None else bounds >= wanted_precision
    if not reached.any():
        return _Cut(None, 0.0)
    best = int(np.argmax(np.where(reached, values, -1.0)))
    below = min(best + 1, len(cuts) - 1)
    return _Cut(float((cuts[best] + cuts[below]) / 2), float(bounds[best]))
