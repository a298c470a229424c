import numpy as np
import pytest
from scipy.stats import binom

from kclip.metrics.proportion import proportion_interval, proportion_lower_bounds


def test_published_bounds():
    """Clopper and Pearson's 95 % interval of 5 in 20, as in tables of it."""
    assert proportion_interval(5, 20) == pytest.approx((0.0866, 0.4910), abs=1e-4)
    assert proportion_interval(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)


@pytest.mark.parametrize(("right", "trials"), [(1, 3), (7, 9), (9, 9), (480, 500)])
def test_the_bound_is_where_so_many_successes_have_a_chance_of_five_percent(right, trials):
    (bound,) = proportion_lower_bounds(np.array([right]), np.array([trials]))
    assert binom.sf(right - 1, trials, bound) == pytest.approx(0.05)
