"""Compare, two checkpoints: one network with two sets of weights, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.channel_changes import ChannelChanges, channel_changes, filter_changes
from convviz.features.filters import convolution_of, filters
from convviz.formatting import percent
from convviz.language import later, numeral, tr
from convviz.networks.network import Network
from convviz.sprites.kernels import named_sheet
from convviz.structure.layers import Layer
from convviz.ui import cache, colour_scales, predictions, state, tables
from convviz.ui.choice import ChosenImage
from convviz.ui.keys import Key
from convviz.ui.sidebar import network as sidebar_network

_LISTED = 24  # channels in the table of those that changed most
_SHOWN_FILTERS = 16
_TILE, _COLUMNS = 48, 8  # pixels of a filter, filters in a row
_CHOICE = later("With the weights")


def choose(network: Network) -> Network | None:
    """Draw the choice of the second weights, and load them; None where there are no others."""
    others = sidebar_network.others_here(network.name, network.weights.source)
    if not others:
        return None
    usual = next(iter(others))
    key = state.remember(Key.COMPARE_WEIGHTS, usual, allowed=others, in_url=False)
    source = st.selectbox(
        tr(_CHOICE),
        list(others),
        format_func=others.__getitem__,
        key=key,
        width=320,
        help=tr(
            "All weights of this network that are here: those it came with, those you opened "
            "in the sidebar, and what you trained. The sidebar's choice comes first."
        ),
    )
    return _seeing_alike(cache.network(network.name, source), network)


def _seeing_alike(other: Network, network: Network) -> Network:
    """Let a network see images as another one does, so that the maps lie on one another."""
    weights, like = other.weights, network.weights
    if (weights.input_size, weights.resize) == (like.input_size, like.resize):
        return other
    seen = replace(
        weights,
        input_size=like.input_size,
        resize=like.resize,
        decoder_size=None,
        source=f"{weights.source}@{like.input_size}",  # what caches tell networks apart by
    )
    return Network(other.spec, other.module, seen)


def source_of(network: Network) -> str:
    """Return the source of a network's weights, whatever size it sees images in."""
    return network.weights.source.partition("@")[0]


def draw(
    image: ChosenImage,
    networks: tuple[Network, Network],
    activations: tuple[Activations, Activations],
) -> None:
    """Draw what both predict, which channels changed most, and the filters that changed most.

    Args:
        image: The image.
        networks: The network with the weights on the left, and with those on the right.
        activations: What the layer's channels answer under each.
    """
    layer = activations[0].layer
    if source_of(networks[1]) != networks[1].weights.source:
        st.caption(findings.seen_alike(networks[0].input_size))
    chosen_in = ("", tr(_CHOICE))  # the first weights are the sidebar's
    columns = st.columns(2, gap="large")
    for column, network, label in zip(columns, networks, chosen_in, strict=True):
        with column:
            st.markdown(tr("**{weights}** predicts", weights=state.plain(network.weights.title)))
            guesses = cache.predictions(image, network)
            if guesses:
                predictions.bars(guesses)
            else:
                st.caption(predictions.why_none(network, label))
    try:
        changes = channel_changes(*activations)
    except ConvvizError as error:
        st.info(state.plain(str(error)), icon=":material/info:")
        return
    st.subheader(tr("What changed most"), anchor=False)
    st.markdown(findings.changed(changes, layer))
    moved = _filter_changes(networks, layer)
    _table(changes, moved)
    if moved is not None:
        _filters(networks, layer, moved)


def _filter_changes(networks: tuple[Network, Network], layer: Layer) -> list[float] | None:
    """Measure how far the layer's filters moved; None where it has none of its own."""
    if any(convolution_of(network, layer) is None for network in networks):
        return None
    try:
        return filter_changes(*(filters(network, layer) for network in networks)).tolist()
    except ConvvizError:
        return None  # numbers that are infinite or none at all, which the sidebar warns of


def _table(changes: ChannelChanges, moved: list[float] | None) -> None:
    channels = changes.order()[:_LISTED].tolist()
    rows: dict[str, Sequence[object]] = {
        tr("Channel"): channels,
        tr("Map moved by"): [
            numeral(f"{float(changes.distances[channel]):.2f}") for channel in channels
        ],
    }
    if moved is not None:
        rows[tr("Filter moved by")] = [
            percent(moved[channel], 1) if isfinite(moved[channel]) else tr("it was 0")
            for channel in channels
        ]
    tables.draw(rows, key="activations_moved_channels", width="content", height=220)


def _filters(networks: tuple[Network, Network], layer: Layer, moved: list[float]) -> None:
    """Draw the filters that moved most, before and after, on one scale."""
    both = [filters(network, layer) for network in networks]
    order = sorted(range(len(moved)), key=lambda channel: -moved[channel])[:_SHOWN_FILTERS]
    st.markdown(tr("**Filters that moved most:** {filters}", filters=", ".join(map(str, order))))
    if not both[0].sees_colours:
        st.caption(
            tr("Of each, the slice of the input channel that is strongest under the first weights.")
        )
    bound = max(each.reach for each in both)
    if not both[0].sees_colours:
        is_clipped = any(each.largest > bound for each in both)
        st.html(colour_scales.of_weights(bound, is_clipped=is_clipped))
    for column, each, network in zip(st.columns(2, gap="large"), both, networks, strict=True):
        kernels = [
            each.kernels[channel]
            if each.sees_colours
            else each.kernels[channel, int(both[0].strongest_inputs(channel)[0])]
            for channel in order
        ]
        with column:
            # Twice as large as it is shown, for sharp letters.
            sheet = named_sheet(
                kernels, [*map(str, order)], tile=2 * _TILE, bound=bound, columns=_COLUMNS
            )
            st.image(
                sheet,
                width=sheet.width // 2,
                output_format="PNG",
                alt=tr("Filters under {weights}", weights=network.weights.title),
            )
