"""A design's text as a visitor's file has it."""

import pytest

from convviz.errors import SettingError
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.ui.design import text


@pytest.mark.parametrize("sign", ["a", "é", "€", "𝄞"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "x"])
def test_a_long_file_is_called_long_whatever_its_letters_take(sign: str, mark: str) -> None:
    data = (mark + sign * (MOST_CHARACTERS * 4)).encode()
    with pytest.raises(SettingError, match="longer than 40,000 characters"):
        text.from_file("a.txt", data)


def test_a_file_that_ends_inside_a_letter_is_no_text() -> None:
    with pytest.raises(SettingError, match="no text in UTF-8"):
        text.from_file("a.txt", "gap # €".encode()[:-1])
    assert text.from_file("a.txt", "\ufeffgap # €".encode()) == "name a\ngap # €"
