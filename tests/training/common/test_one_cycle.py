import math

import numpy as np
import pytest

from kclip.training.common.one_cycle import OneCycle


def slow_rate(peak, steps, warmup, step):
    """PyTorch's `OneCycleLR` with cosines, written from its documentation."""
    first, last = peak / 25, peak / 25 / 1e4
    top = warmup * steps - 1
    if step <= top:
        start, end, share = first, peak, step / top
    else:
        start, end, share = peak, last, (step - top) / (steps - 1 - top)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.2), (33, 0.3), (7, 0.5)])
def test_the_rate_is_that_of_the_slow_formula(steps, warmup):
    schedule = OneCycle(2e-3, steps, warmup)
    rates = [float(schedule(step)) for step in range(steps)]
    expected = [slow_rate(2e-3, steps, warmup, step) for step in range(steps)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.2), (2, 0.2), (10, 0.0), (3, 0.9)])
def test_short_trainings_have_finite_rates_up_to_the_peak(steps, warmup):
    schedule = OneCycle(1.0, steps, warmup)
    rates = [float(schedule(step)) for step in range(steps + 2)]
    assert np.isfinite(rates).all() and 0 < min(rates) <= max(rates) <= 1
    assert OneCycle.from_config(schedule.get_config()).steps == steps
