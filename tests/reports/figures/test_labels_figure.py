import numpy as np
import pytest
from fake_embedder import write_color_images
from matplotlib.colors import to_hex
from PIL import Image

from kclip.reports.figures.labels import draw_labels
from kclip.reports.figures.style import GREEN, GREY, ORANGE, save_figure

NAMES = ["red", "$5 bill", "wall", "sea", "sky"]
SCORES = np.array([[0.9, 0.5, 0.1, 0.3, 0.2], [0.05, 0.2, 0.1, 0.8, 0.7]])
LABELS = np.array([[1, 0, 0, 0, 1], [0, 0, 0, 1, 0]], np.uint8)


@pytest.fixture
def images(tmp_path):
    return write_color_images(tmp_path, per_color=1)


def rows(axes):
    """The texts of each line below an image."""
    texts = [text.get_text() for text in axes.texts]
    return [tuple(texts[start : start + 3]) for start in range(0, len(texts), 3)]


def lines_of(figure):
    return [axes for axes in figure.axes if axes.patches]


def test_right_wrong_and_missed_labels_have_marks(images, tmp_path):
    figure = draw_labels(images[:2], NAMES, SCORES, LABELS, unseen=["sky", "sea"], top_k=2)
    first, second = lines_of(figure)
    assert rows(first) == [
        ("✓", "red", "0.90"),
        ("✗", r"\$5 bill", "0.50"),
        ("○", "sky*, rank 4", "0.20"),
    ]
    assert rows(second) == [("✓", "sea*", "0.80"), ("✗", "sky*", "0.70")]
    widths = [bar.get_width() for bar in first.patches]
    np.testing.assert_allclose(widths, [1, 0.9, 1, 0.5, 1, 0.2])  # each on a pale bar
    colors = [to_hex(bar.get_facecolor()) for bar in first.patches[1::2]]
    assert colors == [GREEN, ORANGE, GREY]
    (legend,) = figure.texts
    assert all(text in legend.get_text() for text in ("✓ right", "✗ not", "○ missed", "* class"))
    save_figure(figure, tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as picture:
        assert picture.width > 600


def test_nothing_is_said_to_be_right_without_labels(images):
    figure = draw_labels(images[:1], NAMES, SCORES[:1], top_k=3)
    assert rows(lines_of(figure)[0]) == [
        ("", "red", "0.90"),
        ("", r"\$5 bill", "0.50"),
        ("", "sea", "0.30"),
    ]
    assert figure.texts[0].get_text() == ""


def test_an_ignored_label_is_neither_right_nor_wrong_nor_missed(images):
    valid_mask = np.array([[1, 0, 1, 1, 0]], bool)  # "$5 bill", and "sky", which has a label
    figure = draw_labels(images[:1], NAMES, SCORES[:1], LABELS[:1], top_k=2, valid_mask=valid_mask)
    assert rows(lines_of(figure)[0]) == [("✓", "red", "0.90"), ("–", r"\$5 bill", "0.50")]
    assert "– neither right nor wrong" in figure.texts[0].get_text()


def test_labels_above_their_threshold_are_bold(images):
    named = SCORES[:1] >= 0.5
    figure = draw_labels(images[:1], NAMES, SCORES[:1], top_k=3, named=named)
    weights = [text.get_weight() for text in lines_of(figure)[0].texts[1::3]]
    assert weights == ["bold", "bold", "normal"]
    assert figure.texts[0].get_text() == "bold: above its threshold"


def test_at_most_three_missed_labels_are_listed(images):
    names = [f"class {number}" for number in range(9)]
    scores = np.linspace(0.9, 0.1, 9)[None]
    (lines,) = lines_of(draw_labels(images[:1], names, scores, np.ones((1, 9)), top_k=2))
    shown = [name for _, name, _ in rows(lines)]
    assert shown[2:] == ["class 2, rank 3", "class 3, rank 4", "class 4, rank 5"]


@pytest.mark.parametrize("count", [1, 4, 5])
def test_images_of_any_number_stand_apart(images, count):
    figure = draw_labels(images[:count], NAMES, SCORES[[0] * count], LABELS[[0] * count])
    boxes = [axes.get_position() for axes in figure.axes]
    assert len(boxes) == 2 * count
    for number, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1
        assert not any(box.overlaps(other) for other in boxes[:number])
