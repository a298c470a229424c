import json
from itertools import permutations

import numpy as np
import pytest

from kclip.errors import KclipError
from kclip.metrics.multilabel import (
    average_precision,
    f1_at_k,
    harmonic_mean,
    mean_average_precision,
    multilabel_metrics,
    top_k_predictions,
)

LABELS = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0]])
SCORES = np.array([[0.9, 0.2, 0.3], [0.8, 0.9, 0.4], [0.7, 0.8, 0.5], [0.1, 0.3, 0.1]])


@pytest.fixture(scope="module")
def golden(goldens):
    with np.load(goldens / "multilabel_metrics.npz") as file:
        return dict(file)


def in_their_order(scores):
    """Scores without ties: of equal ones the earlier image comes first, as in the references."""
    order = np.argsort(-scores, axis=0, kind="stable")
    return -np.argsort(order, axis=0).astype(float)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        # Hits of the first class at 1 and 3, of the second at 2 and 3.
        ("sklearn", [(1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, np.nan]),
        ("voc2007", [(6 * 1 + 5 * 2 / 3) / 11, 2 / 3, np.nan]),
        ("voc2010", [(1 + 2 / 3) / 2, 2 / 3, np.nan]),
        ("biam", [(1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, 0]),
        # Without the second image, all hits stand in front.
        ("ml_decoder", [1, 1, 0]),
    ],
)
def test_average_precision_by_hand(convention, expected):
    close(average_precision(LABELS, SCORES, convention), expected)
    close(mean_average_precision(LABELS, SCORES, convention), np.nanmean(expected))


@pytest.mark.parametrize("convention", ["sklearn", "voc2007", "voc2010", "biam", "ml_decoder"])
def test_a_label_that_does_not_count_is_as_good_as_not_there(convention):
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, (40, 1)), rng.normal(size=(40, 1))
    valid_mask = rng.random((40, 1)) < 0.6
    rows = valid_mask[:, 0]
    close(
        average_precision(labels, scores, convention, valid_mask),
        average_precision(labels[rows], scores[rows], convention),
    )


def test_f1_at_k_counts_only_what_counts():
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 2, (20, 6)), rng.normal(size=(20, 6))
    valid_mask = rng.random((20, 6)) < 0.7
    hits = given = wanted = 0
    for image in range(20):
        best = sorted(range(6), key=lambda c: -scores[image, c])[:3]
        for column in range(6):
            if valid_mask[image, column]:
                given += column in best
                wanted += labels[image, column]
                hits += column in best and labels[image, column]
    close(f1_at_k(labels, scores, 3, valid_mask), 2 * hits / (given + wanted))
    assert f1_at_k(labels, scores, 3, valid_mask) != f1_at_k(labels, scores, 3)


def test_ml_decoder_is_biam_on_the_images_with_a_positive():
    rng = np.random.default_rng(1)
    labels, scores = rng.random((60, 5)) < 0.15, rng.normal(size=(60, 5))
    rows = labels.any(axis=1)
    assert 0 < rows.sum() < 60
    close(
        average_precision(labels, scores, "ml_decoder"),
        average_precision(labels[rows], scores[rows], "biam"),
    )


def test_no_predictions_score_zero():
    results = multilabel_metrics(LABELS, np.zeros(LABELS.shape, bool))
    assert set(results.values()) == {0.0}


def test_results_go_into_json():
    results = multilabel_metrics(LABELS, SCORES > 0.5)
    assert json.loads(json.dumps(results)) == results


def test_of_equal_scores_the_earlier_class_is_predicted():
    assert top_k_predictions(np.zeros((1, 4)), 2).tolist() == [[True, True, False, False]]


def test_harmonic_mean_by_hand():
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
    assert harmonic_mean(0.0, 1.0) == harmonic_mean(0.0, 0.0) == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (2 * LABELS - 1, "labels must be 0 and 1"),
        (LABELS[:3], "expected two arrays"),
        (0 * LABELS, "no label is positive"),
    ],
)
def test_labels_that_cannot_be_ranked(labels, message):
    with pytest.raises(ValueError, match=message):
        average_precision(labels, SCORES)


def test_values_that_are_not_finite_are_an_error():
    with pytest.raises(KclipError, match="not finite"):
        f1_at_k(LABELS, np.full(LABELS.shape, np.nan), 1)


@pytest.mark.parametrize("k", [0, 4])
def test_more_labels_than_classes(k):
    with pytest.raises(ValueError, match=r"k must be in \[1, 3\]"):
        f1_at_k(LABELS, SCORES, k)


