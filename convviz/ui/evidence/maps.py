"""One method's map: found, kept, drawn over the image and alone, and saved."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import streamlit as st
from PIL import Image
from torch import Tensor

from convviz.errors import NetworkError
from convviz.features import grad_cam
from convviz.features.class_target import ClassTarget, class_scores, decoder_input
from convviz.features.evidence_json import class_map_facts, evidence_json, saliency_facts
from convviz.features.grad_cam import CamMethod, ClassMap
from convviz.features.occlusion import ScoreOcclusionStep, occlude_class
from convviz.features.saliency import (
    Saliency,
    SaliencyMethod,
    SaliencyStep,
    find_saliency,
    saliency,
)
from convviz.language import ENGLISH, speaking, tr
from convviz.networks.network import Network
from convviz.sprites.colormaps import Colormap
from convviz.sprites.overlay import Box, heatmap, overlay
from convviz.structure.layers import Layer
from convviz.ui import cache, colour_scales, exports, state
from convviz.ui.byte_store import ByteStore
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.channel_map import Under, channel_map, shares
from convviz.ui.evidence import findings
from convviz.ui.evidence.jobs import JobSubject, Runs
from convviz.ui.evidence.target import AT_A_LAYER, METHODS
from convviz.ui.keys import Key

COLOURS: Colormap = "magma"
_AT_ONCE = ("gradient", "guided")  # one pass forward and one back

# A layer's maps and their gradients: 26 MB for the first layers of VGG16.
_CLASS_MAPS = ByteStore[ClassMap](
    200 * 2**20, lambda class_map: class_map.maps.nbytes + class_map.gradients.nbytes
)


@dataclass(frozen=True, eq=False)
class EvidenceMap:
    """A map as it is shown.

    Attributes:
        values: None below 0, shape (H, W).
        box: Where it lies on the input; None for all of it.
        side: Side of that input, in pixels.
        name: For files and keys.
        class_map: What Grad-CAM and its relatives have found besides.
        saliency: What methods that look at pixels have found besides.
    """

    values: Tensor
    box: Box | None
    side: int
    name: str
    class_map: ClassMap | None = None
    saliency: Saliency | None = None


def class_map_of(
    image: ChosenImage, network: Network, layer: Layer, target: ClassTarget, method: CamMethod
) -> ClassMap:
    """Find the evidence in a layer's maps; the methods share one pass."""
    key = (image.sha256, network.name, network.weights.source, layer.name, target)
    found = _CLASS_MAPS.get(key)
    if found is None:
        batch = decoder_input(network, image.pixels)
        found = grad_cam.grad_cam_of(network, batch, layer.name, target)
        _CLASS_MAPS.put(key, found)
    return grad_cam.with_method(found, method)


def reached_before(image: ChosenImage, network: Network, class_map: ClassMap) -> Layer | None:
    """Return the last layer before one without gradient that the gradient reaches; None if none."""
    key = (image, network, class_map.layer, class_map.target.index, class_map.target.against)
    return cache.once(
        lambda: grad_cam.reached_before(grad_cam.as_decoder_sees(network), image.pixels, class_map),
        "reached before",
        *key,
    )


def draw_not_reached(choice: Choice, class_map: ClassMap) -> None:
    """Say that no gradient reaches a layer, and offer the one before that it reaches."""
    before = reached_before(choice.image, choice.network, class_map)
    st.warning(findings.not_reached(class_map.layer, before), icon=":material/block:")
    if before is not None:
        st.button(
            tr("Look at {layer}", layer=state.plain(before.title)),
            key="evidence_layer_before",
            on_click=_open_layer,
            args=(before.name,),
        )


def _open_layer(name: str) -> None:
    st.session_state[Key.LAYER] = name


def layer_shown(choice: Choice) -> Layer:
    """Return the chosen layer or, where it has no places, the last one that has; and say so."""
    layer = choice.layer
    network = grad_cam.as_decoder_sees(choice.network)
    with_grids = cache.once(
        lambda: {each.name: each for each in grad_cam.layers_with_grids(network)},
        "layers with grids",
        choice.network,
    )
    if layer is not None and layer.name in with_grids:
        return with_grids[layer.name]
    instead = grad_cam.last_with_maps(network)
    if layer is not None and not grad_cam.is_grid(layer.shape):
        st.info(findings.no_places(layer, instead), icon=":material/grid_off:")
        return instead
    return layer or instead


