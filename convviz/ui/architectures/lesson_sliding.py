"""Lesson: how often a kernel fits, and what it leaves over."""

from __future__ import annotations

import streamlit as st

from convviz.networks import lessons, published
from convviz.networks.lessons import Sliding
from convviz.ui import state
from convviz.ui.architectures.formula import formula
from convviz.ui.architectures.sliding import sliding_kernel
from convviz.ui.shell import Choice

# What AlexNet's first layer has been given: by the arithmetic, by the paper, by the course notes,
# and by torchvision, which pads.
_TRIES = {
    "227": ("AlexNet at 227", (227, 11, 4, 0)),
    "224": ("AlexNet at 224, as the paper prints", (224, 11, 4, 0)),
    "277": ("AlexNet at 277, as the course notes say", (277, 11, 4, 0)),
    "padded": ("torchvision's AlexNet: 224, padding 2", (224, 11, 4, 2)),
    "vgg": ("A VGG layer", (14, 3, 1, 1)),
    "small": ("Small enough to count", (10, 3, 2, 0)),
}
_LARGEST = 320


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    with st.container(key="point_size"):
        st.markdown(
            "**A kernel of k pixels that moves s pixels at a time stops "
            "⌊(n − k + 2p)/s⌋ + 1 times on n pixels with p of padding.** What is left at the far "
            "edge is dropped without a word."
        )
    controls, picture = st.columns([3, 8], gap="large")
    with controls:
        _tries()
        length, kernel, stride, padding, dilation = _sliders()
    with picture:
        slid = lessons.slide(length, kernel, stride, padding, dilation)
        formula(slid.formula, slid.sentence, large=True)
        if slid.dropped_picture:
            st.caption(
                f"On both axes: {slid.dropped_picture} of {length} rows and columns of the image "
                "are never looked at."
            )
        sliding_kernel(slid, name=f"kernel-{length}-{kernel}-{stride}-{padding}")
        _fitting(slid)
    _notes()


def _tries() -> None:
    def take() -> None:
        chosen = st.session_state["size_try"]
        if chosen in _TRIES:
            for key, value in zip(("n", "k", "s", "p"), _TRIES[chosen][1], strict=True):
                state.put(key, value)
            state.put("d", 1)

    st.selectbox(
        "Try",
        list(_TRIES),
        index=None,
        format_func=lambda key: _TRIES[key][0],
        placeholder="An example…",
        key="size_try",
        on_change=take,
    )


def _sliders() -> tuple[int, int, int, int, int]:
    specs = (
        ("n", "Image side n", 1, _LARGEST, 227),
        ("k", "Kernel k", 1, 15, 11),
        ("s", "Stride s", 0, 8, 4),
        ("p", "Padding p", 0, 7, 0),
        ("d", "Dilation", 1, 4, 1),
    )
    length, kernel, stride, padding, dilation = (
        st.slider(title, low, high, key=state.remember(key, first, allowed=range(low, high + 1)))
        for key, title, low, high, first in specs
    )
    return length, kernel, stride, padding, dilation


def _fitting(slid: Sliding) -> None:
    low, high = max(1, slid.length - 12), slid.length + 12
    fitting = lessons.exact_lengths(slid, low, high)
    listed = ", ".join(str(n) for n in fitting)
    if slid.stride > 1 and fitting:
        st.markdown(f"With this kernel nothing is dropped from images of {listed} pixels.")


def _notes() -> None:
    with st.expander("The course notes say that AlexNet takes 277 × 277"):
        rows = []
        for size in (227, 224, 277):
            first = lessons.slide(size, 11, 4)
            last = published.slides(published.ALEXNET, size)[-1][1].output
            rows.append(
                f"| {size} × {size} | {first.formula} | {first.dropped} | {last} × {last} × 256 = "
                f"{last * last * 256:,} |"
            )
        header = "| image | first layer | dropped | what reaches fc6 |\n|---|---|---|---|\n"
        st.markdown(header + "\n".join(rows))
        exact = lessons.slide(227, 11, 4)
        noted = lessons.slide(277, 11, 4)
        st.markdown(
            f"The first fully connected layer expects 9,216 values. Images of 227 × 227 give "
            f"exactly that, with {exact.dropped} pixels dropped at the first layer; at 277 × 277 "
            f"{noted.dropped} pixels would be dropped and the classifier would not fit. So 277 is "
            "most likely a slip for **227**. The paper itself prints 224, which leaves 1 pixel "
            "over; torchvision takes 224 and pads it by 2."
        )
