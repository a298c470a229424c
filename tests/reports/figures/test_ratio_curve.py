from kclip.reports.figures.ratio_curve import draw_ratio_curve

SUMMARY = {
    "cosine": {"0.0": {"map": 0.3, "map_std": 0.0}},
    "adapter": {r: {"map": m, "map_std": 0.01} for r, m in (("1.0", 0.5), ("0.02", 0.2))},
    "probe": {"0.02": {"map": 0.1, "map_std": 0.02}, "1.0": {"map": 0.4, "map_std": 0.01}},
}


def lines():
    figure = draw_ratio_curve(SUMMARY, {"probe"}, 0.03, "costs $5")
    axes = figure.axes[0]
    assert axes.get_title() == "costs $5"
    return {line.get_label(): line for line in axes.lines}


def test_shares_rise_from_left_to_right():
    adapter = lines()["adapter"]
    assert adapter.get_xdata().tolist() == [2, 100] and adapter.get_ydata().tolist() == [20, 50]


def test_baselines_are_dashed_and_zero_shot_is_level():
    drawn = lines()
    assert drawn["probe"].get_linestyle() == "--" and drawn["adapter"].get_linestyle() == "-"
    assert set(drawn["cosine, zero-shot"].get_ydata()) == {30}
    assert set(drawn["constant predictor"].get_ydata()) == {3}
