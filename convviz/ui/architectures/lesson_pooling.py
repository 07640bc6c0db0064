"""Lesson: global average pooling in place of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from PIL import Image

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.figures import lessons as drawn
from convviz.figures import theme as figures
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

_STRONGEST, _TILE, _LARGE = 8, 104, 384  # channels; pixels


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    vgg = classifiers(cache.costs("vgg16"))
    with st.container(key="architectures_point_gap"):
        st.markdown(
            f"**Take the mean of each map, and one linear layer makes class scores of the means.** "
            f"It needs no weights for places. VGG16 would weigh "
            f"{short(vgg.network_averaged)} parameters instead of "
            f"{short(vgg.network)}."
        )
    _weights()
    _on_image(choice)


def _weights() -> None:
    names = cache.names()
    chosen = st.pills(
        "Networks",
        names,
        selection_mode="multi",
        default=list(COURSE),
        format_func=lambda name: spec(name).title,
        key="gap_networks",
        label_visibility="collapsed",
        wrap=True,
    )
    found = [classifiers(cache.costs(name)) for name in names if name in chosen]
    if not found:
        return
    st.plotly_chart(drawn.classifiers(found), config=figures.save_as("gap"), key="gap_chart")
    ledger((each.title, each.averaged_formula, _told(each)) for each in found)
    st.caption(
        "This is what the networks would weigh. How well they would do is another question: they "
        "would have to be trained again."
    )


def _told(each: Classifiers) -> str:
    channels, height, width = each.maps
    shape = f"{channels} maps of {height} × {width}"
    if each.uses_average:
        factor = times(each.flattened / each.averaged)
        return (
            f"{shape}; it is built this way. One layer on all values would take "
            f"{each.flattened:,}, {factor} times as many."
        )
    return (
        f"{shape}; its own classifier has {each.own:,}. The whole network would have "
        f"{each.network_averaged:,} instead of {each.network:,}: "
        f"{times(each.network / each.network_averaged)} times fewer."
    )


def _on_image(choice: Choice) -> None:
    st.subheader("From your image's last maps to class scores", anchor=False)
    used = choice.loaded
    maps, evidence = cache.averaged(choice.image, used) if used else (None, ())
    if used is None or not evidence or maps is None:
        used = lesson_network.with_heads(choice)
        maps, evidence = cache.averaged(choice.image, used)
    channels, height, width = maps.maps.shape
    st.caption(
        f"{lesson_network.about(choice, used)} Its last layer, {maps.layer.title}, has "
        f"{channels} maps of "
        f"{height} × {width}; each becomes one number."
    )
    labels = [one.prediction.label for one in evidence]
    place = st.selectbox(
        "Class",
        range(len(evidence)),
        format_func=lambda i: f"{labels[i]} ({percent(evidence[i].prediction.probability, 1)})",
        key="gap_class",
        help="The network's five best guesses.",
        width=320,
    )
    one = evidence[place]
    _sum(maps, one)
    _channels(choice, maps, one)
    _evidence(choice, used, one)


def _sum(maps: AveragedMaps, one: ClassEvidence) -> None:
    best = one.strongest(3)
    terms = " + ".join(f"{float(one.weights[c]):.3f}·{float(maps.means[c]):.3f}" for c in best)
    rest = float(one.contributions.sum() - one.contributions[list(best)].sum())
    formula(
        f"{terms}{signed(rest)}{signed(one.bias)} = {one.score:.2f}",
        f"score of {one.prediction.label}: weight · mean of the three channels that add most, then "
        f"the other {len(maps.means) - len(best):,} together, then the bias",
    )


def _channels(choice: Choice, maps: AveragedMaps, one: ClassEvidence) -> None:
    st.markdown("The channels that add most to this score, each with weight · mean:")
    best = one.strongest(_STRONGEST)
    tiles = [heatmap(maps.maps[channel], _TILE, "viridis", None, None) for channel in best]
    with st.container(horizontal=True, gap="small", key="maps_gap"):
        for channel, tile in zip(best, tiles, strict=True):
            said = (
                f"channel {channel}: {float(one.weights[channel]):.2f}·"
                f"{float(maps.means[channel]):.2f}"
            )
            st.image(tile, width=_TILE, output_format="PNG", caption=said)
    exports.save_button(
        "Save the maps as PNG",
        lambda: _row(tiles),
        exports.file_name(choice, "maps", *map(str, best), ending="png"),
        key="save_maps",
    )


def _row(tiles: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """Put square pictures side by side."""
    row = Image.new("RGB", (len(tiles) * (_TILE + gap) - gap, _TILE), "white")
    for place, tile in enumerate(tiles):
        row.paste(tile, (place * (_TILE + gap), 0))
    return row


def _evidence(choice: Choice, used: Network, one: ClassEvidence) -> None:
    cut = choice.image.crop(used, enlarged=_LARGE)
    over = overlay(cut, one.evidence, 0.6, "viridis", None, None)
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="evidence"):
        st.image(over, output_format="PNG", alt=f"Where {one.prediction.label} gets its score from")
    with right:
        st.markdown(
            f"**Where the score comes from.** Since the mean treats all places alike, the weighted "
            f"maps can be added before it: the picture shows how much each place adds to the score "
            f"of *{one.prediction.label}* (bright: much). Its mean is the score without the bias: "
            f"{float(one.evidence.mean()):.2f}."
        )
        exports.save_button(
            "Save as PNG",
            over,
            exports.file_name(choice, "evidence", one.prediction.label, ending="png"),
            key="save_evidence",
        )
