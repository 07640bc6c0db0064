import pytest

from convviz.sprites.lettering import drawable, number


def test_letters_that_the_font_lacks_are_spelled() -> None:
    assert drawable("inception4a · 3×3 “5×5” τ ≥ é\n") == "inception4a · 3x3 “5x5” tau ? e "


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.12345, "0.123"), (1234567, "1.23e6"), (-2e-9, "-2e-9")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
