from math import comb

import numpy as np
import pytest

from kclip.metrics.mcnemar import mcnemar_p_value


def outcomes(both, first_only, second_only, neither):
    first = [True] * (both + first_only) + [False] * (second_only + neither)
    second = [True] * both + [False] * first_only + [True] * second_only + [False] * neither
    return np.array(first), np.array(second)


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [(0, 0, 1.0), (3, 3, 1.0), (5, 0, 2 / 2**5), (0, 5, 2 / 2**5), (8, 2, 2 * 56 / 2**10)],
)
def test_by_hand(first_only, second_only, p):
    assert mcnemar_p_value(*outcomes(7, first_only, second_only, 4)) == pytest.approx(p)


def test_against_the_sum_over_all_outcomes_of_the_coin():
    tail = sum(comb(60, heads) for heads in range(21))
    assert mcnemar_p_value(*outcomes(500, 40, 20, 40)) == pytest.approx(2 * tail / 2**60)


def test_images_on_which_both_agree_do_not_matter():
    few, many = outcomes(0, 12, 5, 0), outcomes(9000, 12, 5, 900)
    assert mcnemar_p_value(*few) == mcnemar_p_value(*many)
