"""Whether probabilities mean what they say: temperature and calibration error."""

from typing import Any

import numpy as np

from kclip.metrics.classification import check_rows, predicted_classes

NUM_BINS = 15  # of Guo et al. 2017
# Where every row is right, ever sharper probabilities fit ever better: the fit ends here instead.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0


def negative_log_likelihood(
    labels: np.ndarray, logits: np.ndarray, temperature: float = 1.0
) -> float:
    """Returns the mean of -log p(right class), in nats.

    Args:
        labels: (N,) integers in [0, C).
        logits: (N, C) floats.
        temperature: what the logits are divided by.

    Example:
        >>> round(negative_log_likelihood(np.array([1]), np.log([[1.0, 3.0]])), 4)
        0.2877
    """
    from scipy.special import log_softmax

    log_probabilities = log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return float(-np.take_along_axis(log_probabilities, np.asarray(labels)[:, None], 1).mean())


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Finds the temperature under which the right classes are likeliest.

    It is temperature scaling (Guo et al. 2017, section 4.2): one positive number, found on labelled
    rows that the result is not measured on; the order of the classes stays, so accuracy does too.
    The likelihood has one maximum in 1 / temperature, hence the search in one dimension.

    Args:
        labels: (N,) integers in [0, C), N > 0.
        logits: (N, C) floats.

    Returns:
        A number in [0.01, 100]; it nears a bound where every row is right (no temperature is low
        enough) or the logits are worse than chance (none is high enough).

    Raises:
        ValueError: the shapes do not belong together, or there are no rows.

    Example:
        >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
        >>> labels = np.array([0, 0, 0, 1])  # right 3 times in 4: p = 0.75, so 2 / T = ln 3
        >>> round(2 / fit_temperature(labels, logits), 3), round(float(np.log(3)), 3)
        (1.099, 1.099)
    """
    from scipy.optimize import minimize_scalar

    labels, logits = np.asarray(labels), np.asarray(logits, np.float64)
    check_rows(labels, logits)
    result: Any = minimize_scalar(
        lambda log: negative_log_likelihood(labels, logits, np.exp(log)),
        bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)),
        method="bounded",
    )
    return float(np.exp(result.x))


def reliability_bins(
    labels: np.ndarray, probabilities: np.ndarray, num_bins: int = NUM_BINS
) -> list[dict[str, Any]]:
    """Groups rows by how sure the prediction is: the bars of a reliability diagram.

    The M bins are of equal width and hold ((m - 1) / M, m / M], as in Guo et al. 2017 (section 2):
    a confidence on an edge belongs to the lower bin, 1 to the last, 0 to the first.

    Args:
        labels: (N,) integers in [0, C), N > 0.
        probabilities: (N, C) floats in [0, 1].
        num_bins: M.

    Returns:
        M times `{"lower", "upper", "num_images", "confidence", "accuracy"}`; the last two are
        means over the bin's rows, None in an empty bin.

    Raises:
        ValueError: the shapes do not belong together, or there are no rows.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [0.5, 0.5]])
        >>> [row] = [b for b in reliability_bins([0, 1, 0, 0], probabilities, 2) if b["lower"]]
        >>> row["num_images"], round(row["confidence"], 3), round(row["accuracy"], 3)
        (3, 0.733, 0.667)
    """
    confidences, correct = _predictions(labels, probabilities)
    edges = np.linspace(0, 1, num_bins + 1)
    rows_bin = np.digitize(confidences, edges[1:-1], right=True)
    bins = []
    for number in range(num_bins):
        inside = rows_bin == number
        filled = bool(inside.any())
        bins.append(
            {
                "lower": float(edges[number]),
                "upper": float(edges[number + 1]),
                "num_images": int(inside.sum()),
                "confidence": float(confidences[inside].mean()) if filled else None,
                "accuracy": float(correct[inside].mean()) if filled else None,
            }
        )
    return bins


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, num_bins: int = NUM_BINS
) -> float:
    """Returns by how much confidence and accuracy differ on average, in [0, 1].

    It is ECE (Guo et al. 2017, equation 3): the sum over the bins of `reliability_bins` of
    |accuracy - confidence|, weighed by the bin's fraction of the rows.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
        >>> round(expected_calibration_error([0, 1, 1, 1], probabilities), 3)  # (0.4 + 0.4) / 2
        0.4
    """
    bins = [row for row in reliability_bins(labels, probabilities, num_bins) if row["num_images"]]
    gaps = [row["num_images"] * abs(row["accuracy"] - row["confidence"]) for row in bins]
    return sum(gaps) / sum(row["num_images"] for row in bins)


def _predictions(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_rows(labels, probabilities)
    return probabilities.max(axis=1), predicted_classes(labels, probabilities) == labels
