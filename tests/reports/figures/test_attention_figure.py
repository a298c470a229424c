import numpy as np
import pytest
from PIL import Image

from kclip.reports.figures.attention import draw_attention, relative_attention
from kclip.reports.figures.style import save_figure

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def attention(heads=2, classes=3):
    maps = np.random.default_rng(1).uniform(0, 1, (heads, classes, 4, 5))
    return maps / maps.sum(axis=(2, 3), keepdims=True)


def heats(figure):
    """What is laid over each picture, in the order of the classes."""
    return [np.asarray(a.images[1].get_array()) for a in figure.axes if len(a.images) == 2]


def test_relative_attention_equals_a_loop():
    given = attention()
    for number, result in enumerate(relative_attention(given)):
        mean = (given[0, number] + given[1, number]) / 2
        np.testing.assert_allclose(result, mean * 20, rtol=1e-5)
        assert result.mean() == pytest.approx(1, abs=1e-5)


def test_each_class_has_its_map_with_its_score(tmp_path):
    names = ["dog", "$5 bill", "sea"]
    given = np.zeros((2, 3, 4, 5))
    given[:, 0, 0, 0] = given[:, 1, 3, 4] = given[:, 2, 1, 2] = 1
    figure = draw_attention(PICTURE, names, given, np.array([0.91, 0.5, 0.07]), ["sea"], ["dog"])
    titles = [axes.get_title() for axes in figure.axes]
    expected = ["image\n", "✓ dog\nseen, 0.91", "✗ \\$5 bill\nseen, 0.50", "✗ sea\nunseen, 0.07"]
    assert [title for title in titles if title] == expected
    # The strongest spot of each lies where the query looks, on a picture of 216 x 288 pixels.
    spots = [np.unravel_index(heat.argmax(), heat.shape) for heat in heats(figure)]
    cells = [(row * 4 // 216, column * 5 // 288) for row, column in spots]
    assert cells == [(0, 0), (3, 4), (1, 2)]
    save_figure(figure, tmp_path / "attention.png")
    with Image.open(tmp_path / "attention.png") as picture:
        assert picture.width > 600


def test_all_maps_share_one_scale():
    given = np.full((2, 3, 4, 5), 1 / 20)
    given[:, 0] = 0
    given[0, 0, 2, 2] = given[1, 0, 3, 3] = 1  # 10 times even attention in the mean of the heads
    figure = draw_attention(PICTURE, list("abc"), given, np.zeros(3))
    ranges = {axes.images[1].get_clim() for axes in figure.axes if len(axes.images) == 2}
    assert ranges == {(0, 10)}
    np.testing.assert_allclose(heats(figure)[1], 1, atol=1e-5)


def test_even_attention_looks_even():
    figure = draw_attention(PICTURE, ["a"], np.full((4, 1, 4, 5), 1 / 20), np.zeros(1))
    assert figure.axes[1].images[1].get_clim() == (0, 2)
    assert figure.axes[1].get_title() == "a\nseen, 0.00"  # no mark where labels are unknown


def test_many_classes_take_several_rows():
    names = [str(number) for number in range(8)]
    figure = draw_attention(PICTURE, names, attention(classes=8), np.zeros(8))
    assert len(heats(figure)) == 8
