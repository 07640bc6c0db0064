"""Formulas with their numbers, as a page shows them."""

from __future__ import annotations

import html
from collections.abc import Iterable

import streamlit as st


def formula(text: str, meaning: str = "", *, large: bool = False) -> None:
    """Draw one formula with its numbers put in, and its meaning below."""
    size = " large" if large else ""
    below = f"<span>{html.escape(meaning)}</span>" if meaning else ""
    st.html(f'<p class="convviz-formula{size}"><b>{html.escape(text)}</b>{below}</p>')


def ledger(rows: Iterable[tuple[str, str, str]]) -> None:
    """Draw lines of label, formula and remark; lines without a formula are left out."""
    lines = "".join(
        f"<dt>{html.escape(label)}</dt><dd><b>{html.escape(text)}</b>"
        + (f"<span>{html.escape(remark)}</span>" if remark else "")
        + "</dd>"
        for label, text, remark in rows
        if text
    )
    st.html(f'<dl class="convviz-ledger">{lines}</dl>')
