import numpy as np
import pytest

from kclip.reports.figures.class_precisions import draw_class_precisions


def rows_of(num_seen, num_unseen):
    rng = np.random.default_rng(0)
    return [
        {"class_name": f"c{n}", "seen": n < num_seen, "ap": rng.random(), "random_ap": 0.1}
        for n in range(num_seen + num_unseen)
    ]


def names_in(figure):
    return [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]


@pytest.mark.parametrize(("num_seen", "num_unseen"), [(82, 20), (3, 0), (0, 40), (1, 1)])
def test_every_class_is_named_once_with_its_precision(num_seen, num_unseen):
    rows = rows_of(num_seen, num_unseen)
    figure = draw_class_precisions(rows)
    assert sorted(names_in(figure)) == sorted(row["class_name"] for row in rows)
    drawn = {}
    for axes in figure.axes:
        names = [label.get_text() for label in axes.get_yticklabels()]
        drawn |= dict(zip(names, axes.lines[0].get_xdata(), strict=True))
    for row in rows:
        assert drawn[row["class_name"]] == pytest.approx(100 * row["ap"])


def test_unseen_classes_stand_apart_and_the_best_first():
    rows = rows_of(4, 3)
    unseen, seen = draw_class_precisions(rows).axes
    assert unseen.get_title() == "unseen classes (3)" and seen.get_title() == "seen classes (4)"
    for axes in (unseen, seen):
        assert np.all(np.diff(axes.lines[0].get_xdata()) <= 0)
    assert unseen.lines[0].get_marker() != seen.lines[0].get_marker()


def test_of_a_thousand_classes_the_extremes_are_named():
    rows = rows_of(925, 81)
    figure = draw_class_precisions(rows)
    curves = [line.get_ydata() for line in figure.axes[0].lines]
    assert [len(curve) for curve in curves] == [81, 925]
    named = set(names_in(figure)) & {row["class_name"] for row in rows}
    assert len(named) == 64
    ranked = sorted((row for row in rows if row["seen"]), key=lambda row: row["ap"])
    extremes = ranked[:16] + ranked[-16:]
    assert {row["class_name"] for row in extremes} <= named


def test_classes_without_an_image_are_left_out():
    rows = rows_of(2, 2)
    rows[0] |= {"ap": None, "random_ap": None}
    assert sorted(names_in(draw_class_precisions(rows))) == ["c1", "c2", "c3"]
