import pytest

from kclip.reports.figures.decoder_curves import draw_decoder_curves

HISTORY = {"loss": [3.0, 2.0], "val_classification_loss": [2.5, 2.0], "val_map": [0.2, 0.3]}


def lines(axes):
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_both_parts_of_the_loss_and_precision_in_percent():
    parts = {"classification_loss": [2.0, 1.5], "alignment_loss": [1.0, 0.5]}
    losses, precision = draw_decoder_curves(HISTORY | parts).axes
    assert lines(losses) == {
        "classification, training": [2.0, 1.5],
        "classification, validation": [2.5, 2.0],
        "alignment, training": [1.0, 0.5],
    }
    assert precision.lines[0].get_ydata() == pytest.approx([20, 30])


def test_without_alignment_the_whole_loss_is_classification():
    losses, _ = draw_decoder_curves(HISTORY).axes
    assert lines(losses)["classification, training"] == [3.0, 2.0]
    assert len(losses.lines) == 2