@pytest.mark.parametrize("ties", ["ties", "noties"])
@pytest.mark.parametrize(
    ("convention", "name"),
    [("sklearn", "sklearn"), ("voc2007", "voc2007_11pt"), ("voc2010", "voc2010")],
)
def test_golden_average_precision(golden, convention, name, ties):
    labels, scores = golden["labels"], golden["scores" if ties == "ties" else "scores_noties"]
    if convention != "sklearn":
        scores = in_their_order(scores)
    close(average_precision(labels, scores, convention), golden[f"{name}.ap_{ties}"])
    mean = mean_average_precision(labels, scores, convention)
    close(mean, golden[f"{name}.map_nonempty_{ties}"])
    if convention == "sklearn":
        ap = np.nan_to_num(average_precision(labels, scores))
        close(ap.mean(), golden[f"sklearn.map_empty_as_0_{ties}"])
        micro = mean_average_precision(labels.reshape(-1, 1), scores.reshape(-1, 1))
        close(micro, golden[f"sklearn.micro_ap_{ties}"])


def test_golden_biam_average_precision(golden):
    labels, scores = golden["labels"], golden["scores_noties"]
    close(average_precision(labels, scores, "biam"), golden["biam.ap"])
    close(mean_average_precision(labels, scores, "biam"), golden["biam.map"])
    three_valued = golden["labels_pm1_ignore"]
    arrays = three_valued == 1, scores, "biam", three_valued != 0
    close(average_precision(*arrays), golden["biam.ap_ignore"])
    close(mean_average_precision(*arrays), golden["biam.map_ignore"])


def test_golden_ml_decoder_average_precision(golden):
    """Its function is BiAM's; it drops the images while it reads the data."""
    labels, scores = golden["labels"], golden["scores_noties"]
    close(average_precision(labels, scores, "biam"), golden["mldecoder.ap_noties"])
    mean = mean_average_precision(labels, scores, "biam")
    close(mean, golden["mldecoder.map_x100_noties"] / 100)
    # There, of equal scores the later image stands first.
    scores = in_their_order(golden["scores"][::-1])
    reversed_ap = average_precision(labels[::-1], scores, "biam")
    close(reversed_ap, golden["mldecoder.ap_ties_stable"])


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("ignored", ["", "_ignore"])
def test_golden_f1_at_k(golden, k, ignored):
    scores = golden["scores_noties"]
    labels = golden["labels_pm1_ignore"] == 1 if ignored else golden["labels"]
    close(f1_at_k(labels, scores, k), golden[f"biam.f1_k{k}{ignored}"])
    results = multilabel_metrics(labels, top_k_predictions(scores, k))
    close(results["OP"], golden[f"biam.p_k{k}{ignored}"])
    close(results["OR"], golden[f"biam.r_k{k}{ignored}"])


@pytest.mark.parametrize("compare", [np.greater, np.greater_equal], ids=["gt", "ge"])
@pytest.mark.parametrize("ties", ["ties", "noties"])
def test_golden_decisions_at_a_threshold(golden, ties, compare):
    labels, scores = golden["labels"], golden["scores" if ties == "ties" else "scores_noties"]
    predictions = compare(scores, 0.5)
    prefix = f"thr_{'gt' if compare is np.greater else 'ge'}_{ties}"
    results = multilabel_metrics(labels, predictions)
    results["CF1_mean_of_class_F1"] = results.pop("mean_class_F1")
    for name, value in results.items():
        close(value, golden[f"{prefix}.{name}"])
    rows = labels.any(axis=0)
    nonempty = multilabel_metrics(labels[:, rows], predictions[:, rows])
    for name in ("CP", "CR", "CF1"):
        close(nonempty[name], golden[f"{prefix}.{name}_nonempty"])
    for c in range(labels.shape[1]):
        of_class = multilabel_metrics(labels[:, [c]], predictions[:, [c]])
        close(of_class["OP"], golden[f"{prefix}.per_class_P"][c])
        close(of_class["OR"], golden[f"{prefix}.per_class_R"][c])
        close(of_class["mean_class_F1"], golden[f"{prefix}.per_class_F1"][c])


@pytest.mark.parametrize("ties", ["ties", "noties"])
def test_golden_ml_decoder_decisions(golden, ties):
    scores = golden["scores" if ties == "ties" else "scores_noties"]
    results = multilabel_metrics(golden["labels"], scores > 0.5)
    ours = [results[name] for name in ("CP", "CR", "mean_class_F1", "OP", "OR", "OF1")]
    theirs = golden[f"mldecoder.validate_PC_RC_FC_PO_RO_FO_x100_{ties}"]
    close(ours, theirs / 100)


def test_f1_at_k_does_not_depend_on_the_order_of_classes_that_tie():
    labels = np.array([[1, 0, 1, 0]])
    values = {f1_at_k(labels[:, order], np.zeros((1, 4)), k=2) for order in permutations(range(4))}
    assert values == {0.0}  # two labels that it lacks come first
    # The ignored label is no mistake, and stands before the hits.
    valid_mask = np.array([[True, True, True, False]])
    values = {
        round(f1_at_k(labels[:, order], np.zeros((1, 4)), 3, valid_mask[:, order]), 9)
        for order in permutations(range(4))
    }
    assert values == {round(2 * (1 / 2) * (1 / 2), 9)}
