import numpy as np
import pytest

from kclip.reports.figures.confusion_matrix import draw_confusion_matrices, draw_confusion_matrix

MATRICES = ([[3, 1], [0, 4]], [[4, 0], [2, 2]])


def method(name, matrix):
    accuracy = float(np.trace(matrix) / np.sum(matrix))
    return {"name": name, "accuracy": accuracy, "confusion_matrix": matrix}


def shown(figure):
    return [axes for axes in figure.axes if axes.images and axes.get_visible()]


def test_confusion_matrix_has_counts_in_cells_and_fractions_as_colours():
    axes = draw_confusion_matrix([[3, 1], [0, 2]], ["cat", "dog"], "title").axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "2", "3"]
    assert axes.images[0].get_array().tolist() == [[75, 25], [0, 100]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


@pytest.mark.parametrize("size", [2, 10, 25, 26, 100])
def test_labels_of_a_confusion_matrix_do_not_overlap(size):
    names = [f"class {n} of $several$ long names" for n in range(size)]
    figure = draw_confusion_matrix(np.eye(size, dtype=int), names, "A title " * 5)
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in zip(boxes, boxes[1:], strict=False))
    assert all(box.height > 5 for box in boxes)  # pixels of a figure drawn at 100 dpi


def test_a_class_without_images_is_a_pale_row():
    axes = draw_confusion_matrix([[3, 1], [0, 0]], ["cat", "dog"], "title").axes[0]
    assert axes.images[0].get_array().tolist()[1] == [0, 0]


def test_beyond_100_classes_the_whole_has_no_names_and_the_worst_are_shown_beside():
    counts = 9 * np.eye(250, dtype=int)
    counts[7, 200], counts[30, 31] = 4, 3
    names = [f"class {n}" for n in range(250)]
    whole, part = draw_confusion_matrix(counts, names, "title").axes[:2]
    assert len(whole.get_xticks()) == 0
    # three classes a cell: none is lost, though a cell is more than one class
    assert whole.images[0].get_array().shape == (84, 84)
    assert np.diag(whole.images[0].get_array()).min() > 69  # the rows of 7 and 30 are below 100
    shown = [label.get_text() for label in part.get_yticklabels()]
    assert {"class 7", "class 30", "class 31", "class 200"} <= set(shown)
    assert len(shown) == 25
    assert "4" in [text.get_text() for text in part.texts]


def test_matrices_share_one_scale_and_one_bar():
    methods = [method(name, matrix) for name, matrix in zip("ab", MATRICES, strict=True)]
    figure = draw_confusion_matrices(methods, ["cat", "dog"])
    first, second = shown(figure)
    assert first.images[0].get_array().tolist() == [[75, 25], [0, 100]]
    assert [axes.images[0].get_clim() for axes in (first, second)] == [(0, 100)] * 2
    assert len(figure.axes) == 3  # two matrices and one colour bar
    assert first.get_title() == "a: 87.5 %"
    assert sorted(text.get_text() for text in second.texts) == ["2", "2", "4"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["cat", "dog"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_every_method_is_drawn_and_every_column_named(count):
    methods = [method(f"number {n}", MATRICES[0]) for n in range(count)]
    figure = draw_confusion_matrices(methods, ["cat", "dog"])
    assert [axes.get_title() for axes in shown(figure)] == [
        f"number {n}: 87.5 %" for n in range(count)
    ]
    figure.canvas.draw()
    columns = {round(axes.get_position().x0, 2): axes for axes in shown(figure)}  # the lowest ones
    for axes in columns.values():
        labels = axes.get_xticklabels()
        assert [label.get_text() for label in labels if label.get_visible()] == ["cat", "dog"]


def test_many_classes_go_without_names_and_counts():
    figure = draw_confusion_matrices([method("a", np.eye(60, dtype=int))], ["x"] * 60)
    (axes,) = shown(figure)
    assert not axes.texts and not list(axes.get_xticks())
