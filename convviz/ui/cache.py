"""What is computed once and shared by all visitors, in bounded caches.

Keys are short strings: the sha256 of the image's file, the network, the source of its weights, the
layer. What comes out is shared, so nobody may change it. Importing this module loads PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from convviz.features import class_evidence
from convviz.features import predictions as feature_predictions
from convviz.features.activations import Activations, LayerSummary
from convviz.features.activations import activations as compute_activations
from convviz.features.activations import empty_by_depth as compute_empty_by_depth
from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.features.dead import DeadChannels
from convviz.features.predictions import HeadPrediction, Prediction, predict
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.paper_designs import DESIGNS, describe, published_form_of
from convviz.networks.registry import available
from convviz.networks.registry import spec as network_spec
from convviz.sprites.colormaps import Colormap
from convviz.sprites.grid import Atlas, Contrast
from convviz.sprites.grid import atlas as draw_atlas
from convviz.structure import costs
from convviz.structure.costs import Costs
from convviz.structure.layers import Layer
from convviz.structure.layers import layers as network_layers
from convviz.ui.choice import Choice, ChosenImage
from convviz.weights.load import load


# A network's costs take a few hundred kilobytes, most of it receptive fields.
@st.cache_resource(max_entries=160, show_spinner=False)
def of(name: str, input_size: int | None = None) -> Costs:
    """Count a network, or a published design, by its name.

    Raises:
        NetworkError: There is none of that name.
        SettingError: It cannot take a picture of that size.
    """
    design = next((one for one in DESIGNS if one.name == name), None)
    spec = describe(design) if design else network_spec(name)
    return costs.count(spec, input_size)


def names() -> tuple[str, ...]:
    """Name every network, the three of the course first."""
    known = available()
    first = tuple(name for name in COURSE if name in known)
    return first + tuple(name for name in known if name not in first)


@dataclass(frozen=True)
class Form:
    """One form of a network: torchvision's, or the one its paper describes.

    Attributes:
        key: "torchvision" or "paper".
        name: What `of` counts it by.
        title: For people.
        input_size: Its usual picture, in pixels.
    """

    key: str
    name: str
    title: str
    input_size: int


def forms(name: str) -> tuple[Form, ...]:
    """Return the forms in which a network can be looked at, the built one first."""
    spec = network_spec(name)
    built = Form("torchvision", name, "As built by torchvision", spec.input_size)
    if not spec.torchvision_weights:
        return (Form("torchvision", name, "As built", spec.input_size),)
    design = published_form_of(name)
    # VGG is built as published: there is no second form to show.
    if design is None or not design.differences:
        return (built,)
    return built, Form("paper", design.name, "As published", design.input_size)


# Three networks at most: VGG16 with its decoder takes 553 MB.
@st.cache_resource(max_entries=3, show_spinner=False)
def network(name: str, source: str) -> Network:
    """Load a network from weights that are here already.

    Raises:
        WeightsError: They are not here.
    """
    return load(name, source, fetch=False)


@st.cache_resource(max_entries=24, show_spinner=False)
def _layers(name: str, source: str, _used: Network) -> tuple[Layer, ...]:
    return network_layers(_used)


def layers(used: Network) -> tuple[Layer, ...]:
    """Return the layers of a network, in the order in which they run."""
    return _layers(used.name, used.weights.source, used)


@st.cache_resource(max_entries=256, show_spinner=False)
def _predictions(
    sha256: str, name: str, source: str, _chosen: ChosenImage, _used: Network
) -> tuple[Prediction, ...]:
    return predict(_used, _chosen.image)


def predictions(chosen: ChosenImage, used: Network) -> tuple[Prediction, ...]:
    """Return the network's five best guesses; none where it has no decoder."""
    return _predictions(chosen.sha256, used.name, used.weights.source, chosen, used)


# The largest layer of VGG16 takes 26 MB with its maps after the ReLU.
@st.cache_resource(max_entries=12, show_spinner=False)
def _activations(
    sha256: str, name: str, source: str, layer: str, _chosen: ChosenImage, _used: Network
) -> Activations:
    return compute_activations(_used, _chosen.image, layer)


def activations(chosen: ChosenImage, used: Network, layer: Layer) -> Activations:
    """Return what the layer's channels answer to the image."""
    source = used.weights.source
    return _activations(chosen.sha256, used.name, source, layer.name, chosen, used)


@st.cache_resource(max_entries=128, show_spinner=False)
def _empty_by_depth(
    sha256: str,
    name: str,
    source: str,
    threshold: float,
    _chosen: ChosenImage,
    _used: Network,
) -> tuple[LayerSummary, ...]:
    return compute_empty_by_depth(_used, _chosen.image, threshold)


def empty_by_depth(
    chosen: ChosenImage, used: Network, threshold: float
) -> tuple[LayerSummary, ...]:
    """Return how many channels of each layer are empty."""
    source = used.weights.source
    return _empty_by_depth(chosen.sha256, used.name, source, threshold, chosen, used)


# About 1 MB each.
@st.cache_resource(max_entries=48, show_spinner=False)
def _atlas(
    sha256: str,
    name: str,
    source: str,
    layer: str,
    contrast: Contrast,
    threshold: float,
    colours: Colormap,
    dead: DeadChannels | None,
    ends: tuple[float, float] | None,
    _activations: Activations,
) -> Atlas:
    return draw_atlas(
        _activations,
        contrast=contrast,
        threshold=threshold,
        colormap=colours,
        dead=dead,
        ends=ends,
    )


def atlas(
    chosen: ChosenImage,
    used: Network,
    shown: Activations,
    contrast: Contrast,
    threshold: float,
    colours: Colormap,
    dead: DeadChannels | None = None,
    ends: tuple[float, float] | None = None,
) -> Atlas:
    """Return all channels of a layer as one picture."""
    place = (chosen.sha256, used.name, used.weights.source, shown.layer.name)
    return _atlas(*place, contrast, threshold, colours, dead, ends, shown)


@st.cache_resource(max_entries=32, show_spinner=False)
def _opinions(
    sha256: str, source: str, _image: ChosenImage, _used: Network
) -> tuple[HeadPrediction, ...]:
    return feature_predictions.head_predictions(_used, _image.image)


def head_predictions(choice: Choice, used: Network) -> tuple[HeadPrediction, ...]:
    """Return what every head of a network says of the visitor's image."""
    return _opinions(choice.image.sha256, used.weights.source, choice.image, used)


# The last maps of a GoogLeNet take 200 kB.
@st.cache_resource(max_entries=32, show_spinner=False)
def _averaged(
    sha256: str, name: str, source: str, _image: ChosenImage, _used: Network
) -> tuple[AveragedMaps, tuple[ClassEvidence, ...]]:
    maps = class_evidence.average_maps(_used, _image.image)
    return maps, class_evidence.class_evidence(_used, maps, _image.image)


def averaged(choice: Choice, used: Network) -> tuple[AveragedMaps, tuple[ClassEvidence, ...]]:
    """Return the last maps' means for the visitor's image, and the scores they make up."""
    source = used.weights.source
    return _averaged(choice.image.sha256, used.name, source, choice.image, used)
