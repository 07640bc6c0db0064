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


def test_a_name_that_makes_a_file_too_long_is_left_out() -> None:
    full = "#" * (MOST_CHARACTERS - 4) + "\ngap"
    assert len(full) == MOST_CHARACTERS
    assert text.from_file("a.txt", full.encode()) == full
    assert text.from_file("a.txt", full[7:].encode()) == f"name a\n{full[7:]}"


def test_a_name_is_no_block_where_it_may_stand_and_else_a_line_that_can_be_chosen() -> None:
    typed = "# mine\nname a  # short\ninput 3x8x8\nname b\nrelu"
    assert text.block_lines(typed) == {3: "input 3x8x8", 4: "name b", 5: "relu"}
    assert text.block_lines("input 3x8x8\nNAME b") == {1: "input 3x8x8", 2: "NAME b"}
    assert text.block_lines("name a\n\n# nothing yet") == {}
    assert text.block_lines("") == {}
    assert [text.last_line(each) for each in ("", "name a\n\n", "\n# a\n  ")] == [0, 1, 2]
