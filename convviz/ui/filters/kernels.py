"""The view “This layer”: its kernels as a grid, the picked one, their norms and their weights."""

from __future__ import annotations

from math import ceil

import streamlit as st

from convviz.features.filters import (
    FILTER_ORDERS,
    FilterOrder,
    Filters,
    convolution_for,
    filter_layers,
    first_with_pattern,
    has_pattern_in_space,
)
from convviz.features.filters import filters as filters_of
from convviz.figures import filters as figures
from convviz.figures import theme
from convviz.language import current, later, numeral, tr
from convviz.sprites.grid import Section
from convviz.sprites.kernels import kernel_picture, kernel_sheet, tile_side
from convviz.sprites.overlay import heatmap
from convviz.structure.layers import Layer
from convviz.ui import cache, charts, colour_scales, exports, state
from convviz.ui.choice import Choice
from convviz.ui.components.channel_grid import Picture, channel_grid
from convviz.ui.filters import findings
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

_ORDERS: dict[FilterOrder, str] = {
    "index": later("Number"),
    "norm": later("Largest norm first"),
    "similarity": later("Alike side by side"),
}
_SLICES = (later("Strongest input channel"), later("One input channel"))
_FILTERS_PER_PAGE = 128
_SLICES_PER_PAGE = 48  # input channels of one filter
_PIXELS = 320


def draw(choice: Choice) -> None:
    """Draw the kernels of the chosen layer, or of the convolution that stands for it."""
    layer = shown(choice)
    if layer is None:
        return
    filters = filters_of(choice.network, layer)
    state.remember_channel(0, filters.channels, cache.channels_origin(choice.network, layer))
    _headline(choice, filters)
    order, input_channel, page = _controls(filters)
    listed = order[page * _FILTERS_PER_PAGE : (page + 1) * _FILTERS_PER_PAGE]
    with st.container(key="filters_explorer"):
        left, right = st.columns([7, 4], gap="large")
    with left:
        _grid(choice, filters, listed, input_channel)
    with right:
        _picked(choice, filters)
    st.divider()
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**Norms**: how large each filter is, whatever its pattern"))
        figure = figures.norms(filters, order, state.channel())
        charts.draw(figure, config=theme.CONFIG, key="filters_norms_chart")
    with right:
        st.markdown(tr("**All weights of the layer**"))
        figure = cache.once(
            lambda: figures.weights([(layer.title, filters)]),
            "weights",
            choice.network,
            layer,
            current(),
        )
        charts.draw(figure, config=theme.CONFIG, key="filters_weights_chart")
    exports.save_button(
        tr("Save the norms as CSV"),
        lambda: exports.table(["filter", "norm"], enumerate(filters.norms.tolist())),
        exports.file_name(choice, layer.name, "norms", ending="csv"),
        key="filters_save_norms",
    )
    how_we_know("kernel_norm")


def shown(choice: Choice) -> Layer | None:
    """Say whose kernels are shown where they are not the chosen layer's; return that layer.

    A kernel of 1 × 1 has no pattern to see, so there the first layer's are shown, unless the
    visitor wants to see the others all the same. None if there are no kernels at all.
    """
    convolution = convolution_for(choice.network, choice.layer)
    if convolution is None:
        st.info(tr("This network has no convolution before this layer: choose a deeper one."))
        return None
    first = first_with_pattern(choice.network)
    has_pattern = first is None or has_pattern_in_space(choice.network, convolution)
    if not has_pattern and first is not None:
        st.info(
            findings.without_pattern(choice.layer or convolution, convolution, first),
            icon=":material/info:",
        )
        wanted = st.toggle(
            findings.own_kernels(convolution),
            key=state.remember(Key.FILTER_OWN, False),
        )
        return convolution if wanted else first
    if choice.layer is not None and convolution.name != choice.layer.name:
        st.info(
            findings.no_kernels_of_its_own(choice.layer, convolution),
            icon=":material/info:",
        )
    return convolution


def legend(filters: Filters, bound: float) -> None:
    """Draw the scale of kernels that are drawn slice by slice; colours are their own.

    Args:
        filters: The filters.
        bound: The magnitude at the ends of the scale.
    """
    if not filters.sees_colours:
        is_clipped = filters.largest > bound
        st.html(colour_scales.of_weights(bound, is_clipped=is_clipped))


def _headline(choice: Choice, filters: Filters) -> None:
    st.header(findings.headline(filters), anchor=False)
    is_first = filters.layer.name == filter_layers(choice.network)[0].name
    st.caption(findings.meaning(filters, choice.network.title, is_first=is_first))
    legend(filters, filters.reach)


