"""The page Activations: the headline, four views of one layer, and the words they use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from convviz.features import findings
from convviz.features.activations import Activations, depth_trend
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.language import later, tr
from convviz.networks.network import Network
from convviz.structure.trunk import comparable
from convviz.ui import cache, charts, exports, state, widgets
from convviz.ui.activations import ahead, compare, display, grid, layer_table, live, one_channel
from convviz.ui.activations.display import DisplayOptions
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.layers_ahead import LayerAhead
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.sidebar.layer import choices

_FIRST_VIEW = later("This layer")


def prepare(image: ChosenImage, network: Network) -> None:
    """Make what the page begins with, before the first visitor asks for it."""
    cache.further_layers(network)
    layer = comparable(choices(cache.layers(network)), state.USUAL_DEPTH)
    activations = cache.activations(image, network, layer)
    display.atlas_of(image, network, activations, display.USUAL)


def draw(choice: Choice) -> None:
    """Draw the page; only the view that is open is computed."""
    if choice.layer is None:
        raise RuntimeError("this page was opened with layer=False")
    activations = cache.activations(choice.image, choice.network, choice.layer)
    with st.container(horizontal=True, key="activations_top"):
        headline = st.container(width="stretch", gap=None)
        beside = st.container(width="content")
        options = display.menu(activations)
    views: dict[str, Callable[[Choice, Activations, DisplayOptions], None]] = {
        _FIRST_VIEW: grid.draw,
        later("One channel"): one_channel.draw,
        later("Compare"): compare.draw,
        later("All layers"): _all_layers,
    }
    titles = {title: title for title in views}
    view = widgets.views(tr("View"), titles, Key.ACTIVATIONS_VIEW, _FIRST_VIEW)
    with beside:
        is_live = view == _FIRST_VIEW and live.switch()
    shown: LayerAhead | None = None
    if is_live:
        with headline:
            live.headline(choice, activations)
    else:
        live.end()
        texts = ahead.headline(choice, activations, options)
        with headline:
            _headline(texts, activations, options.threshold)
        if view == _FIRST_VIEW:
            shown = ahead.give_shown(choice, activations, options, texts)
    with st.container(key="activations_open_view"):
        if is_live:
            live.draw(choice, activations, options)
        else:
            views[view](choice, activations, options)
    widgets.words(
        "layer",
        "channel",
        "feature map",
        "activation",
        "ReLU",
        "batch norm",
        "concatenation",
        "empty channel",
        "dead channel",
    )
    if shown is not None:
        ahead.give_neighbours(choice, activations, options, shown)


def _headline(texts: tuple[str, str], activations: Activations, threshold: float) -> None:
    """Say which channels draw the clearest maps, in which layer, and how many are empty."""
    heading, caption = texts
    with st.container(key=ahead.HEADLINE, gap=None):
        st.header(heading, anchor=False)
        st.caption(caption, help=findings.what_is_empty(activations, threshold))


def _all_layers(choice: Choice, activations: Activations, options: DisplayOptions) -> None:
    """Draw how the share of empty channels changes from the first layer to the last."""
    summaries = cache.empty_by_depth(choice.image, choice.network, options.threshold)
    st.markdown(depth_trend(summaries))
    charts.draw(
        figures.empty_by_depth(summaries, activations.layer.name),
        config=theme.CONFIG,
        key="activations_depth_chart",
        on_select=lambda: _open_layer([summary.layer.name for summary in summaries]),
        selection_mode="points",
    )
    st.caption(tr("Click a bar to open its layer."))
    for reason in cache.not_shown(choice.image, choice.network):
        st.caption(tr("Left out: {reason}", reason=state.plain(reason)))
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.depth(summaries),
        exports.file_name(choice, "empty-by-depth", ending="csv"),
        key="activations_save_depth",
    )
    layer_table.draw(choice, options.threshold)
    how_we_know("empty channels", "trend with depth", "dead channels")


def _open_layer(names: Sequence[str]) -> None:
    """Open the layer whose bar was clicked."""
    points = st.session_state["activations_depth_chart"]["selection"]["points"]
    if points:
        st.session_state[Key.LAYER] = names[points[0]["point_index"]]
        state.open_view(_FIRST_VIEW)
