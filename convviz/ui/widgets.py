"""A choice between a few options, a page's views among them: remembered, and part of the link."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from convviz.ui import state

# Streamlit breaks the page off over a file whose name ends otherwise than its box allows; with a
# media type among the endings it leaves the choice to the browser, and each page looks at the file.
IMAGES, ZIPS, DATA = "image/*", "application/zip", "application/octet-stream"


def views(
    label: str, options: Mapping[str, str], key: str, first: str, *, formerly: str = ""
) -> str:
    """Draw the views of a page as words with a line under the open one; return the open one's name.

    Every page that has views draws them so, below its heading, once; choices within a view are
    `one_of`.

    Args:
        label: What is chosen; only screen readers read it.
        options: The title of each view, by its name.
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        first: The view that is open at first.
        formerly: What the key was called in older links.
    """
    with st.container(key="widgets_views"):
        return one_of(label, options, key, first, formerly=formerly)


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
    """Draw the options in a row and return the name of the chosen one.

    Args:
        label: What is chosen; screen readers read it also where it is hidden.
        options: The title of each option, by its name.
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        first: The option that is chosen at first.
        pills: Whether to draw the options apart rather than joined.
        hidden: Whether the label is not drawn.
        formerly: What the key was called in older links.
    """
    draw = st.pills if pills else st.segmented_control
    name = draw(
        label,
        list(options),
        format_func=options.__getitem__,
        key=state.remember(key, first, allowed=options, formerly=formerly),
        required=True,
        label_visibility="collapsed" if hidden else "visible",
        wrap=True,
    )
    return str(name or first)
