import numpy as np
import pytest
from fake_embedder import write_color_images
from PIL import Image

from kclip.reports.figures.grids import draw_search_grid, draw_search_rows
from kclip.reports.figures.style import GREEN, save_figure


@pytest.fixture
def images(tmp_path):
    return {path.name: path for path in write_color_images(tmp_path, per_color=2)}


def hits(images, count):
    return [
        {"file_name": name, "score": 0.5 - n / 100, "correct": n == 1}
        for n, name in enumerate(list(images)[:count])
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 9, 12])
def test_a_grid_shows_every_hit_with_its_score(images, count):
    axes = draw_search_grid("a $5 wall", hits(images, count), images).axes
    titles = [part.get_title() for part in axes if part.images]
    assert titles == [f"{n + 1}.  {0.5 - n / 100:.3f}" for n in range(count)]


def test_the_query_is_the_title(images, tmp_path):
    figure = draw_search_grid("a $5 wall " * 40, hits(images, 3), images)
    assert figure.texts[0].get_text().startswith("“a \\$5 wall")
    assert figure.texts[0].get_text().count("\n") == 2  # cut after three lines
    save_figure(figure, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.width > 600


def test_portraits_keep_their_shape(tmp_path):
    Image.new("RGB", (20, 60), "red").save(tmp_path / "tall.png")
    shown = [{"file_name": "tall.png", "score": 0.5}]
    axes = draw_search_grid("tall", shown, {"tall.png": tmp_path / "tall.png"}).axes[0]
    pixels = np.asarray(axes.images[0].get_array())
    assert pixels.shape[0] == pixels.shape[1]
    red = (pixels[:, :, 1] < 128).mean()
    assert red == pytest.approx(1 / 3, abs=0.02)


def test_rows_frame_the_image_that_was_meant(images):
    examples = [{"query": "first", "hits": hits(images, 3)}, {"query": "second", "hits": []}]
    figure = draw_search_rows(examples, {name: p.read_bytes() for name, p in images.items()})
    from matplotlib.colors import to_hex

    framed = [part for part in figure.axes if part.spines["left"].get_visible()]
    assert [part.get_title() for part in framed] == ["2.  0.490"]
    assert to_hex(framed[0].spines["left"].get_edgecolor()) == GREEN
