"""Lesson: how often a kernel fits, and what it leaves over."""

from __future__ import annotations

import streamlit as st

from convviz.lessons.sliding import Sliding, exact_lengths, slide, slides
from convviz.networks.paper_designs import ALEXNET
from convviz.ui import cache, state
from convviz.ui.choice import Choice
from convviz.ui.components.sliding_kernel import sliding_kernel
from convviz.ui.formulas import formula
from convviz.ui.keys import Key

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
_KEYS = (Key.SLIDING_LENGTH, Key.SLIDING_KERNEL, Key.SLIDING_STRIDE, Key.SLIDING_PADDING)
_LARGEST = 320


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    with st.container(key="architectures_point_size"):
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
        slid = slide(length, kernel, stride, padding, dilation)
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
            for key, value in zip(_KEYS, _TRIES[chosen][1], strict=True):
                state.put(key, value)
            state.put(Key.SLIDING_DILATION, 1)

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
        (Key.SLIDING_LENGTH, "Image side n", 1, _LARGEST, 227),
        (Key.SLIDING_KERNEL, "Kernel k", 1, 15, 11),
        (Key.SLIDING_STRIDE, "Stride s", 0, 8, 4),
        (Key.SLIDING_PADDING, "Padding p", 0, 7, 0),
        (Key.SLIDING_DILATION, "Dilation", 1, 4, 1),
    )
    length, kernel, stride, padding, dilation = (
        st.slider(title, low, high, key=state.remember(key, first, allowed=range(low, high + 1)))
        for key, title, low, high, first in specs
    )
    return length, kernel, stride, padding, dilation


def _fitting(slid: Sliding) -> None:
    low, high = max(1, slid.length - 12), slid.length + 12
    fitting = exact_lengths(slid, low, high)
    listed = ", ".join(str(n) for n in fitting)
    if slid.stride > 1 and fitting:
        st.markdown(f"With this kernel nothing is dropped from images of {listed} pixels.")


def _notes() -> None:
    """Show both sides of the course notes' claim, from the paper's own layers."""
    noted, paper, exact = 277, 224, ALEXNET.input_size
    sliding = {size: slides(ALEXNET, size) for size in (exact, paper, noted)}
    reach = {size: _values(slid[-1][1].output) for size, slid in sliding.items()}
    with st.expander(f"The course notes say that AlexNet takes {noted} × {noted}"):
        rows = [
            f"| {size} × {size} | {slid[0][1].formula} | {slid[0][1].dropped} | "
            f"{slid[-1][1].output} × {slid[-1][1].output} × {_channels()} = {reach[size]:,} |"
            for size, slid in sliding.items()
        ]
        header = "| image | first layer | dropped | what reaches fc6 |\n|---|---|---|---|\n"
        st.markdown(header + "\n".join(rows))
        built = cache.costs("alexnet").layers[0]
        padding = built.window.padding[0] if built.window else 0
        first = {size: slid[0][1].dropped for size, slid in sliding.items()}
        st.markdown(
            f"Its first fully connected layer takes {_expected():,} values. Images of {exact} × "
            f"{exact} give {reach[exact]:,}, with {first[exact]} pixels dropped on the way in. "
            f"Images of {noted} × {noted} give {reach[noted]:,}: they would not fit, and lose "
            f"{first[noted]} pixels at the first layer. So {noted} is most likely a slip for "
            f"**{exact}**. The paper itself prints {paper}, which does not fit either "
            f"({reach[paper]:,}); torchvision takes {built.input_shapes[0][1]} and pads it by "
            f"{padding}."
        )


def _channels() -> int:
    """Return how many maps reach AlexNet's classifier."""
    maps = [row for row in cache.costs(ALEXNET.name).layers if row.part == "encoder"]
    return maps[-1].output_shape[0]


def _values(side: int) -> int:
    return side * side * _channels()


def _expected() -> int:
    """Return how many values AlexNet's first fully connected layer takes."""
    rows = cache.costs(ALEXNET.name).layers
    return next(row for row in rows if row.kind == "linear").input_shapes[0][0]
