"""What a network is: its description, the registry, and the catalogue of built-in ones."""

from convviz.networks import catalogue as _catalogue  # registers the built-in networks
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import available, register, spec

__all__ = ["Network", "NetworkSpec", "available", "register", "spec"]

del _catalogue
