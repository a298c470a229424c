import numpy as np
import pytest
from embedded_images import embedded_images

from kclip.evaluation.zero_shot import zero_shot_results
from kclip.reports.figures.calibration import draw_coverage, draw_reliability
from kclip.zero_shot.classifier import ZeroShotClassifier


def results(temperature=1.0, threshold=None):
    images = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]], np.float32)
    classes = np.eye(2, dtype=np.float32)
    classifier = ZeroShotClassifier(("a", "b"), classes, 4.0, temperature)
    labelled = embedded_images(images, np.array([0, 1, 1, 1]), 2)
    return zero_shot_results(classifier, labelled, threshold)


def test_one_panel_without_calibration_two_with():
    assert len(draw_reliability(results()["calibration"]).axes) == 2  # bars and histogram
    titles = [axes.get_title() for axes in draw_reliability(results(2.0)["calibration"]).axes[:2]]
    assert titles[0].startswith("Before calibration: ECE")
    assert titles[1].startswith("After (temperature 2.00): ECE")


def test_bars_are_accuracies_and_gaps_reach_to_the_confidence():
    calibration = results()["calibration"]
    axes, histogram = draw_reliability(calibration).axes
    bars, gaps = axes.containers
    # p = 1 / (1 + e^-4) twice, both right; p = 1 / (1 + e^-0.8) twice, one of them right
    assert [bar.get_height() for bar in bars] == [50, 100]
    tops = [gap.get_y() + gap.get_height() for gap in gaps]
    assert tops == pytest.approx([100 / (1 + np.exp(-0.8)), 100 / (1 + np.exp(-4))], rel=1e-5)
    assert [bar.get_height() for bar in histogram.containers[0]] == [50, 50]


def test_coverage_marks_the_threshold():
    axes = draw_coverage(results(threshold=0.9)["abstention"]).axes[0]
    curve, level, mark = axes.lines
    assert list(curve.get_xdata()) == [50, 100] and list(curve.get_ydata()) == [100, 75]
    assert set(level.get_ydata()) == {75}
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (50, 100)


def test_no_mark_where_nothing_is_answered():
    axes = draw_coverage(results(threshold=1.0)["abstention"]).axes[0]
    assert len(axes.lines) == 2
