"""Lesson: global average pooling in place of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from PIL import Image

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.figures import lessons as figures
from convviz.figures import theme
from convviz.formatting import percent, short, signed, times
from convviz.lessons.pooling import Classifiers, classifiers
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.sprites.overlay import heatmap, overlay
from convviz.ui import cache, exports
from convviz.ui.architectures import lesson_network
from convviz.ui.choice import Choice
from convviz.ui.formulas import formula, ledger

_STRONGEST = 8  # channels
_TILE, _LARGE = 104, 384  # pixels


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    vgg = classifiers(cache.costs("vgg16"))
    with st.container(key="architectures_point_gap"):
        st.markdown(
            f"**Take the mean of each map, and one linear layer makes class scores of the means.** "
            f"It needs no weights for places. VGG16 would weigh {short(vgg.network_averaged)} "
            f"parameters instead of {short(vgg.network)}."
        )
    _draw_parameters()
    _draw_scores(choice)


def _draw_parameters() -> None:
    names = cache.names()
    chosen = st.pills(
        "Networks",
        names,
        selection_mode="multi",
        default=list(COURSE),
        format_func=lambda name: spec(name).title,
        key="architectures_gap_networks",
        label_visibility="collapsed",
        wrap=True,
    )
    networks = [classifiers(cache.costs(name)) for name in names if name in chosen]
    if not networks:
        return
    st.plotly_chart(
        figures.classifiers(networks), config=theme.save_as("gap"), key="architectures_gap"
    )
    ledger((network.title, network.averaged_formula, _remark(network)) for network in networks)
    st.caption(
        "This is what the networks would weigh. How well they would do is another question: they "
        "would have to be trained again."
    )


def _remark(network: Classifiers) -> str:
    channels, height, width = network.maps
    shape = f"{channels} maps of {height} × {width}"
    if network.uses_average:
        factor = times(network.flattened / network.averaged)
        return (
            f"{shape}; it is built this way. One layer on all values would take "
            f"{network.flattened:,}, {factor} times as many."
        )
    return (
        f"{shape}; its own classifier has {network.own:,}. The whole network would have "
        f"{network.network_averaged:,} instead of {network.network:,}: "
        f"{times(network.network / network.network_averaged)} times fewer."
    )


def _draw_scores(choice: Choice) -> None:
    st.subheader("From your image's last maps to class scores", anchor=False)
    network = choice.loaded
    averaged, classes = cache.averaged(choice.image, network) if network else (None, ())
    if network is None or averaged is None or not classes:
        network = lesson_network.with_heads(choice)
        averaged, classes = cache.averaged(choice.image, network)
    channels, height, width = averaged.maps.shape
    st.caption(
        f"{lesson_network.about(choice, network)} Its last layer, {averaged.layer.title}, has "
        f"{channels} maps of {height} × {width}; each becomes one number."
    )
    predictions = [evidence.prediction for evidence in classes]
    index = st.selectbox(
        "Class",
        range(len(classes)),
        format_func=lambda i: f"{predictions[i].label} ({percent(predictions[i].probability, 1)})",
        key="architectures_gap_class",
        help="The network's five best guesses.",
        width=320,
    )
    evidence = classes[index]
    _draw_sum(averaged, evidence)
    _draw_channels(choice, averaged, evidence)
    _draw_evidence(choice, network, evidence)


def _draw_sum(averaged: AveragedMaps, evidence: ClassEvidence) -> None:
    strongest = evidence.strongest(3)
    terms = " + ".join(
        f"{float(evidence.weights[c]):.3f}·{float(averaged.means[c]):.3f}" for c in strongest
    )
    rest = float(evidence.contributions.sum() - evidence.contributions[list(strongest)].sum())
    formula(
        f"{terms}{signed(rest)}{signed(evidence.bias)} = {evidence.score:.2f}",
        f"score of {evidence.prediction.label}: weight · mean of the three channels that add most, "
        f"then the other {len(averaged.means) - len(strongest):,} together, then the bias",
    )


def _draw_channels(choice: Choice, averaged: AveragedMaps, evidence: ClassEvidence) -> None:
    st.markdown("The channels that add most to this score, each with weight · mean:")
    strongest = evidence.strongest(_STRONGEST)
    tiles = [heatmap(averaged.maps[channel], _TILE, "viridis", None, None) for channel in strongest]
    with st.container(horizontal=True, gap="small", key="architectures_gap_maps"):
        for channel, tile in zip(strongest, tiles, strict=True):
            caption = (
                f"channel {channel}: {float(evidence.weights[channel]):.2f}·"
                f"{float(averaged.means[channel]):.2f}"
            )
            st.image(tile, width=_TILE, output_format="PNG", caption=caption)
    exports.save_button(
        "Save the maps as PNG",
        lambda: _row(tiles),
        exports.file_name(choice, "maps", *map(str, strongest), ending="png"),
        key="architectures_save_gap_maps",
    )


def _row(tiles: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """Put square images side by side."""
    row = Image.new("RGB", (len(tiles) * (_TILE + gap) - gap, _TILE), "white")
    for index, tile in enumerate(tiles):
        row.paste(tile, (index * (_TILE + gap), 0))
    return row


def _draw_evidence(choice: Choice, network: Network, evidence: ClassEvidence) -> None:
    image = choice.image.crop(network, enlarged=_LARGE)
    blended = overlay(image, evidence.evidence, 0.6, "viridis", None, None)
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="architectures_evidence"):
        st.image(
            blended,
            output_format="PNG",
            alt=f"Where {evidence.prediction.label} gets its score from",
        )
    with right:
        st.markdown(
            f"**Where the score comes from.** Since the mean treats all places alike, the weighted "
            f"maps can be added before it: the picture shows how much each place adds to the score "
            f"of *{evidence.prediction.label}* (bright: much). Its mean is the score without the "
            f"bias: {float(evidence.evidence.mean()):.2f}."
        )
        exports.save_button(
            "Save as PNG",
            blended,
            exports.file_name(choice, "evidence", evidence.prediction.label, ending="png"),
            key="architectures_save_evidence",
        )
