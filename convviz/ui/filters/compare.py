"""First layers side by side, and a layer before and after training."""

from __future__ import annotations

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features.filters import Filters, filter_layers, filters, untrained_like
from convviz.figures import filters as figures
from convviz.figures import theme
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.sprites.kernels import kernel_sheet
from convviz.ui import cache, exports, state
from convviz.ui.choice import Choice
from convviz.ui.filters.page import convolution_for, slice_of
from convviz.ui.keys import Key

_FEW = 64  # filters shown of each


_COLUMNS = 8


_TILE = 48


def draw(choice: Choice) -> None:
    """Draw the first kernels of the three networks on scales that can be linked."""
    st.markdown(
        "The first layer of every network looks at the same thing, the image, with kernels of "
        "different sizes: large ones tell fine from coarse stripes in one step, small ones leave "
        "that to the layers after them."
    )
    one_scale = st.toggle(
        "One scale for all",
        key=state.remember(Key.FILTERS_ONE_SCALE, False, in_url=False),
        help="Off: each network's largest weight is full colour.",
    )
    found: list[tuple[str, Filters | str]] = []
    for name in COURSE:
        title = spec(name).title
        try:
            used = _network(choice, name)
            found.append((title, filters(used, filter_layers(used)[0])))
        except ConvvizError as error:
            found.append((title, str(error)))
    known = [each for _, each in found if isinstance(each, Filters)]
    bound = max((each.largest for each in known), default=1.0) if one_scale else None
    for column, (title, each) in zip(st.columns(len(found), gap="large"), found, strict=True):
        with column:
            if isinstance(each, str):
                st.subheader(title, anchor=False)
                st.info(each)
            else:
                _sheet(choice, title, each, bound, f"first_{each.layer.name}_{title}")


def trained_and_not(choice: Choice) -> None:
    """Draw the chosen layer's kernels beside random ones of the same shape, on one scale."""
    shown = convolution_for(choice)
    if shown is None:
        st.info("This network has no convolution before this layer: choose a deeper one.")
        return
    source = choice.network.weights.source
    after = filters(choice.network, shown)
    before = untrained_like(after)
    st.markdown(
        "First the weights in use, then random numbers, drawn the way networks are started before "
        "training; both on one scale. Whatever pattern the first have and the second have not, "
        "training made."
    )
    if source == "random":
        st.warning("The weights in use are untrained as well: choose trained ones in the sidebar.")
    bound = max(after.largest, before.largest)
    left, right = st.columns(2, gap="large")
    with left:
        _sheet(choice, f"{shown.title}, {choice.network.weights.title}", after, bound, "trained")
    with right:
        _sheet(choice, f"{shown.title}, untrained", before, bound, "untrained")
    st.markdown("**All weights of the layer**")
    figure = figures.weights([("in use", after), ("untrained", before)])
    st.plotly_chart(figure, config=theme.CONFIG, key="filters_both_weights")


def _network(choice: Choice, name: str) -> Network:
    """Take the network in use, or one with the best weights that are here already."""
    if name == choice.network_name:
        return choice.network
    return cache.network(name, "auto")


def _sheet(choice: Choice, title: str, found: Filters, bound: float | None, key: str) -> None:
    height, width = found.kernels.shape[2:]
    count = min(found.channels, _FEW)
    order = found.order("norm").tolist()[:count]
    reach = found.largest if bound is None else bound
    sheet = kernel_sheet(
        [slice_of(found, channel) for channel in order], tile=_TILE, bound=reach, columns=_COLUMNS
    )
    st.subheader(title, anchor=False)
    st.image(sheet.png, width="stretch", output_format="PNG", alt=f"Filters of {title}")
    which = "all" if count == found.channels else f"the {count} largest of"
    slices = "" if found.sees_colours else ", each by its largest slice"
    st.caption(
        f"{height} × {width} kernels, {which} {found.channels}, the largest norm first{slices}. "
        f"Full colour: ±{reach:.3g}."
    )
    exports.save_button(
        "Save as PNG",
        sheet.png,
        exports.file_name(choice, title, "filters", ending="png"),
        key=f"filters_save_{key}",
    )
