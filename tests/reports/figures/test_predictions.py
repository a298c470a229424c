import numpy as np
from fake_embedder import write_color_images
from matplotlib.colors import to_hex

from kclip.reports.figures.predictions import draw_predictions
from kclip.reports.figures.style import BLUE, GREEN, save_figure


def test_each_image_has_its_likeliest_classes_below(tmp_path):
    paths = {path.name: path for path in write_color_images(tmp_path, per_color=1)}
    best = [("red", 0.75), ("$5 bill", 0.2)]
    examples = [{"file_name": name, "true_class": name[:-6], "best": best} for name in paths]
    figure = draw_predictions(examples, paths)
    pictures = [axes for axes in figure.axes if axes.images]
    bars = [axes for axes in figure.axes if axes.patches]
    assert len(pictures) == len(bars) == 6 and len(figure.axes) == 16
    titles = [axes.get_title() for axes in pictures]
    assert titles == ["red", "green", "blue", "yellow", "purple", "grey"]
    assert [text.get_text() for text in bars[1].texts] == ["red", "75.0 %", r"\$5 bill", "20.0 %"]
    colors = [to_hex(axes.patches[1].get_facecolor()) for axes in bars]
    assert colors == [GREEN] + 5 * [BLUE]  # the first image is red
    widths = [bar.get_width() for bar in bars[0].patches]
    np.testing.assert_allclose(widths, [100, 75, 100, 20])  # each on a pale bar of full width
    save_figure(figure, tmp_path / "predictions.png")
    assert (tmp_path / "predictions.png").stat().st_size > 10_000
