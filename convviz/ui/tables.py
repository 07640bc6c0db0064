"""Tables whose numbers are written as the reader's language does, and sorted as numbers."""

from __future__ import annotations

import re
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

_WRITTEN_SMALL = "torchvision"  # a name that has no capital
# "61,100,840", "−1.4 %", "128 × 4 × 4", "0.1 MB"; not "8 + 16 = 24", nor "96 of 11×11".
_NUMBER = re.compile(r"[+−-]?\d[\d.,×±\s]*(%|[^\W\d_]{1,6})?|–")


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
    shown: dict[str, Any] = {
        name: _shown(name, cells, (config or {}).get(name)) for name, cells in columns.items()
    }
    st.dataframe(table, hide_index=True, column_config=shown, key=key, **options)


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
    opened = {
        name: ' class="number">' if _holds_numbers(cells) else ">"
        for name, cells in columns.items()
    }
    titles = "".join(
        f"<th{opened[name]}{escape(_title(name, (config or {}).get(name)))}</th>"
        for name in columns
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{opened[name]}{'' if cell is None else escape(forms[name](cell))}</td>"
            for name, cell in zip(columns, cells, strict=True)
        )
        + "</tr>"
        for cells in zip(*columns.values(), strict=True)
    )
    return (
        f'<div class="convviz-table"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _shown(name: str, cells: Sequence[object], config: Any) -> dict[str, Any]:
    """Complete how a column is shown: its title begins large, and numbers stand on the right."""
    given = {} if config is None or isinstance(config, str) else dict(config)
    if _holds_numbers(cells) and not given.get("alignment"):
        given["alignment"] = "right"
    return given | {"label": _title(name, config)}


def _title(name: str, config: Any) -> str:
    """Return what a column is called: its configuration may be a title or hold one."""
    given = config if isinstance(config, str) or config is None else config.get("label")
    title = name if given is None else str(given)
    return title if title.startswith(_WRITTEN_SMALL) else title[:1].upper() + title[1:]


def _holds_numbers(cells: Sequence[object]) -> bool:
    """Whether most of a column's cells are numbers, or numbers that have been written."""
    full = [cell for cell in cells if cell is not None and cell != ""]
    numbers = [cell for cell in full if isinstance(cell, Real) or _NUMBER.fullmatch(str(cell))]
    return 2 * len(numbers) > len(full)


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
