"""Formulas and numbers as the page shows them."""

from __future__ import annotations

import html
from collections.abc import Iterable

import streamlit as st


def formula(text: str, meaning: str = "", *, large: bool = False) -> None:
    """Draw one formula with its numbers put in, and what it means below."""
    size = " large" if large else ""
    below = f"<span>{html.escape(meaning)}</span>" if meaning else ""
    st.html(f'<p class="convviz-formula{size}"><b>{html.escape(text)}</b>{below}</p>')


def ledger(rows: Iterable[tuple[str, str, str]]) -> None:
    """Draw lines of what, formula and remark; lines without a formula are left out."""
    lines = "".join(
        f"<dt>{html.escape(what)}</dt><dd><b>{html.escape(text)}</b>"
        + (f"<span>{html.escape(remark)}</span>" if remark else "")
        + "</dd>"
        for what, text, remark in rows
        if text
    )
    st.html(f'<dl class="convviz-ledger">{lines}</dl>')


def times(factor: float) -> str:
    """Write a factor: "2.3", "21", "1,250"."""
    return f"{factor:,.0f}" if factor >= 20 else f"{factor:.1f}"


def megabytes(count: int) -> str:
    """Write bytes in megabytes of a million bytes."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


def signed(value: float) -> str:
    """Write a number as a term of a sum: " + 0.12" or " − 0.12"."""
    return f" {'−' if value < 0 else '+'} {abs(value):.3f}"


def percent(share: float) -> str:
    """Write a share in 0…1 as a percentage with one digit."""
    return "less than 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
