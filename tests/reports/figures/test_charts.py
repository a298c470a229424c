import numpy as np
import pytest

from kclip.reports.figures.charts import draw_confusion_matrix, draw_curves, draw_recalls


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_curves_show_both_losses_and_the_lowest_validation_loss():
    figure = draw_curves({"epoch": [0, 1, 2], "loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.2, 2.4]})
    (axes,) = figure.axes
    assert lines(axes)["training"].get_ydata().tolist() == [3.0, 2.0, 1.0]
    assert lines(axes)["training"].get_xdata().tolist() == [1, 2, 3]
    assert lines(axes)["validation"].get_ydata().tolist() == [3.0, 2.2, 2.4]
    (x,), (y,) = lines(axes)["lowest"].get_data()
    assert (x, y) == (2, 2.2)


def test_curves_show_recalls_in_percent():
    history = {
        "loss": [1.0],
        "val_text_to_image_recall@10": [0.25],
        "val_image_to_text_recall@1": [1],
    }
    _, axes = draw_curves(history).axes
    assert lines(axes)["text → image R@10"].get_ydata().tolist() == [25.0]
    assert lines(axes)["image → text R@1"].get_ydata().tolist() == [100.0]


def test_curves_of_a_run_without_validation():
    (axes,) = draw_curves({"loss": [2.0, 1.0], "val_loss": [np.nan, np.nan]}).axes
    assert "lowest" not in lines(axes)


def test_recalls_are_bars_in_percent():
    direction = {"recall@1": 0.1, "recall@5": 0.5, "median_rank": 7.0, "mean_rank": 9.0}
    results = {"text_to_image": direction, "image_to_text": direction | {"recall@5": 0.625}}
    (axes,) = draw_recalls(results | {"num_images": 2000, "num_captions": 10000}).axes
    heights = [bar.get_height() for bars in axes.containers for bar in bars]
    assert heights == [10, 50, 10, 62.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["R@1", "R@5"]
    assert "2,000 images, 10,000 captions" in axes.get_title()


def test_confusion_matrix_counts_in_cells_and_shares_as_colours():
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
