"""McNemar's exact test: by hand, and against scipy's binomial test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from convviz.learning.significance import PairedComparison, compare_paired


def test_images_are_counted_in_pairs() -> None:
    first = [True, True, True, False, False]
    second = [True, False, False, True, False]
    assert compare_paired(first, second) == PairedComparison(1, 2, 1, 1)
    assert compare_paired(first, second).images == 5


def test_equal_answers_are_no_difference() -> None:
    everything = [True] * 48
    assert compare_paired(everything, everything).p_value == 1
    assert not compare_paired(everything, everything).is_significant


def test_six_against_none_is_a_difference_and_five_is_not() -> None:
    # Two-sided: 2 / 2^6 = 0.031, 2 / 2^5 = 0.0625.
    assert PairedComparison(10, 6, 0, 3).p_value == 2 / 2**6
    assert PairedComparison(10, 6, 0, 3).is_significant
    assert PairedComparison(10, 0, 5, 3).p_value == 2 / 2**5
    assert not PairedComparison(10, 0, 5, 3).is_significant


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_p_value_is_the_binomial_tests(only_first: int, only_second: int) -> None:
    p_value = PairedComparison(7, only_first, only_second, 2).p_value
    if only_first + only_second == 0:
        assert p_value == 1
    else:
        expected = binomtest(only_first, only_first + only_second, 0.5).pvalue
        assert p_value == pytest.approx(expected, rel=1e-9)


def test_an_image_without_its_twin_is_an_error() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        compare_paired([True, False], [True])
