"""A row of choices of which exactly one is taken, remembered and part of the link."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from convviz.ui import state


def one_of(
    label: str,
    options: Mapping[str, str],
    key: str,
    first: str,
    *,
    pills: bool = False,
    hidden: bool = True,
    formerly: str = "",
) -> str:
    """Draw the choices and return the key of the one that is taken.

    Args:
        label: What is chosen, for screen readers and, unless hidden, for all.
        options: Key to title.
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        first: The key that is taken at first.
        pills: Whether to draw the choices apart rather than joined.
        hidden: Whether the label is not drawn.
        formerly: What the key was called in older links.
    """
    draw = st.pills if pills else st.segmented_control
    taken = draw(
        label,
        list(options),
        format_func=options.__getitem__,
        key=state.remember(key, first, allowed=options, formerly=formerly),
        required=True,
        label_visibility="collapsed" if hidden else "visible",
        wrap=True,
    )
    return str(taken or first)
