"""Linear probes: logistic regression on frozen embeddings, from many examples or from a few."""

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kclip.errors import UserError

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

# Candidates for scikit-learn's C, from strong to weak regularisation: embeddings have length 1,
# so their entries are small and weights must be large.
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1e3)
ONE_SHOT_STRENGTH = 1.0
MAX_FOLDS = 5


def fit_probe(
    embeddings: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    seed: int = 0,
    distinct: np.ndarray | None = None,
) -> "LogisticRegression":
    """Fits a linear probe; its C is chosen by stratified cross-validation on the same images.

    With one image a class nothing can be held out, and C is 1. Radford et al. 2021 (section 3.2
    and appendix A.3) sweep C on a validation split.

    Args:
        embeddings: (N, D) floats.
        labels: (N,) integers in [0, C), every class at least once.
        class_names: C names, for messages.
        seed: of the folds.
        distinct: (N,) bool, one True in each group of copies: C is chosen on these, since a copy
            in another fold would be known already. By default nothing has copies.

    Returns:
        The fitted model; `predict_proba` gives (M, C), `.C` the chosen strength.

    Raises:
        UserError: a class has no image, or there is only one class.

    Example:
        >>> images = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> probe = fit_probe(images, np.array([0, 0, 1, 1]), ["cat", "dog"])
        >>> probe.predict([[0.8, 0.2], [0.3, 0.7]]).tolist()
        [0, 1]
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from threadpoolctl import threadpool_limits

    _check_counts(np.bincount(labels, minlength=len(class_names)), class_names, 1)
    chosen_on = np.flatnonzero(np.ones(len(labels), bool) if distinct is None else distinct)
    counts = np.bincount(labels[chosen_on], minlength=len(class_names))
    folds = min(MAX_FOLDS, int(counts.min()))
    # Products this small take ten times longer where BLAS divides them among busy cores.
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        # A weakly regularised candidate that isn't done after 1,000 steps is judged as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if folds < 2:
            return LogisticRegression(C=ONE_SHOT_STRENGTH, max_iter=1000).fit(embeddings, labels)
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
        candidates = {"C": list(STRENGTHS)}
        search = GridSearchCV(
            LogisticRegression(max_iter=1000), candidates, cv=splits, refit=False
        ).fit(embeddings[chosen_on], labels[chosen_on])
        return LogisticRegression(max_iter=1000, **search.best_params_).fit(embeddings, labels)


def sample_shots(
    labels: np.ndarray, class_names: Sequence[str], shots: Sequence[int], seed: int, draw: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Samples k images of each class, for every k; a larger sample holds the smaller ones.

    Args:
        labels: (N,) integers in [0, C).
        class_names: C names, for messages.
        shots: the values of k.
        seed: another one samples other images.
        draw: which of several samples of one seed; no seed has a sample of another one.

    Yields:
        k, and (C * k,) rows of `labels`.

    Raises:
        UserError: a class has fewer images than the largest k.

    Example:
        >>> labels = np.array([0, 0, 0, 1, 1, 1])
        >>> [labels[rows].tolist() for _, rows in sample_shots(labels, ["cat", "dog"], [1, 2], 0)]
        [[0, 1], [0, 0, 1, 1]]
    """
    _check_counts(np.bincount(labels, minlength=len(class_names)), class_names, max(shots))
    rng = np.random.default_rng([seed, draw])
    orders = [rng.permutation(np.flatnonzero(labels == c)) for c in range(len(class_names))]
    for k in shots:
        yield k, np.concatenate([order[:k] for order in orders])


def _check_counts(counts: np.ndarray, class_names: Sequence[str], needed: int) -> None:
    if len(class_names) < 2:
        raise UserError(f"a probe takes at least two classes, got {list(class_names)}")
    fewest = int(counts.argmin())
    if counts[fewest] < needed:
        raise UserError(
            f"{needed} training images a class are asked for, but {class_names[fewest]!r} has "
            f"{counts[fewest]}; use fewer shots, or give more training images"
        )
