"""What the page is about, for someone who reads nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from convviz.ui.drawing import drawing

_WORDS = """
What do the feature maps of one layer still know about an image **x**? Make another image **y** from
them: begin with noise, send it through the same network, compare its maps with those of x, and
change y a little so that they come closer; again, some hundred times. In training, the image is
given and the *weights* change; here the weights are given and the ***pixels*** change. What y
shares with x in the end is what the layer still knows. Where y looks different although its maps
are almost the same, the layer cannot tell the two apart: that is what it has thrown away.
"""
_SOURCES = (
    "After Mahendran & Vedaldi, *Understanding deep image representations by inverting them* "
    "(2015), and the content term of Gatys, Ecker & Bethge, *Image style transfer using "
    "convolutional neural networks* (2016)."
)


TITLE = "The idea: optimise the image, not the weights"


def drawn() -> None:
    """Draw the idea."""
    drawing(Path(__file__).with_name("idea.html").read_text("utf-8"), key="idea")


def told() -> None:
    """Tell the idea in one paragraph."""
    with st.container(key="idea_words", gap=None):
        st.markdown(_WORDS)
        st.caption(_SOURCES)
