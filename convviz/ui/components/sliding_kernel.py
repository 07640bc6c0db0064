"""The laboratory of the sliding kernel: where it stops, and what it leaves over."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from convviz.lessons.sliding import Sliding
from convviz.ui.keys import Component

_FOLDER = Path(__file__).parent


def sliding_kernel(slid: Sliding, *, name: str, key: str = "sliding") -> None:
    """Draw a square picture with a kernel that slides over it, and the output that it fills.

    Args:
        slid: The kernel; the same on both axes.
        name: What the saved picture is called, without its ending.
        key: The widget's key.
    """
    _sliding(
        key=key,
        data={
            "length": slid.length,
            "kernel": slid.kernel,
            "span": slid.span,
            "stride": slid.stride,
            "padding": slid.padding,
            "dilation": slid.dilation,
            "output": slid.output,
            "dropped": slid.dropped,
            "name": name,
        },
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_sliding = st.components.v2.component(
    Component.SLIDING_KERNEL,
    html=_read("sliding_kernel.html"),
    css=_read("sliding_kernel.css"),
    js=_read("sliding_kernel.js"),
)
