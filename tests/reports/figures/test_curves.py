import numpy as np

from kclip.reports.figures.curves import draw_curves


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
