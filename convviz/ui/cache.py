"""What is computed once and shared by all visitors, in bounded caches.

Keys are short strings: the sha256 of the image's file, the network, the source of its weights, the
layer. What comes out is shared, so nobody may change it.
"""

from __future__ import annotations

import streamlit as st

from convviz import features, networks
from convviz.features import Prediction
from convviz.networks import Layer, Network
from convviz.ui.pictures import ChosenImage


# Three networks at most: VGG16 with its decoder takes 553 MB.
@st.cache_resource(max_entries=3, show_spinner=False)
def network(name: str, source: str) -> Network:
    """Load a network from weights that are here already.

    Raises:
        WeightsError: They are not here.
    """
    return networks.load(name, source, fetch=False)


@st.cache_resource(max_entries=24, show_spinner=False)
def _layers(name: str, source: str) -> tuple[Layer, ...]:
    return networks.layers(network(name, source))


def layers(used: Network) -> tuple[Layer, ...]:
    """Return the layers of a network, in the order in which they run."""
    return _layers(used.name, used.weights.source)


@st.cache_resource(max_entries=256, show_spinner=False)
def _predictions(
    sha256: str, name: str, source: str, _image: ChosenImage, _network: Network
) -> tuple[Prediction, ...]:
    return features.predict(_network, _image.image)


def predictions(chosen: ChosenImage, used: Network) -> tuple[Prediction, ...]:
    """Return the network's five best guesses; none where it has no decoder."""
    return _predictions(chosen.sha256, used.name, used.weights.source, chosen, used)
