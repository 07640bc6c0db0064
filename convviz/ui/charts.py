"""Plotly's figures on pages; in presenter mode their text is as large as a projector needs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from convviz.ui.keys import Key


def draw(figure: Any, *, config: dict[str, Any], key: str, **options: Any) -> None:
    """Draw a figure over the width that there is.

    Args:
        figure: A figure of plotly, as `figures` makes it.
        config: `theme.CONFIG`, or what `theme.save_as` returns.
        key: The chart's key.
        options: What `st.plotly_chart` takes besides, as `on_select`.
    """
    if st.session_state.get(Key.PRESENT):
        from convviz.figures import theme

        figure = theme.enlarged(figure)
    st.plotly_chart(figure, config=config, key=key, **options)
