"""The linear probe: ridge regression of all classes at once on standardised features."""

from typing import Any

import numpy as np

STRENGTHS = (30.0, 100.0, 300.0, 1e3, 3e3, 1e4)


def probe_scores(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fits a probe and scores images.

    The strength of its regularisation is chosen by leave-one-out on the training images
    (scikit-learn's `RidgeCV`), of each group of copies one: who is left out must not be known.

    Args:
        train: (R, F) features.
        labels: (R, C) of 0 and 1.
        test: (N, F) features.
        groups: (R,) the group of copies of each training image. By default nothing has copies.

    Returns:
        scores: (N, C) of the test images.
        train_scores: (R, C) of the training images.

    Example:
        >>> scores, _ = probe_scores(np.eye(4)[:, :2], np.eye(4)[:, :2], np.eye(2))
        >>> scores.argmax(axis=1).tolist()
        [0, 1]
    """
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    distinct = np.arange(len(train)) if groups is None else np.unique(groups, return_index=True)[1]
    scaled = StandardScaler().fit_transform(train[distinct])
    strength: Any = RidgeCV(STRENGTHS).fit(scaled, labels[distinct]).alpha_
    probe = make_pipeline(StandardScaler(), Ridge(strength)).fit(train, labels)
    return probe.predict(test), probe.predict(train)
