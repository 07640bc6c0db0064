"""Widgets of several pages: a choice between a few options or views, and the box for an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import streamlit as st

from convviz.images.formats import FILE_SUFFIXES
from convviz.language import tr
from convviz.ui import glossary, state

# Streamlit breaks the page off over a file whose name ends otherwise than its box allows; with a
# media type among the endings it leaves the choice to the browser, and each page looks at the file.
IMAGES, ZIPS, DATA = "image/*", "application/zip", "application/octet-stream"


def views(
    label: str,
    options: Mapping[str, str],
    key: str,
    first: str,
    *,
    formerly: str = "",
    first_in_url: bool = False,
) -> str:
    """Draw the views of a page as words with a line under the open one; return the open one's name.

    Every page that has views draws them so, below its heading, once; choices within a view are
    `one_of`.

    Args:
        label: What is chosen; only screen readers read it.
        options: The title of each view in English, by its name.
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        first: The view that is open at first.
        formerly: What the key was called in older links.
        first_in_url: Whether the URL names that view too.
    """
    with st.container(key="widgets_views"):
        return one_of(label, options, key, first, formerly=formerly, first_in_url=first_in_url)


def one_of(
    label: str,
    options: Mapping[str, str],
    key: str,
    first: str,
    *,
    pills: bool = False,
    hidden: bool = True,
    formerly: str = "",
    first_in_url: bool = False,
) -> str:
    """Draw the options in a row and return the name of the chosen one.

    Args:
        label: What is chosen; screen readers read it also where it is hidden.
        options: The title of each option in English, by its name.
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        first: The option that is chosen at first.
        pills: Whether to draw the options apart rather than joined.
        hidden: Whether the label is not drawn.
        formerly: What the key was called in older links.
        first_in_url: Whether the URL names that option too.
    """
    draw = st.pills if pills else st.segmented_control
    name = draw(
        label,
        list(options),
        format_func=lambda name: tr(options[name]),
        key=state.remember(
            key, first, allowed=options, formerly=formerly, default_in_url=first_in_url
        ),
        required=True,
        label_visibility="collapsed" if hidden else "visible",
        wrap=True,
    )
    return str(name or first)


def words(*names: str) -> None:
    """Draw what is closed at first: words of the glossary with what they mean.

    Args:
        names: The words, by their English names; none for all of them.
    """
    terms = [term for term in glossary.TERMS if not names or term.name in names]
    with st.expander(tr("Words"), icon=":material/dictionary:", key="glossary_words"):
        st.markdown("\n".join(f"- **{term.title}**: {tr(term.meaning)}" for term in terms))


def image_uploader(
    label: str,
    *,
    key: str,
    on_change: Callable[..., None],
    args: tuple[str, ...] = (),
    most_megabytes: int,
    help: str,
    hint: str,
    refused: str,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    """Draw a box that takes one image.

    Args:
        label: What the image is.
        key: The widget's key.
        on_change: Called when a file has come, or was taken out.
        args: Its arguments.
        most_megabytes: The browser sends nothing larger.
        help: What may come, at length.
        hint: What may come, inside the box.
        refused: `file_id` of the file that was refused last; the box crosses it out.
        width: Of the box.
    """
    file = st.file_uploader(
        label,
        type=[*FILE_SUFFIXES, IMAGES],
        key=key,
        on_change=on_change,
        args=args,
        max_upload_size=most_megabytes,
        width=width,
        help=help,
    )
    # Streamlit would list the media type among the endings, and shows a file that was refused like
    # one that is in use.
    style = _HINT.replace("HINT", hint)
    if file is not None and file.file_id == refused:
        style += _CROSSED_OUT.replace("NOT USED", tr("not used"))
    st.html(f"<style>{style.replace('BOX', f'.st-key-{key}')}</style>")


_HINT = """
BOX [data-testid=stFileUploaderDropzoneInstructions] > * { display: none; }
BOX [data-testid=stFileUploaderDropzoneInstructions]::after { content: "HINT"; }
"""
_CROSSED_OUT = """
BOX [data-testid=stFileChipName] { text-decoration: line-through; }
BOX [data-testid=stFileChipName] + *::after { content: " · NOT USED"; }
"""
