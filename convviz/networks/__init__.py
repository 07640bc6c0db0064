"""What the networks are: their catalogue, weights and layers."""

from convviz.networks import catalogue as _catalogue  # registers the built-in networks
from convviz.networks.layers import Branch, Layer, layer, layers
from convviz.networks.loading import load, open_saved
from convviz.networks.registry import Network, NetworkSpec, available, register, spec
from convviz.networks.weights import Weights

__all__ = [
    "Branch",
    "Layer",
    "Network",
    "NetworkSpec",
    "Weights",
    "available",
    "layer",
    "layers",
    "load",
    "open_saved",
    "register",
    "spec",
]

del _catalogue
