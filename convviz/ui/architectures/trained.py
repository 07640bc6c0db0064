"""The trained network that a lesson looks through: the visitor's, or the bundled GoogLeNet."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from convviz.features import class_evidence, predictions
from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.features.predictions import Opinion
from convviz.images.preprocess import crop as crop_image
from convviz.networks import paper_designs
from convviz.networks.network import Network
from convviz.ui import cache
from convviz.ui.pictures import ChosenImage
from convviz.ui.shell import Choice


def googlenet(choice: Choice) -> Network:
    """Return GoogLeNet with the weights chosen in the sidebar, or else with the bundled ones."""
    if choice.loaded is not None and choice.loaded.name == "googlenet":
        return choice.loaded
    return cache.network("googlenet", "bundled")


def with_heads(choice: Choice) -> Network:
    """Return GoogLeNet with trained auxiliary heads, which only the bundled weights have."""
    used = googlenet(choice)
    return used if used.weights.source == "bundled" else cache.network("googlenet", "bundled")


def about(choice: Choice, used: Network) -> str:
    """Say which network and weights are used, and why where they are not those of the sidebar."""
    said = f"{used.title}, {used.weights.title}"
    if choice.loaded is used:
        return f"{said}."
    return f"{said}, which comes with convviz, whatever the sidebar says."


def crop(choice: Choice, used: Network) -> Image.Image:
    """Return what goes into the network."""
    weights = used.weights
    return crop_image(choice.image.image, size=weights.input_size, resize=weights.resize)


@st.cache_resource(max_entries=32, show_spinner=False)
def _opinions(sha256: str, source: str, _image: ChosenImage, _used: Network) -> tuple[Opinion, ...]:
    return predictions.opinions(_used, _image.image)


def opinions(choice: Choice, used: Network) -> tuple[Opinion, ...]:
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


def paper_name(name: str) -> str:
    """Return the name of a network's published design, or its own where there is none."""
    design = paper_designs.published_form_of(name)
    return design.name if design else name
