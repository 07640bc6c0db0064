"""The page Filters: a layer's kernels, first layers side by side, and what training changed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features.filters import Filters, filter_layers, untrained_like
from convviz.features.filters import filters as filters_of
from convviz.figures import filters as figures
from convviz.figures import theme
from convviz.language import again, later, tr
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.sprites.kernels import kernel_sheet
from convviz.ui import cache, charts, exports, state, widgets
from convviz.ui.choice import Choice
from convviz.ui.filters import findings, kernels
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

_MOST_FILTERS = 64  # of each network
_COLUMNS = 8
_TILE = 48


def draw(choice: Choice) -> None:
    """Draw the page; only the view that is open is computed."""
    views: dict[str, Callable[[Choice], None]] = {
        later("This layer"): kernels.draw,
        later("First layers"): _first_layers,
        later("Trained and untrained"): _trained_and_untrained,
    }
    titles = {title: title for title in views}
    views[widgets.views(tr("View"), titles, Key.FILTERS_VIEW, "This layer")](choice)


def _first_layers(choice: Choice) -> None:
    """Draw the first kernels of the three networks on scales that can be linked."""
    st.markdown(
        tr(
            "The first layer of every network looks at the same thing, the image, with "
            "kernels of different sizes: large ones tell fine from coarse stripes in one "
            "step, small ones leave that to the layers after them."
        )
    )
    one_scale = st.toggle(
        tr("One scale for all"),
        key=state.remember(Key.FILTERS_ONE_SCALE, False, in_url=False),
        help=tr("Off: each network has a scale of its own."),
    )
    first_filters = {name: _first_filters(choice, name) for name in COURSE}
    known = [filters for filters in first_filters.values() if isinstance(filters, Filters)]
    bound = max((filters.reach for filters in known), default=1.0) if one_scale else None
    columns = st.columns(len(COURSE), gap="large")
    for column, (name, filters) in zip(columns, first_filters.items(), strict=True):
        title = spec(name).title
        with column:
            if isinstance(filters, Filters):
                key = f"filters_save_first_{filters.layer.name}_{title}"
                _sheet(choice, title, filters, bound, name=title, key=key)
            else:
                st.header(state.plain(title), anchor=False)
                st.info(state.plain(filters))
    how_we_know("kernel_norm")


def _first_filters(choice: Choice, name: str) -> Filters | str:
    """Return the filters of a network's first convolution, or why they cannot be shown."""
    try:
        network = _network(choice, name)
        return filters_of(network, filter_layers(network)[0])
    except ConvvizError as error:
        return str(error)


def _network(choice: Choice, name: str) -> Network:
    """Take the network in use, or one with the best weights that are here already."""
    if name == choice.network_name:
        return choice.network
    return cache.network(name, "auto")


def _trained_and_untrained(choice: Choice) -> None:
    """Draw the chosen layer's kernels beside random ones of the same shape, on one scale."""
    layer = kernels.shown(choice)
    if layer is None:
        return
    trained = filters_of(choice.network, layer)
    untrained = untrained_like(trained)
    st.markdown(findings.untrained(trained, choice.network.weights))
    if choice.network.weights.source == "random":
        st.warning(
            tr("The weights in use are untrained as well: choose trained ones in the sidebar.")
        )
    bound = max(trained.reach, untrained.reach)
    left, right = st.columns(2, gap="large")
    in_use = choice.network.weights.title
    with left:
        title, name = f"{again(layer.title)}, {again(in_use)}", f"{layer.title}, {in_use}"
        _sheet(choice, title, trained, bound, name=name, key="filters_save_trained")
    with right:
        title, name = tr("{layer}, untrained", layer=layer.title), f"{layer.title}, untrained"
        _sheet(choice, title, untrained, bound, name=name, key="filters_save_untrained")
    st.markdown(tr("**All weights of the layer**"))
    figure = figures.weights([(tr("in use"), trained), (tr("untrained"), untrained)])
    charts.draw(figure, config=theme.CONFIG, key="filters_both_weights")
    how_we_know("untrained_kernels", "kernel_norm")


def _sheet(
    choice: Choice, title: str, filters: Filters, bound: float | None, *, name: str, key: str
) -> None:
    """Draw the filters of a layer, the largest first, and the button that saves them.

    Args:
        choice: The image and the network.
        title: What stands above them.
        filters: The filters.
        bound: The weight that gets full colour; None for what these filters call for.
        name: What the file is named after, in English.
        key: Of the button.
    """
    count = min(filters.channels, _MOST_FILTERS)
    bound = filters.reach if bound is None else bound
    sheet = kernel_sheet(
        [filters.drawn(channel) for channel in filters.order("norm").tolist()[:count]],
        tile=_TILE,
        bound=bound,
        columns=_COLUMNS,
    )
    st.header(state.plain(title), anchor=False)
    st.image(
        sheet.png, width="stretch", output_format="PNG", alt=tr("Filters of {layer}", layer=title)
    )
    kernels.legend(filters, bound)
    st.caption(findings.sheet(filters, count, bound))
    exports.save_button(
        tr("Save as PNG"),
        sheet.png,
        exports.file_name(choice, name, "filters", ending="png"),
        key=key,
    )
