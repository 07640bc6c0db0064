"""Lesson: how often a kernel fits, and what it leaves over."""

from __future__ import annotations

import streamlit as st

from convviz.formatting import grouped
from convviz.language import later, tr
from convviz.lessons.sliding import slide, slides
from convviz.networks.paper_designs import ALEXNET
from convviz.ui import cache, glossary, state
from convviz.ui.choice import Choice
from convviz.ui.components.sliding_kernel import sliding_kernel
from convviz.ui.course import findings
from convviz.ui.formulas import formula
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

# The first four are AlexNet's first layer: by the arithmetic, the paper, the lecture notes, and
# torchvision, which pads.
_EXAMPLES = {
    "227": (later("AlexNet at 227"), (227, 11, 4, 0)),
    "224": (later("AlexNet at 224, as the paper prints"), (224, 11, 4, 0)),
    "277": (later("AlexNet at 277, as the lecture notes say"), (277, 11, 4, 0)),
    "padded": (later("torchvision's AlexNet: 224, padding 2"), (224, 11, 4, 2)),
    "vgg": (later("A VGG layer"), (14, 3, 1, 1)),
    "small": (later("Small enough to count"), (10, 3, 2, 0)),
}
_KEYS = (Key.SLIDING_LENGTH, Key.SLIDING_KERNEL, Key.SLIDING_STRIDE, Key.SLIDING_PADDING)
_LARGEST = 320


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    with st.container(key="course_point_size"):
        point = tr(
            "**A kernel of k pixels that moves s pixels at a time stops ⌊(n − k + 2p)/s⌋ "
            "+ 1 times on n pixels with p of padding.** What is left at the far edge is "
            "ignored, and so is what lies between two stops if the stride is wider than "
            "the kernel."
        )
        st.markdown(glossary.mark(point))
    controls, result = st.columns([3, 8], gap="large")
    with controls:
        _choose_example()
        length, kernel, stride, padding, dilation = _choose_sizes()
    with result:
        sliding = slide(length, kernel, stride, padding, dilation)
        formula(sliding.formula, sliding.sentence, large=True)
        if sliding.unseen:
            st.caption(sliding.unseen_sentence)
        sliding_kernel(
            sliding,
            name=f"kernel-{length}-{kernel}-{stride}-{padding}",
            key="course_sliding",
        )
        if exact := findings.exact_lengths_text(sliding):
            st.markdown(exact)
    _draw_course_notes()
    how_we_know("output_size")


def _choose_example() -> None:
    def take() -> None:
        example = st.session_state["course_size_example"]
        if example in _EXAMPLES:
            for key, value in zip(_KEYS, _EXAMPLES[example][1], strict=True):
                state.put(key, value)
            state.put(Key.SLIDING_DILATION, 1)

    st.selectbox(
        tr("Try"),
        list(_EXAMPLES),
        index=None,
        format_func=lambda key: tr(_EXAMPLES[key][0]),
        placeholder=tr("An example…"),
        key="course_size_example",
        on_change=take,
    )


def _choose_sizes() -> tuple[int, int, int, int, int]:
    sliders = (
        (Key.SLIDING_LENGTH, tr("Image side n"), 1, _LARGEST, 227),
        (Key.SLIDING_KERNEL, tr("Kernel k"), 1, 15, 11),
        (Key.SLIDING_STRIDE, tr("Stride s"), 0, 8, 4),
        (Key.SLIDING_PADDING, tr("Padding p"), 0, 7, 0),
        (Key.SLIDING_DILATION, tr("Dilation"), 1, 4, 1),
    )
    length, kernel, stride, padding, dilation = (
        st.slider(title, low, high, key=state.remember(key, first, allowed=range(low, high + 1)))
        for key, title, low, high, first in sliders
    )
    return length, kernel, stride, padding, dilation


def _draw_course_notes() -> None:
    """Hold the input size that the lecture notes state against the paper's own layers."""
    noted, paper, exact = 277, 224, ALEXNET.input_size
    layers = {
        size: [sliding for _, sliding in slides(ALEXNET, size)] for size in (exact, paper, noted)
    }
    channels = _encoder_channels()
    values = {size: slidings[-1].output ** 2 * channels for size, slidings in layers.items()}
    dropped = {size: slidings[0].dropped for size, slidings in layers.items()}
    with st.expander(findings.course_notes_title(noted)):
        rows = [
            f"| {size} × {size} | {slid[0].formula} | {dropped[size]} | "
            f"{slid[-1].output} × {slid[-1].output} × {channels} = {grouped(values[size])} |"
            for size, slid in layers.items()
        ]
        titles = (tr("image"), tr("first layer"), tr("left over"), tr("what reaches fc6"))
        st.markdown("\n".join((f"| {' | '.join(titles)} |", "|---|---|---|---|", *rows)))
        built = cache.costs("alexnet").layers[0]
        st.markdown(
            findings.course_notes_text(
                (exact, paper, noted), values, _classifier_values(), dropped, built
            )
        )


def _encoder_channels() -> int:
    """Return how many maps reach AlexNet's classifier."""
    rows = [row for row in cache.costs(ALEXNET.name).layers if row.part == "encoder"]
    return rows[-1].output_shape[0]


def _classifier_values() -> int:
    """Return how many values AlexNet's first fully connected layer takes."""
    rows = cache.costs(ALEXNET.name).layers
    return next(row for row in rows if row.kind == "linear").input_shapes[0][0]
