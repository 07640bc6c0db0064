"""Tables whose numbers are written as the reader's language does, and sorted as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import pandas as pd  # which Streamlit brings along

from convviz.formatting import grouped

Write = Callable[[float], str]


def with_numbers(
    columns: Mapping[str, Sequence[object]], written: Mapping[str, Write] | None = None
) -> Any:
    """Return a table for `st.dataframe`, which by itself has points before decimals everywhere.

    Args:
        columns: The cells by their columns' titles; None where there is nothing.
        written: How a column's numbers are written; those of the others are whole.
    """
    table = pd.DataFrame({title: list(cells) for title, cells in columns.items()})
    forms: dict[Any, Any] = {
        title: _cell((written or {}).get(title, _whole)) for title in table.columns
    }
    return table.style.format(forms, na_rep="")


def _whole(number: float) -> str:
    return grouped(int(number))


def _cell(write: Write) -> Callable[[object], str]:
    return lambda cell: write(float(cell)) if isinstance(cell, Real) else str(cell)
