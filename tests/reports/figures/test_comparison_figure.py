import numpy as np
import pytest

from kclip.reports.figures.comparison import (
    draw_accuracies,
    draw_few_shot,
    draw_paired_differences,
)
from kclip.reports.figures.style import BLUE, GREY


def method(name, matrix):
    accuracy = float(np.trace(matrix) / np.sum(matrix))
    intervals = {"accuracy": [accuracy - 0.1, accuracy + 0.05]}
    return {
        "name": name, "accuracy": accuracy, "confusion_matrix": matrix, "intervals": intervals
    }  # fmt: skip


def test_accuracies_and_their_intervals_in_percent():
    (axes,) = draw_accuracies([method("a $5 model", [[3, 1], [0, 4]])]).axes
    interval, point = axes.lines
    assert interval.get_xdata() == pytest.approx([77.5, 92.5])
    assert point.get_xdata() == pytest.approx([87.5])
    assert axes.get_yticklabels()[0].get_text() == r"a \$5 model"


def curve(model, zero_shot, everything):
    shots = [{"shots": k, "mean": 0.1 * k, "standard_deviation": 0.02} for k in (1, 2, 4)]
    return {"model": model, "shots": shots, "zero_shot": zero_shot, "all": everything}


def test_few_shot_curves_with_zero_shot_as_a_level_line():
    (axes,) = draw_few_shot([curve("one", 0.3, 0.9), curve("two", None, None)]).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {"one: probe", "one: zero-shot", "one: probe on all", "two: probe"}
    assert lines["one: probe"].get_xdata().tolist() == [1, 2, 4]
    assert lines["one: probe"].get_ydata() == pytest.approx([10, 20, 40])
    assert set(lines["one: zero-shot"].get_ydata()) == {30}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4"]


def test_a_difference_that_may_be_none_is_grey():
    def pair(difference, low, high):
        metrics = {"accuracy": {"difference": difference, "interval": [low, high]}}
        return {"first": "a $5 model", "second": "b", "metrics": metrics}

    (axes,) = draw_paired_differences([pair(0.1, 0.05, 0.2), pair(-0.02, -0.1, 0.01)]).axes
    zero, *lines = axes.lines
    assert zero.get_xdata() == [0, 0]
    assert [line.get_color() for line in lines] == [BLUE, BLUE, GREY, GREY]
    assert lines[0].get_xdata() == pytest.approx([5, 20])
    assert lines[3].get_xdata() == pytest.approx([-2])
    assert axes.get_yticklabels()[0].get_text() == "a \\$5 model\nless b"
    assert [text.get_text() for text in axes.texts] == ["+10.0", "-2.0"]


def test_a_guess_is_a_dashed_line_in_both():
    (axes,) = draw_accuracies([method("a", [[3, 1], [0, 4]])], chance=0.25).axes
    assert {tuple(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "--"} == {
        (25.0, 25.0)
    }
    (axes,) = draw_few_shot([curve("one", None, None)], chance=0.25).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines["a guess"].get_ydata()) == {25.0}
