import numpy as np
import pytest

from kclip.reports.figures.data_check import draw_caption_lengths, draw_class_sizes


def test_bars_of_classes_add_up_their_splits():
    figure = draw_class_sizes({"a $cat": {"train": 3, "test": 1}, "dog": {"train": 5, "test": 0}})
    (axes,) = figure.axes
    # The largest class first; the bars of train, then those of test.
    assert [bar.get_width() for bar in axes.patches] == [5, 3, 0, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog", r"a \$cat"]
    assert [text.get_text() for text in axes.texts] == ["5", "4"]


def test_many_classes_are_curves():
    classes = {f"class {n}": {"train": n, "test": 0} for n in range(200)}
    (axes,) = draw_class_sizes(classes).axes
    train, test = axes.lines
    assert np.asarray(train.get_ydata()).tolist() == list(range(199, -1, -1))
    assert max(np.asarray(test.get_ydata())) == 0


@pytest.mark.parametrize("lengths, lines", [({3: 5, 10: 1}, 0), ({25: 1}, 1), ({60: 2, 1: 4}, 2)])
def test_lengths_show_where_models_stop_reading(lengths, lines):
    (axes,) = draw_caption_lengths(lengths).axes
    assert sum(bar.get_height() for bar in axes.patches) == sum(lengths.values())
    assert len(axes.lines) == lines
    assert f"{sum(lengths.values())} captions" == axes.get_title()
