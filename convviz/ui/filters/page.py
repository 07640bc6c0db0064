"""The kernels of one layer, as a grid whose tiles can be picked, with norms and weights."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from convviz.features.filters import FILTER_ORDERS, FilterOrder, Filters, filter_layers, filters
from convviz.figures import filters as figures
from convviz.figures import theme
from convviz.networks.network import is_within
from convviz.sprites.grid import Section
from convviz.sprites.kernels import kernel_picture, kernel_sheet
from convviz.sprites.overlay import heatmap
from convviz.structure.layers import Layer
from convviz.ui import cache, exports, state
from convviz.ui.choice import Choice
from convviz.ui.components.channel_grid import Picture, channel_grid
from convviz.ui.keys import Key

_ORDERS: dict[FilterOrder, str] = {
    "index": "Number",
    "norm": "Largest norm first",
    "similarity": "Alike side by side",
}


_LOOKS = ("Strongest input channel", "One input channel")


_PAGE = 128  # filters on one page of the grid


_INPUTS = 48  # input channels of one filter on one page


_TILE = 66


_PIXELS = 320


def draw(choice: Choice) -> None:
    """Draw the kernels of the chosen layer, or of the convolution that feeds it."""
    shown = convolution_for(choice)
    if shown is None:
        st.info("This network has no convolution before this layer: choose a deeper one.")
        return
    if choice.layer is not None and shown.name != choice.layer.name:
        st.info(
            f"{choice.layer.title} has no kernels of its own; these are those of {shown.title}, "
            "the last convolution before it.",
            icon=":material/info:",
        )
    found = filters(choice.network, shown)
    place = f"{choice.network_name}/{shown.name}/filters"
    state.remember_channel(0, found.channels, place)
    _headline(choice, found)
    order, look, page = _controls(found)
    listed = order[page * _PAGE : (page + 1) * _PAGE]
    with st.container(key="filters_explorer"):
        left, right = st.columns([7, 4], gap="large")
    with left:
        _grid(found, listed, look)
    with right:
        _picked(choice, found, look)
    st.divider()
    below, beside = st.columns(2, gap="large")
    with below:
        st.markdown("**Norms**: how large each filter is, whatever its pattern")
        figure = figures.norms(found, order, state.channel())
        st.plotly_chart(figure, config=theme.CONFIG, key="filters_norms_chart")
    with beside:
        st.markdown("**All weights of the layer**")
        figure = figures.weights([(shown.title, found)])
        st.plotly_chart(figure, config=theme.CONFIG, key="filters_weights_chart")
    exports.save_button(
        "Save the norms as CSV",
        lambda: exports.table(
            ["filter", "norm"], ([i, value] for i, value in enumerate(found.norms.tolist()))
        ),
        exports.file_name(choice, shown.name, "norms", ending="csv"),
        key="filters_save_norms",
    )


def convolution_for(choice: Choice) -> Layer | None:
    """Find the chosen layer if it has kernels, or the last one before it that has."""
    asked, found = choice.layer, None
    for each in filter_layers(choice.network):
        if asked is None or is_within(asked.name, each.name) or each.index <= asked.index:
            found = each
    return found


def _headline(choice: Choice, found: Filters) -> None:
    height, width = found.kernels.shape[2:]
    shown = found.layer
    st.subheader(
        f"{found.channels} filters of {shown.title}, each {found.inputs} × {height} × {width}",
        anchor=False,
    )
    if found.sees_colours:
        said = "They look at the image itself, so their three slices make a colour: grey is 0."
    else:
        said = (
            f"Each has one slice for each of the {found.inputs} channels it looks at. Blue adds "
            "to the sum where the channel is active, vermilion takes away, white does nothing."
        )
    st.caption(
        f"`{found.module}` of {choice.network.title}. {said} All on one scale, whose ends are "
        f"±{found.largest:.3g}."
    )


def _controls(found: Filters) -> tuple[list[int], int | None, int]:
    """Draw how the grid is drawn; return the order, the input channel (None: strongest), a page."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters_controls"):
        by = st.selectbox(
            "Order",
            FILTER_ORDERS,
            format_func=lambda name: _ORDERS[name],
            key=state.remember(Key.FILTER_ORDER, "index", allowed=FILTER_ORDERS),
            help="Alike: each filter is followed by the one whose weights point most in the same "
            "direction, beginning with the largest.",
            width=220,
        )
        look: int | None = None
        if not found.sees_colours:
            chosen = st.selectbox(
                "Slices of",
                _LOOKS,
                key=state.remember(Key.FILTER_LOOK, _LOOKS[0], allowed=_LOOKS),
                help="The slice that a filter reads its strongest input channel with, or the slice "
                "that all filters read one chosen channel with.",
                width=240,
            )
            if chosen == _LOOKS[1]:
                last = found.inputs - 1
                key = state.remember(Key.FILTER_INPUT, 0, allowed=lambda n: 0 <= n <= last)
                look = int(
                    st.number_input(f"Input channel, 0 to {last}", 0, last, key=key, width=200)
                )
        pages = -(-found.channels // _PAGE)
        page = 0
        if pages > 1:
            key = state.remember(Key.FILTER_PAGE, 1, allowed=range(1, pages + 1), in_url=False)
            page = int(st.number_input(f"Page, 1 to {pages}", 1, pages, key=key, width=150)) - 1
    return found.order(by).tolist(), look, page


def _grid(found: Filters, listed: list[int], look: int | None) -> None:
    sheet = kernel_sheet(
        [slice_of(found, channel, look) for channel in range(found.channels)],
        tile=_TILE if found.channels <= _PAGE else 40,
        bound=found.largest,
    )
    nothing = [False] * found.channels
    picture = Picture(
        tiles=sheet,
        empty=nothing,
        maximum=[f"{value:.3g}" for value in found.norms.tolist()],
        active=[""] * found.channels,
        said=[f"Filter {i}\nnorm {value:.3g}" for i, value in enumerate(found.norms.tolist())],
    )
    channel_grid(
        picture,
        [Section("", tuple(listed))],
        selected=state.channel(),
        on_pick=state.pick_channel,
        nothing="",
    )


def slice_of(found: Filters, channel: int, look: int | None = None) -> Tensor:
    """Take what is shown of a filter: all of it in colour, or one slice, its largest if none."""
    kernel = found.kernels[channel]
    if found.sees_colours:
        return kernel
    return kernel[int(found.strongest_inputs(channel)[0]) if look is None else look]


def _picked(choice: Choice, found: Filters, look: int | None) -> None:
    channel = state.channel()
    rank = found.order("norm").tolist().index(channel) + 1
    st.subheader(f"Filter {channel}", anchor=False)
    st.caption(f"Norm {float(found.norms[channel]):.3g}, rank {rank} of {found.channels}.")
    if not found.sees_colours:
        _slices(choice, found, channel)
    with st.container(key="filters_images"):
        if found.sees_colours:
            with st.container(width=_PIXELS):
                st.markdown("**Its weights**, in colour")
                picture = kernel_picture(found.kernels[channel], _PIXELS, found.largest)
                said = f"Filter {channel}"
                st.image(picture, width="stretch", output_format="PNG", alt=said)
        with st.container(width=_PIXELS):
            shown = cache.activations(choice.image, choice.network, found.layer)
            st.markdown(f"**Its map** for {state.plain(state.shorten(choice.image.title, 40))}")
            map_ = heatmap(shown.maps[channel], _PIXELS)
            said = f"Map of channel {channel}"
            st.image(map_, width="stretch", output_format="PNG", alt=said)
    if st.button(
        "Look closer at this channel", icon=":material/frame_inspect:", key="filters_look_closer"
    ):
        state.ask(
            {
                Key.LAYER: found.layer.name,
                Key.CHANNEL: str(channel),
                Key.ACTIVATIONS_VIEW: "One channel",
            }
        )
        st.switch_page("pages/1_Activations.py")


def _slices(choice: Choice, found: Filters, channel: int) -> None:
    order = found.strongest_inputs(channel).tolist()
    pages = -(-len(order) // _INPUTS)
    page = 0
    if pages > 1:
        key = state.remember(Key.SLICE_PAGE, 1, allowed=range(1, pages + 1), in_url=False)
        page = int(st.number_input(f"Slices, page 1 to {pages}", 1, pages, key=key)) - 1
    members = order[page * _INPUTS : (page + 1) * _INPUTS]
    sheet = kernel_sheet(
        [found.kernels[channel, place] for place in members],
        tile=48,
        bound=float(found.kernels[channel].abs().max()),
        columns=8,
    )
    numbers = [found.input_channel(channel, place) for place in members]
    st.markdown("**Its slices**, the largest first")
    st.image(sheet.png, width="stretch", output_format="PNG", alt=f"Slices of filter {channel}")
    first = ", ".join(map(str, numbers[:8]))
    st.caption(
        f"Slices {page * _INPUTS + 1} to {page * _INPUTS + len(members)} of {len(order)}, on this "
        f"filter's own scale (±{sheet.bound:.3g}); the first row reads input channels {first}."
    )
