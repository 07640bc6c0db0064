"""Lesson: global average pooling in place of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from PIL import Image

from convviz.errors import SettingError
from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.features.effective_field import map_box
from convviz.figures import lessons as figures
from convviz.figures import theme
from convviz.formatting import decimals, probability, signed
from convviz.language import again, tr
from convviz.lessons.pooling import classifiers
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.plain_text import plain
from convviz.sprites.overlay import heatmap, overlay
from convviz.ui import cache, charts, exports, glossary
from convviz.ui.choice import Choice
from convviz.ui.course import findings, lesson_network
from convviz.ui.formulas import formula, ledger
from convviz.ui.how_we_know import how_we_know

_STRONGEST = 8  # channels
_TILE, _LARGE = 104, 384  # pixels


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    vgg = classifiers(cache.costs("vgg16"))
    with st.container(key="course_point_gap"):
        st.markdown(glossary.mark(findings.pooling_point(vgg)))
    _draw_parameters()
    _draw_scores(choice)
    how_we_know("parameters", "classifiers", "gap_gain", "class_score")


def _draw_parameters() -> None:
    names = cache.short_list()
    chosen = st.pills(
        tr("Networks"),
        names,
        selection_mode="multi",
        default=list(COURSE),
        format_func=lambda name: plain(spec(name).title),
        key="course_gap_networks",
        label_visibility="collapsed",
        wrap=True,
    )
    networks = []
    for name in names:
        if name in chosen:
            try:
                networks.append(classifiers(cache.costs(name)))
            except SettingError as error:  # it ends in no scores; the others can be compared
                st.caption(plain(str(error)))
    if not networks:
        return
    charts.draw(figures.classifiers(networks), config=theme.save_as("gap"), key="course_gap")
    ledger((again(network.title), network.averaged_formula, network.remark) for network in networks)
    st.caption(
        tr(
            "These are numbers of parameters. How well the networks would do is another "
            "question: they would have to be trained again."
        )
    )
    with st.expander(tr("The “0.6 better” in the lecture notes of the course behind this app")):
        st.markdown(
            tr(
                "It is of one network: Szegedy et al. (2015) found that moving from fully "
                "connected layers to average pooling improved their GoogLeNet's top-1 accuracy by "
                "about 0.6 %. That means about 0.6 percentage points, 6 more of 1,000 images "
                "classified correctly, not a factor; and dropout remained essential, they add, "
                "even without the fully connected layers."
            )
        )


def _draw_scores(choice: Choice) -> None:
    st.header(tr("From your image's last maps to class scores"), anchor=False)
    network = choice.loaded
    averaged, classes = cache.averaged(choice.image, network) if network else (None, ())
    if network is None or averaged is None or not classes:
        network = lesson_network.with_heads()
        averaged, classes = cache.averaged(choice.image, network)
    st.caption(findings.last_maps_text(lesson_network.about(choice, network), averaged))
    counted = cache.costs(network.name).input_size
    if sizes := findings.sizes_text(counted, network.input_size):
        st.caption(sizes)
    predictions = [evidence.prediction for evidence in classes]
    index = st.selectbox(
        tr("Class"),
        range(len(classes)),
        format_func=lambda i: f"{predictions[i].label} ({probability(predictions[i].probability)})",
        key="course_gap_class",
        help=tr("The network's five best guesses."),
        width=320,
    )
    evidence = classes[index]
    _draw_sum(averaged, evidence)
    _draw_channels(choice, network, averaged, evidence)
    _draw_evidence(choice, network, averaged.layer.name, evidence)


def _draw_sum(averaged: AveragedMaps, evidence: ClassEvidence) -> None:
    strongest = evidence.strongest(3)
    terms = " + ".join(
        f"{decimals(float(evidence.weights[c]), 3)}·{decimals(float(averaged.means[c]), 3)}"
        for c in strongest
    )
    rest = float(evidence.contributions.sum() - evidence.contributions[list(strongest)].sum())
    formula(
        f"{terms}{signed(rest)}{signed(evidence.bias)} = {decimals(evidence.score)}",
        findings.sum_text(averaged, evidence, len(strongest)),
    )


def _draw_channels(
    choice: Choice, network: Network, averaged: AveragedMaps, evidence: ClassEvidence
) -> None:
    st.markdown(tr("The channels that add most to this score, each with weight · mean:"))
    strongest = evidence.strongest(_STRONGEST)
    tiles = [heatmap(averaged.maps[channel], _TILE, "viridis", None, None) for channel in strongest]
    with st.container(horizontal=True, gap="small", key="course_gap_maps"):
        for channel, tile in zip(strongest, tiles, strict=True):
            caption = tr(
                "channel {channel}: {weight}·{mean}",
                channel=channel,
                weight=decimals(float(evidence.weights[channel])),
                mean=decimals(float(averaged.means[channel])),
            )
            st.image(
                tile,
                width=_TILE,
                output_format="PNG",
                caption=caption,
                alt=tr("Map of channel {channel}", channel=channel),
            )
    exports.save_button(
        tr("Save the maps as PNG"),
        lambda: _row(tiles),
        exports.file_name(choice, "maps", *map(str, strongest), ending="png", network=network.name),
        key="course_save_gap_maps",
    )


def _row(tiles: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """Put square images side by side."""
    row = Image.new("RGB", (len(tiles) * (_TILE + gap) - gap, _TILE), "white")
    for index, tile in enumerate(tiles):
        row.paste(tile, (index * (_TILE + gap), 0))
    return row


def _draw_evidence(
    choice: Choice, network: Network, layer_name: str, evidence: ClassEvidence
) -> None:
    image = choice.image.crop(network, enlarged=_LARGE)
    box = map_box(network, layer_name, 0)
    side = network.input_size
    blended = overlay(image, evidence.evidence, 0.6, "viridis", None, None, box=box, side=side)
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="course_evidence"):
        st.image(
            blended,
            output_format="PNG",
            alt=tr("Evidence for {label}", label=evidence.prediction.label),
        )
    with right:
        st.markdown(findings.evidence_text(evidence))
        exports.save_button(
            tr("Save as PNG"),
            blended,
            exports.file_name(
                choice,
                "evidence",
                evidence.prediction.label,
                ending="png",
                network=network.name,
            ),
            key="course_save_evidence",
        )
