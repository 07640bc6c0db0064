"""The trained network that a step or lesson uses: the visitor's, or one that comes with convviz."""

from __future__ import annotations

from convviz.networks.network import Network
from convviz.ui import cache
from convviz.ui.choice import Choice
from convviz.ui.course import findings

_WITH_CONVVIZ = {"alexnet": "encoder", "vgg16": "encoder", "googlenet": "bundled"}  # sources


def of_course(choice: Choice, name: str) -> Network:
    """Return a network of the course, with the weights chosen in the sidebar where it is chosen.

    Args:
        choice: The sidebar's choices.
        name: "alexnet", "vgg16" or "googlenet".
    """
    if choice.loaded is not None and choice.loaded.name == name:
        return choice.loaded
    return cache.network(name, _WITH_CONVVIZ[name])


def with_classes(choice: Choice, name: str) -> Network:
    """Return the same, with weights that name classes for the image."""
    network = of_course(choice, name)
    if cache.predictions(choice.image, network):
        return network
    return cache.network(name, _WITH_CONVVIZ[name])


def googlenet(choice: Choice) -> Network:
    """Return GoogLeNet with the weights chosen in the sidebar, or else with the bundled ones."""
    return of_course(choice, "googlenet")


def with_heads() -> Network:
    """Return GoogLeNet with trained auxiliary heads, which only the bundled weights have."""
    return cache.network("googlenet", "bundled")


def about(choice: Choice, network: Network) -> str:
    """Say which network and weights are used, and whether they are others than the chosen ones."""
    return findings.about_text(network, chosen=choice.loaded is network)
