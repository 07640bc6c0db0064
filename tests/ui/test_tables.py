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
    assert "<th>What</th><th>How many</th>" in html
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td><td>1,234</td>" in html
    assert "<td>y</td><td></td>" in html


def test_rows_become_columns() -> None:
    assert of_rows([{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == {"a": [1, 3], "b": [2, 4]}
    assert of_rows([]) == {}
