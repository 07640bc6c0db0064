"""The parts of the page Activations: controls, grid, the picked channel, and what can be saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz import features, sprites
from convviz.features import Activations
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.networks import Layer
from convviz.ui import cache as shared
from convviz.ui import channel_panel, export, state
from convviz.ui.channel_grid import Picture, channel_grid
from convviz.ui.legend import legend
from convviz.ui.shell import Choice

Show = Literal["all", "hide", "only"]

_ORDERS = {"index": "Number", "strength": "Strongest first", "active": "Most active first"}
_SHOWS = {"all": "All channels", "hide": "Hide empty ones", "only": "Only empty ones"}
_CONTRASTS = {"channel": "Per channel", "shared": "Shared"}
_NOTHING = {
    "all": "",
    "hide": "Every channel is empty for this image, so none is left to show.",
    "only": "No channel is empty for this image, so there is none to show.",
}
_THRESHOLDS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Looks:
    """How the grid is drawn.

    Attributes:
        order: What the channels are ordered by.
        show: Whether empty channels are shown, hidden, or the only ones shown.
        contrast: Whether each channel has its own scale or all share one.
        colours: Name of the colour map.
        threshold: τ: up to which share of the layer's strongest activation a channel is empty.
    """

    order: features.Order
    show: Show
    contrast: sprites.Contrast
    colours: sprites.Colormap
    threshold: float


def threshold_slider() -> float:
    """Draw the slider for τ and return its value."""
    value: float = st.select_slider(
        "Empty up to τ",
        _THRESHOLDS,
        format_func=lambda value: f"{value:g}",
        key=state.remember("tau", 0.0, allowed=_THRESHOLDS),
        help="Count a channel as empty when its strongest activation is at most τ times the "
        "layer's strongest. With 0, only silent channels count.",
    )
    return value


def headline(choice: Choice, shown: Activations, threshold: float) -> None:
    """Say how many channels are empty, in which layer, and what counts as empty."""
    st.subheader(shown.sentence(threshold), anchor=False)
    layer = shown.layer
    channels, height, width = shown.maps.shape
    of = "" if height == width == 1 else f" maps of {height} × {width}"
    size = f"{channels}{of or ' numbers'}"
    dotted = "" if layer.name == layer.title else f" (`{layer.name}`)"
    said = [f"{layer.title}{dotted} of {choice.network.title}, {layer.kind}: {size}."]
    if threshold > 0:
        most = threshold * float(shown.maximum.max())
        said.append(f"Empty here: no activation above {most:.3g}, τ times the layer's strongest.")
    else:
        said.append("Empty here: no activation above 0.")
    if layer.gate is not None:
        said.append("The ReLU after this layer is still to come: what it would let through counts.")
    st.caption(" ".join(said))


def depth(choice: Choice, layer: Layer, threshold: float) -> None:
    """Draw how the share of empty channels changes from the first layer to the last."""
    summaries = shared.empty_by_depth(choice.image, choice.network, threshold)
    st.markdown(features.depth_trend(summaries))
    figure = figures.empty_by_depth(summaries, layer.name)
    st.plotly_chart(figure, config=theme.CONFIG, key="depth_chart")
    st.download_button(
        "Save as CSV",
        lambda: export.depth(summaries),
        file_name=export.file_name(choice, "empty-by-depth", ending="csv"),
        mime="text/csv",
        key="save_depth",
        icon=":material/download:",
        on_click="ignore",
    )


def _controls(threshold: float) -> tuple[DeltaGenerator, Looks]:
    """Draw how the grid can be drawn, in one row; return a place for its scale and the choices."""
    with st.container(horizontal=True, gap="small", key="grid_controls"):
        order = st.selectbox(
            "Order",
            _ORDERS,
            format_func=_ORDERS.__getitem__,
            key=state.remember("order", "index", allowed=_ORDERS),
            help="Strongest: by the largest activation of each channel. Most active: by the share "
            "of positions where it is not zero.",
            width=165,
        )
        show = st.selectbox(
            "Show",
            _SHOWS,
            format_func=_SHOWS.__getitem__,
            key=state.remember("show", "all", allowed=_SHOWS),
            width=165,
        )
        contrast = st.selectbox(
            "Contrast",
            _CONTRASTS,
            format_func=_CONTRASTS.__getitem__,
            key=state.remember("contrast", "channel", allowed=_CONTRASTS),
            help="Per channel: each map from its own lowest to its own highest value, so that weak "
            "channels can be seen. Shared: one scale for all, so that they can be compared.",
            width=165,
        )
        colours = st.selectbox(
            "Colours",
            sprites.COLORMAPS,
            format_func=str.capitalize,
            key=state.remember("colours", "viridis", allowed=sprites.COLORMAPS),
            help="Equal steps in the numbers look like equal steps in brightness.",
            width=165,
        )
        with st.container(key="grid_scale", width="content"):
            scale = st.empty()
    return scale, Looks(
        cast("features.Order", order),
        cast(Show, show),
        cast("sprites.Contrast", contrast),
        colours,
        threshold,
    )


def explorer(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw the grid and, beside it, the picked channel; a click draws only these again."""
    scale, looks = _controls(threshold)
    place = f"{choice.network_name}/{shown.layer.name}"
    state.remember_channel(int(shown.maximum.argmax()), shown.channels, place)
    atlas = shared.atlas(
        choice.image, choice.network, shown, looks.contrast, threshold, looks.colours
    )
    with scale:
        legend(atlas.low, atlas.high, looks.colours, shared=atlas.contrast == "shared")
    _explore(choice, shown, looks, atlas)


