"""The wording of numbers."""

import pytest

from convviz import formatting


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.3333, None, "33 %"),
        (0.9999, None, "more than 99.9 %"),
        (0.0004, 1, "less than 0.1 %"),
        (0.3333, 1, "33.3 %"),
        (-0.25, 1, "−25.0 %"),
        (-0.0001, 1, "0.0 %"),
        (0.9996, 1, "100.0 %"),
        (0.896, 0, "90 %"),
    ],
)
def test_percentages(share: float, digits: int | None, text: str) -> None:
    assert formatting.percent(share, digits) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0123, "+1.2 %"), (-0.0031, "−0.3 %"), (0, "0.0 %"), (-0.0004, "0.0 %"), (0.0004, "0.0 %")],
)
def test_differences_have_a_sign_unless_they_round_to_nothing(share: float, text: str) -> None:
    assert formatting.signed_percent(share) == text


def test_a_sign_is_a_minus_or_a_plus() -> None:
    numbers = (0.654, -0.306, 0, -0.001)
    assert [formatting.with_sign(x) for x in numbers] == ["+0.65", "−0.31", "0.00", "0.00"]


def test_no_decimals_are_minus_nothing() -> None:
    assert [formatting.decimals(x) for x in (-0.001, -0.126, 0.0)] == ["0.00", "−0.13", "0.00"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.2134, "21.3 %"),
        (0.0009, "< 0.1 %"),
        (1, "> 99.9 %"),
        (0.9994, "99.9 %"),
        (0.9996, "> 99.9 %"),
    ],
)
def test_probabilities_fit_a_narrow_column(share: float, text: str) -> None:
    assert formatting.probability(share) == text


def test_numbers_that_are_compared_are_told_apart() -> None:
    def told(*values: float) -> list[str]:
        return formatting.apart(values, formatting.percent, 1)

    assert told(0.4, 0.5) == ["40.0 %", "50.0 %"]
    assert told(0.5003, 0.5) == ["50.03 %", "50.00 %"]
    assert told(0.5, 0.5) == ["50.0 %", "50.0 %"]
    assert told(0.99996, 0.5, 1) == ["99.996 %", "50.000 %", "100.000 %"]
    sure = formatting.apart([0.9997, 0.9999], formatting.probability, 1)
    assert sure == ["99.97 %", "99.99 %"]
    assert formatting.apart([1, 0.00001], formatting.probability, 1) == ["> 99.9 %", "< 0.1 %"]
    assert formatting.apart([-0.1, 0.503, 0.5], formatting.decimals, 2) == [
        *("−0.100", "0.503", "0.500")
    ]
    assert formatting.apart([0, 1e-12], formatting.decimals, 2) == ["0.00", "0.00"]


@pytest.mark.parametrize(
    ("count", "digits", "text"),
    [
        (24_600, None, "25 kB"),
        (600, None, "0.0 MB"),
        (1_234_000_000, None, "1,234 MB"),
        (1_161_600, 1, "1.2 MB"),
        (40_000, 1, "40.0 kB"),
        (600, 1, "0.6 kB"),
    ],
)
def test_bytes(count: int, digits: int | None, text: str) -> None:
    assert formatting.size_text(count, digits) == text


@pytest.mark.parametrize(
    ("factor", "text"), [(0.534, "0.53"), (2.26, "2.3"), (20.9, "21"), (1250, "1,250")]
)
def test_factors(factor: float, text: str) -> None:
    assert formatting.times(factor) == text


def test_factors_with_more_digits() -> None:
    texts = [formatting.times(factor, digits=2, whole_from=10) for factor in (2.264, 20.88)]
    assert texts == ["2.26", "21"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(138_357_544, "138.4 M"), (15_470_264_320, "15.5 G"), (12_500, "12.5 k"), (18, "18")],
)
def test_short_numbers(number: int, text: str) -> None:
    assert formatting.short(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(20_000_000, "20 M"), (2_500_000_000, "2.5 G"), (750_000, "750 k"), (0, "0")],
)
def test_short_round_numbers(number: int, text: str) -> None:
    assert formatting.short_round(number) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.12345, "0.123"), (1234567, "1.23e6"), (-2e-9, "-2e-9")]
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert formatting.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (1234567, "1.23 × 10⁶"),
        (1.1789e-11, "1.18 × 10⁻¹¹"),
        (-0.05, "−0.05"),
    ],
)
def test_powers_of_ten_in_a_sentence(value: float, text: str) -> None:
    assert formatting.in_words(value) == text


def test_signs_are_typographic() -> None:
    assert formatting.decimals(-0.123) == "−0.12"
    assert (formatting.signed(-0.12), formatting.signed(0.12)) == (" − 0.120", " + 0.120")
    assert formatting.product(3, 3, 1000) == "3·3·1,000"


def test_a_mistyped_name_gets_its_near_matches() -> None:
    names = ["vgg16", "vgg19", "alexnet"]
    assert formatting.did_you_mean("vgg-16", names, "choose one.") == (
        "did you mean vgg16 or vgg19?"
    )
    assert formatting.did_you_mean("xyz", names, "choose one.") == "choose one."


def test_the_largest_of_some_numbers_keeps_two_digits() -> None:
    assert [formatting.digits_of(each) for each in (8.74, -0.31, 0.1, 0.0999, -0.062, 0.00031)] == [
        *(2, 2, 2, 3, 3, 5)
    ]
    assert (
        formatting.digits_of(0.001, 0.5) == formatting.digits_of() == formatting.digits_of(0.0) == 2
    )
    assert formatting.digits_of(1e-30) == 9
