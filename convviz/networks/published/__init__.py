"""The networks as their papers publish them, where that is not what torchvision builds.

A design is a description, layer by layer; every count comes from the network built from it.
"""

from convviz.errors import NetworkError
from convviz.networks.published.build import build, describe
from convviz.networks.published.designs import ALEXNET, DESIGNS, GOOGLENET, VGGS, Design
from convviz.networks.published.printed import Check, checks
from convviz.networks.published.reported import Reported, reported
from convviz.networks.published.sides import slides

__all__ = [
    "ALEXNET",
    "DESIGNS",
    "GOOGLENET",
    "VGGS",
    "Check",
    "Design",
    "Reported",
    "build",
    "checks",
    "describe",
    "design",
    "published_form_of",
    "reported",
    "slides",
]


def design(name: str) -> Design:
    """Look a published design up by its name.

    Raises:
        NetworkError: There is none of that name.
    """
    for candidate in DESIGNS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in DESIGNS)
    raise NetworkError(f"There is no published design called {name}: choose from {known}.")


def published_form_of(network: str) -> Design | None:
    """Return the paper's own form of one of convviz' networks, or None if there is none here."""
    return next((one for one in DESIGNS if one.torchvision == network), None)
