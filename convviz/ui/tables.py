"""Tables whose numbers are written as the reader's language does, and sorted as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from numbers import Real
from typing import Any

import pandas as pd  # which Streamlit brings along
import streamlit as st

from convviz.formatting import grouped
from convviz.ui.keys import Key

Write = Callable[[float], str]
Columns = Mapping[str, Sequence[object]]


def draw(
    columns: Columns,
    *,
    key: str,
    written: Mapping[str, Write] | None = None,
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Draw a table; in presenter mode as text, which is as large as a projector needs.

    Args:
        columns: The cells by their columns' names; None where there is nothing.
        key: The table's key.
        written: How a column's numbers are written; those of the others are whole.
        config: How columns are shown and what they are called, as `st.dataframe` takes it.
        options: What `st.dataframe` takes besides.
    """
    if st.session_state.get(Key.PRESENT):
        st.html(as_text(columns, written, config))
        return
    has_numbers = any(isinstance(cell, Real) for cells in columns.values() for cell in cells)
    table = with_numbers(columns, written) if has_numbers else dict(columns)
    st.dataframe(table, hide_index=True, column_config=config, key=key, **options)


def of_rows(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Turn rows, which have the same columns, into columns."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def as_text(
    columns: Columns,
    written: Mapping[str, Write] | None = None,
    config: Mapping[str, Any] | None = None,
) -> str:
    """Write a table as HTML; arguments as in `draw`."""
    forms = _forms(columns, written or {})
    titles = "".join(f"<th>{escape(_title(name, config or {}))}</th>" for name in columns)
    rows = "".join(
        "<tr>"
        + "".join(
            "<td></td>" if cell is None else f"<td>{escape(forms[name](cell))}</td>"
            for name, cell in zip(columns, cells, strict=True)
        )
        + "</tr>"
        for cells in zip(*columns.values(), strict=True)
    )
    return (
        f'<div class="convviz-table"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _title(name: str, config: Mapping[str, Any]) -> str:
    """Return what a column is called: its configuration may be a title or hold one."""
    found = config.get(name)
    return found if isinstance(found, str) else (found or {}).get("label") or name


def with_numbers(columns: Columns, written: Mapping[str, Write] | None = None) -> Any:
    """Return a table for `st.dataframe`, which by itself has points before decimals everywhere.

    Arguments are as in `draw`.
    """
    table = pd.DataFrame({title: list(cells) for title, cells in columns.items()})
    forms: dict[Any, Any] = {**_forms(columns, written or {})}
    return table.style.format(forms, na_rep="")


def _forms(columns: Columns, written: Mapping[str, Write]) -> dict[str, Callable[[object], str]]:
    """Return what writes the cells of each column."""
    return {name: _cell(written.get(name, _whole)) for name in columns}


def _whole(number: float) -> str:
    return grouped(int(number))


def _cell(write: Write) -> Callable[[object], str]:
    return lambda cell: write(float(cell)) if isinstance(cell, Real) else str(cell)