def find(choice: Choice, target: ClassTarget, method: str, runs: Runs) -> EvidenceMap | None:
    """Find a method's map; None while its work has still to be started, or is under way."""
    if method in AT_A_LAYER:
        layer = layer_shown(choice)
        return at_layer(choice.image, choice.network, layer, target, method)
    about = JobSubject.of(method, choice, target)
    title = tr(METHODS[method])
    arguments = {"network": choice.network, "image": choice.image.pixels, "target": target}
    if method == "occlusion":
        occluded = runs.result(
            about,
            ScoreOcclusionStep,
            occlude_class,
            title=title,
            what=tr("A grey square covers 144 places, one after the other."),
            key="evidence_start_occlusion",
            images=(choice.image,),
            **arguments,
        )
        if occluded is None:
            return None
        return EvidenceMap(occluded.map, None, occluded.side, method)
    if method in _AT_ONCE:
        try:
            found = cache.once(
                lambda: saliency(
                    choice.network, choice.image.pixels, target, cast("SaliencyMethod", method)
                ),
                *("saliency", method, choice.image, choice.network, target.index, target.against),
            )
        except NetworkError as error:
            if method != "guided":
                raise
            st.info(str(error), icon=":material/block:")  # of networks with other functions
            return None
    else:
        step = runs.result(
            about,
            SaliencyStep,
            find_saliency,
            title=title,
            what=tr("Many passes through the network, there and back."),
            key="evidence_start_saliency",
            images=(choice.image,),
            method=method,
            **arguments,
        )
        if step is None:
            return None
        found = step.saliency
    return EvidenceMap(found.map, None, found.map.shape[0], method, saliency=found)


def at_layer(
    image: ChosenImage, network: Network, layer: Layer, target: ClassTarget, method: str
) -> EvidenceMap:
    """Find the evidence in a layer's maps."""
    found = class_map_of(image, network, layer, target, cast("CamMethod", method))
    box, side = grad_cam.evidence_box(network, layer.name)
    return EvidenceMap(found.map, box, side, f"{method}-{layer.name}", class_map=found)


def draw_over(
    image: ChosenImage, network: Network, shown: EvidenceMap, blend: float, key: str
) -> None:
    """Draw a map over the image."""
    photograph = cache.photograph(image, network)
    channel_map(
        shown.values,
        key=key,
        label=tr("Evidence over the image"),
        colours=COLOURS,
        low=0.0,
        under=Under(photograph, shares(shown.box, shown.side), blend),
    )


def draw_alone(shown: EvidenceMap, key: str) -> None:
    """Draw a map alone, each value a rectangle."""
    channel_map(shown.values, key=key, label=tr("The evidence alone"), colours=COLOURS, low=0.0)


def scale(shown: EvidenceMap) -> None:
    """Draw what the colours stand for: from 0 to the map's largest value."""
    scale_to(float(shown.values.max()))


def scale_to(largest: float) -> None:
    """Draw what the colours stand for: from 0 to a value."""
    st.html(colour_scales.numbered(COLOURS, 0.0, largest))


def save_buttons(
    choice: Choice, target: ClassTarget, method: str, shown: EvidenceMap, blend: float
) -> None:
    """Draw the buttons that save the map over the image, alone, and as numbers."""

    def over() -> Image.Image:
        crop = choice.crop(enlarged=cache.PHOTOGRAPH_PIXELS)
        return overlay(crop, shown.values, blend, COLOURS, low=0.0, box=shown.box, side=shown.side)

    def alone() -> Image.Image:
        return heatmap(shown.values, cache.PHOTOGRAPH_PIXELS, COLOURS, 0.0)

    def numbers() -> str:
        columns = [f"column_{index}" for index in range(shown.values.shape[1])]
        return exports.table(columns, shown.values.tolist())

    def record() -> str:
        network, facts = choice.network, dict[str, Any]()
        layer = None if shown.class_map is None else shown.class_map.layer
        if shown.class_map is not None:
            facts |= class_map_facts(shown.class_map)
        if shown.saliency is not None:
            facts |= saliency_facts(shown.saliency)
        scores = class_scores(network, decoder_input(network, choice.image.pixels))
        with speaking(ENGLISH):
            values = evidence_json(network, target, scores, method, layer, shown.values, facts)
        return json.dumps({**values, "map": shown.values.tolist()}, ensure_ascii=False) + "\n"

    with speaking(ENGLISH):  # as all files are named
        parts = (state.shorten(target.title(choice.network), 40), shown.name)
    with st.container(horizontal=True, key="evidence_save_buttons"):
        for label, data, kind, ending in (
            (tr("Save over image"), over, "over", "png"),
            (tr("Save map"), alone, "map", "png"),
            (tr("Save as CSV"), numbers, "map", "csv"),
            (tr("Save as JSON"), record, "map", "json"),
        ):
            exports.save_button(
                label,
                data,
                exports.file_name(choice, *parts, kind, ending=ending),
                key=f"evidence_save_{kind}_{ending}",
            )
