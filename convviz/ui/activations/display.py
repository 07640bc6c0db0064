"""How channels are drawn: the menu of display options, and the legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st

from convviz.features import findings
from convviz.features.activations import Activations, Order
from convviz.features.dead import DeadChannels
from convviz.language import again, later, numeral, tr
from convviz.networks.network import Network
from convviz.sprites.colormaps import COLORMAPS, Colormap
from convviz.sprites.grid import Atlas, Contrast
from convviz.ui import cache, colour_scales, state
from convviz.ui.choice import ChosenImage
from convviz.ui.keys import Key

Show = Literal["all", "hide", "only"]

_ORDERS = {
    "index": later("Number"),
    "salience": later("Strongest first"),
    "strength": later("Highest maximum first"),
    "active": later("Most active first"),
}
_SHOWS = {
    "all": later("All channels"),
    "hide": later("Hide empty ones"),
    "only": later("Only empty ones"),
}
_CONTRASTS = {"channel": later("Per channel"), "shared": later("Shared")}

STRETCHED = later(
    "Which part of the image each value looks at cannot be followed through this "
    "network, so the map is stretched over the whole image."
)

_THRESHOLDS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class DisplayOptions:
    """How the grid is drawn.

    Attributes:
        order: What the channels are ordered by.
        show: Whether empty channels are shown, hidden, or the only ones shown.
        contrast: Whether each channel has its own scale or all share one.
        colours: Name of the colour map.
        threshold: τ: up to which share of the layer's strongest activation a channel is empty.
    """

    order: Order
    show: Show
    contrast: Contrast
    colours: Colormap
    threshold: float


USUAL = DisplayOptions("index", "all", "channel", "viridis", 0.0)
"""How a grid is drawn until the visitor chooses otherwise."""


def atlas_of(
    image: ChosenImage,
    network: Network,
    activations: Activations,
    options: DisplayOptions,
    ends: tuple[float, float] | None = None,
) -> Atlas:
    """Return all channels of a layer as one image, drawn as the options say."""
    contrast, threshold, colours = options.contrast, options.threshold, options.colours
    return cache.atlas(image, network, activations, contrast, threshold, colours, ends)


def menu(activations: Activations) -> DisplayOptions:
    """Draw the menu of the display options, which all views share, and return what is chosen.

    Args:
        activations: Those of the layer in use.
    """
    with st.popover(tr("Display"), icon=":material/tune:", key="activations_display"):
        order = st.selectbox(
            tr("Order"),
            _ORDERS,
            format_func=lambda name: tr(_ORDERS[name]),
            key=state.remember(Key.ORDER, USUAL.order, allowed=_ORDERS),
            help=tr(
                "Strongest: by how much of a pattern a map draws, its contrast in space, so "
                "that one bright dot does not count for much. Highest maximum: by the "
                "highest activation of each channel, so of class scores the highest score "
                "first and the lowest last. Most active: by the share of positions where it "
                "is not zero."
            ),
        )
        show = st.selectbox(
            tr("Show"),
            _SHOWS,
            format_func=lambda name: tr(_SHOWS[name]),
            key=state.remember(Key.SHOW, USUAL.show, allowed=_SHOWS),
        )
        contrast = st.selectbox(
            tr("Contrast"),
            _CONTRASTS,
            format_func=lambda name: tr(_CONTRASTS[name]),
            key=state.remember(Key.CONTRAST, USUAL.contrast, allowed=_CONTRASTS),
            help=tr(
                "Per channel: each map from 0, or its own lowest value where that is "
                "negative, to its own highest value, or 0 where all are negative, so that "
                "weak channels can be seen. Shared: one scale for all, so that they can be "
                "compared."
            ),
        )
        colours = st.selectbox(
            tr("Colours"),
            COLORMAPS,
            format_func=lambda name: tr("Grey") if name == "grey" else name.capitalize(),
            key=state.remember(Key.COLOURS, USUAL.colours, allowed=COLORMAPS),
            help=tr("Equal steps in the numbers look like equal steps in brightness."),
        )
        threshold = st.select_slider(
            tr("Empty up to τ"),
            _THRESHOLDS,
            format_func=lambda value: numeral(f"{value:g}"),
            key=state.remember(Key.THRESHOLD, USUAL.threshold, allowed=_THRESHOLDS),
            help=tr(
                "Count a channel as empty when its strongest activation is at most τ (tau) "
                "times the layer's strongest. With 0, only silent channels count. Where no "
                "ReLU follows, the size counts, whatever the sign."
            ),
        )
        _offer_threshold(activations, threshold)
    return DisplayOptions(
        cast("Order", order),
        cast(Show, show),
        cast("Contrast", contrast),
        colours,
        threshold,
    )


def threshold_step(threshold: float) -> float | None:
    """Return the first step of the slider that is not below a threshold; None beyond the last."""
    return next((step for step in _THRESHOLDS if step >= threshold), None)


def _offer_threshold(activations: Activations, current: float) -> None:
    """Offer the threshold that means something behind SiLU and its like."""
    sentence, threshold = findings.soft_activation(activations), activations.soft_threshold
    if not sentence:
        return
    st.caption(sentence)
    step = None if threshold is None else threshold_step(threshold)
    if step is not None:
        st.button(
            tr("Set τ to {threshold:g}", threshold=step),
            key="activations_soft_threshold",
            disabled=step == current,
            on_click=state.put,
            args=(Key.THRESHOLD, step),
        )


def legend(
    atlas: Atlas, options: DisplayOptions, activations: Activations, dead: DeadChannels | None
) -> None:
    """Draw the legend of a grid; arguments as in `legend_html`."""
    st.html(legend_html(atlas, options, activations, dead))


def legends_html(left: str, right: str) -> str:
    """Join the legends of two grids: one if both say the same, otherwise each beside its side."""
    if left == right:
        return left
    on_left, on_right = tr("Left"), tr("Right")
    sides = f"<b>{on_left}</b>{left}<b>{on_right}</b>{right}"
    return f'<div class="convviz-legends">{sides}</div>'


def legend_html(
    atlas: Atlas, options: DisplayOptions, activations: Activations, dead: DeadChannels | None
) -> str:
    """Write what the colours and the marks of a grid stand for.

    Args:
        atlas: The image of all channels.
        options: How the grid is drawn.
        activations: The layer's activations.
        dead: What is known of the layer's dead channels; None before a set was looked through.
    """
    marks = [
        (
            "cross",
            tr(
                "empty: {meaning}",
                meaning=findings.empty_here(activations, options.threshold),
            ),
        )
    ]
    if dead is not None:
        marks.append(("line", tr("dead: {meaning}", meaning=findings.dead_here(activations, dead))))
    signs = "".join(
        f'<span class="sign"><span class="{mark}"></span>{meaning}</span>'
        for mark, meaning in marks
    )
    if atlas.contrast == "shared":
        scale = colour_scales.numbered(options.colours, atlas.low, atlas.high)
    else:
        lowest, highest = atlas.ends
        scale = colour_scales.between(options.colours, again(lowest), again(highest))
    return f'<div class="convviz-legend">{scale}{signs}</div>'