@st.fragment
def _explore(choice: Choice, shown: Activations, looks: Looks, atlas: sprites.Atlas) -> None:
    sections = sections_of(shown, looks)
    listed = [channel for section in sections for channel in section.indices]
    channel = state.channel()
    # shell.css lays these out: side by side, or on a phone the picked channel above the grid.
    with st.container(key="explorer"):
        with st.container(key="explorer_grid"):
            channel_grid(
                picture_of(atlas, shown, looks.threshold),
                sections,
                selected=channel,
                on_pick=state.pick_channel,
                nothing=_NOTHING[looks.show],
            )
            _save_grid(choice, shown, looks, sections)
        with st.container(key="explorer_panel"):
            channel_panel.draw(choice, shown, looks, atlas, channel, listed)


def sections_of(shown: Activations, looks: Looks) -> tuple[sprites.Section, ...]:
    """Group the channels that are to be shown by branch, each group in the order chosen."""
    empty = shown.empty(looks.threshold).tolist()
    wanted = {"all": (True, False), "hide": (False,), "only": (True,)}[looks.show]
    order = [channel for channel in shown.order(looks.order).tolist() if empty[channel] in wanted]
    return sprites.branch_sections(shown, order, looks.threshold)


def picture_of(atlas: sprites.Atlas, shown: Activations, threshold: float) -> Picture:
    """Put together what the browser needs to draw and name every channel."""
    rows = -(-atlas.count // atlas.columns)
    pitch = atlas.tile + atlas.gap
    return Picture(
        png=atlas.png,
        width=atlas.columns * pitch - atlas.gap,
        height=rows * pitch - atlas.gap,
        columns=atlas.columns,
        rows=rows,
        tile=atlas.tile,
        gap=atlas.gap,
        empty=shown.empty(threshold).tolist(),
        maximum=[f"{value:.3g}" for value in shown.maximum.tolist()],
        active=[f"{value:.0%}" for value in shown.active_share.tolist()],
    )


def _save_grid(
    choice: Choice, shown: Activations, looks: Looks, sections: Sequence[sprites.Section]
) -> None:
    def picture() -> bytes:
        return export.png(
            sprites.grid_picture(
                shown,
                title=f"{choice.image.title}, {choice.network.title}",
                sections=sections,
                contrast=looks.contrast,
                threshold=looks.threshold,
                colormap=looks.colours,
            )
        )

    with st.container(horizontal=True, key="save_grid_buttons"):
        st.download_button(
            "Save the grid as PNG",
            picture,
            file_name=export.file_name(choice, shown.layer.name, ending="png"),
            mime="image/png",
            key="save_grid",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Save the numbers as CSV",
            lambda: export.statistics(shown, looks.threshold),
            file_name=export.file_name(choice, shown.layer.name, ending="csv"),
            mime="text/csv",
            key="save_numbers",
            icon=":material/download:",
            on_click="ignore",
        )


def words() -> None:
    """Explain the page's words."""
    with st.expander("Words"):
        st.markdown(
            "- **Layer**: one step of the network; it turns a stack of maps into another.\n"
            "- **Channel**: one map of that stack. It is made by one filter that looks for the "
            "same pattern everywhere.\n"
            "- **Activation**: one number of a map: how well the pattern fits at this place.\n"
            "- **ReLU**: the step that sets every negative number to 0.\n"
            "- **Empty channel**: a channel with no activation left after the ReLU, for this "
            "image. Another image may wake it up; a channel that is empty for every image is "
            "called dead."
        )


def _strongest(shown: Activations) -> int:
    return int(shown.maximum.argmax())


def _place(choice: Choice, shown: Activations) -> str:
    return f"{choice.network_name}/{shown.layer.name}"
