from kclip.reports.figures.recalls import draw_recalls


def test_recalls_are_bars_in_percent():
    direction = {"recall@1": 0.1, "recall@5": 0.5, "median_rank": 7.0, "mean_rank": 9.0}
    results = {"text_to_image": direction, "image_to_text": direction | {"recall@5": 0.625}}
    chance = {name: {"recall@1": 0.001, "recall@5": 0.005} for name in results}
    (axes,) = draw_recalls(
        results | {"num_images": 2000, "num_captions": 10000, "chance": chance}
    ).axes
    heights = [bar.get_height() for bars in axes.containers for bar in bars]
    assert heights == [10, 50, 10, 62.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["R@1", "R@5"]
    assert "2,000 images, 10,000 captions" in axes.get_title()