def _controls(filters: Filters) -> tuple[list[int], int | None, int]:
    """Draw the options of the grid.

    Returns:
        The filters in their order; the input channel whose slices are shown, None for each
        filter's strongest; the page of the grid, from 0.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters_controls"):
        order = st.selectbox(
            tr("Order"),
            FILTER_ORDERS,
            format_func=lambda order: tr(_ORDERS[order]),
            key=state.remember(Key.FILTER_ORDER, "index", allowed=FILTER_ORDERS),
            help=tr(
                "Alike: each filter is followed by the one whose weights point most in the "
                "same direction, beginning with the largest."
            ),
            width=220,
        )
        input_channel: int | None = None
        if not filters.sees_colours:
            slices = st.selectbox(
                tr("Slices of"),
                _SLICES,
                format_func=tr,
                key=state.remember(Key.FILTER_LOOK, _SLICES[0], allowed=_SLICES),
                help=tr(
                    "The slice that a filter reads its strongest input channel with, or the "
                    "slice that all filters read one chosen channel with."
                ),
                width=240,
            )
            if slices == _SLICES[1]:
                last = filters.inputs - 1
                key = state.remember(Key.FILTER_INPUT, 0, allowed=lambda n: 0 <= n <= last)
                input_channel = int(
                    st.number_input(
                        tr("Input channel, 0 to {last}", last=last), 0, last, key=key, width=200
                    )
                )
        page = 0
        pages = ceil(filters.channels / _FILTERS_PER_PAGE)
        if pages > 1:
            key = state.remember(Key.FILTER_PAGE, 1, allowed=range(1, pages + 1), in_url=False)
            page = (
                int(
                    st.number_input(
                        tr("Page, 1 to {pages}", pages=pages), 1, pages, key=key, width=150
                    )
                )
                - 1
            )
    return filters.order(order).tolist(), input_channel, page


def _grid(choice: Choice, filters: Filters, listed: list[int], input_channel: int | None) -> None:
    norms = [numeral(f"{norm:.3g}") for norm in filters.norms.tolist()]
    sheet = cache.once(
        lambda: kernel_sheet(
            [filters.drawn(channel, input_channel) for channel in range(filters.channels)],
            tile=tile_side(filters.channels),
            bound=filters.reach,
        ),
        "filters",
        choice.network,
        filters.layer,
        input_channel,
    )
    channel_grid(
        Picture(
            tiles=sheet,
            empty=[False] * filters.channels,
            maximum=norms,
            active=[""] * filters.channels,
            said=[
                tr("Filter {channel}\nnorm {norm}", channel=channel, norm=norm)
                for channel, norm in enumerate(norms)
            ],
        ),
        [Section("", tuple(listed))],
        selected=state.channel(),
        on_pick=state.pick_channel,
        nothing="",
    )


def _picked(choice: Choice, filters: Filters) -> None:
    """Draw the picked filter: its weights, its map, and the way to its channel."""
    channel = state.channel()
    rank = filters.order("norm").tolist().index(channel) + 1
    st.header(tr("Filter {channel}", channel=channel), anchor=False)
    st.caption(
        tr(
            "Norm {norm:.3g}, rank {rank} of {channels}.",
            norm=float(filters.norms[channel]),
            rank=rank,
            channels=filters.channels,
        )
    )
    if not filters.sees_colours:
        _slices(choice, filters, channel)
    with st.container(key="filters_images"):
        if filters.sees_colours:
            with st.container(width=_PIXELS):
                st.markdown(tr("**Its weights**, in colour"))
                image = kernel_picture(filters.kernels[channel], _PIXELS, filters.largest)
                st.image(
                    image,
                    width="stretch",
                    output_format="PNG",
                    alt=tr("Filter {channel}", channel=channel),
                )
        with st.container(width=_PIXELS):
            activations = cache.activations(choice.image, choice.network, filters.layer)
            st.markdown(
                tr(
                    "**Its map** for {image}",
                    image=state.plain(state.shorten(choice.image.title, 40)),
                )
            )
            image = heatmap(activations.maps[channel], _PIXELS)
            alt = tr("Map of channel {channel}", channel=channel)
            st.image(image, width="stretch", output_format="PNG", alt=alt)
    if st.button(
        tr("Look closer at this channel"),
        icon=":material/frame_inspect:",
        key="filters_look_closer",
    ):
        state.ask(
            {
                Key.LAYER: filters.layer.name,
                Key.CHANNEL: str(channel),
                Key.ACTIVATIONS_VIEW: "One channel",
            }
        )
        st.switch_page("pages/1_Activations.py")


def _slices(choice: Choice, filters: Filters, channel: int) -> None:
    """Draw the slices of a filter, those of its strongest input channels first."""
    order = filters.strongest_inputs(channel).tolist()
    pages = ceil(len(order) / _SLICES_PER_PAGE)
    page = 0
    if pages > 1:
        key = state.remember(Key.SLICE_PAGE, 1, allowed=range(1, pages + 1), in_url=False)
        page = (
            int(st.number_input(tr("Slices, page 1 to {pages}", pages=pages), 1, pages, key=key))
            - 1
        )
    start = page * _SLICES_PER_PAGE
    indices = order[start : start + _SLICES_PER_PAGE]
    kernel = filters.kernels[channel]
    sheet = cache.once(
        lambda: kernel_sheet(
            [kernel[index] for index in indices],
            tile=48,
            bound=float(kernel.abs().max()),
            columns=8,
        ),
        "slices",
        choice.network,
        filters.layer,
        channel,
        page,
    )
    st.markdown(tr("**Its slices**, the largest first"))
    st.image(
        sheet.png,
        width="stretch",
        output_format="PNG",
        alt=tr("Slices of filter {channel}", channel=channel),
    )
    st.html(colour_scales.of_weights(sheet.bound, is_clipped=False))
    st.caption(findings.slices(filters, channel, indices, start, sheet.bound))
