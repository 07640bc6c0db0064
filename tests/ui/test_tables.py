"""Tables whose numbers follow the reader's language and are still sorted as numbers."""

import pandas as pd
import pytest

from convviz.formatting import percent
from convviz.language import speaking
from convviz.ui.tables import as_text, of_rows, with_numbers

COLUMNS = {
    "layer": ["conv1", "fc"],
    "parameters": [61_100_840, None],
    "share": [0.1025, 0.5],
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [("en", ["conv1", "61,100,840", "10.2 %"]), ("da", ["conv1", "61.100.840", "10,2 %"])],
)
def test_numbers_are_written_in_the_readers_language(code: str, expected: list[str]) -> None:
    with speaking(code):
        table = with_numbers(COLUMNS, {"share": lambda share: percent(share, 1)})
        shown = pd.DataFrame(table._translate(False, False)["body"])
    cells = [cell["display_value"] for cell in shown.iloc[0] if cell["type"] == "td"]
    assert cells == expected


def test_what_is_sorted_are_the_numbers_and_nothing_stays_nothing() -> None:
    table = with_numbers(COLUMNS)
    assert table.data["share"].tolist() == [0.1025, 0.5]
    assert table.data["parameters"].isna().tolist() == [False, True]


@pytest.mark.claims("convviz.ui.tables.as_text")
def test_as_text_a_table_has_its_titles_and_its_cells_as_they_are() -> None:
    columns = {"name": ["<b>x</b>", "y"], "count": [1234, None]}
    html = as_text(columns, config={"name": "What", "count": {"label": "How many"}})
    assert '<th>What</th><th class="number">How many</th>' in html
    assert '<td>&lt;b&gt;x&lt;/b&gt;</td><td class="number">1,234</td>' in html
    assert '<td>y</td><td class="number"></td>' in html


def test_rows_become_columns() -> None:
    assert of_rows([{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == {"a": [1, 3], "b": [2, 4]}
    assert of_rows([]) == {}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["61,100,840", "0"], True),
        (["−1.4 %", "+14.6 %", ""], True),
        (["128 × 4 × 4", "225", "1.3 MB"], True),
        (["1 beyond", "–"], True),
        ([12, None], True),
        (["12", "it was 0", "3"], True),
        (["96 of 11×11/4 → 55"], False),
        (["8 + 16 = 24"], False),
        (["conv1", "5×5"], False),
        (["", None], False),
    ],
)
def test_numbers_stand_on_the_right(cells: list[object], expected: bool) -> None:
    assert ('<td class="number">' in as_text({"of": cells})) == expected


def test_titles_begin_large_but_for_names_that_do_not() -> None:
    html = as_text({"left over": ["x"], "torchvision": ["y"], "MACs": ["z"]})
    assert "<th>Left over</th><th>torchvision</th><th>MACs</th>" in html
