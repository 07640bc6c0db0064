"""Architectures: what networks cost, layer by layer, and against their papers."""

from __future__ import annotations

from convviz.networks.network import Network
from convviz.ui.architectures import by_layer, compare, papers, views
from convviz.ui.choice import Choice, ChosenImage


def prepare(_image: ChosenImage, _network: Network) -> None:
    """Count what the page begins with, before the first visitor asks for it."""
    compare.prepare()


def draw(choice: Choice) -> None:
    """Draw the chosen view of the page."""
    view = views.choose_view()
    if view == "compare":
        compare.draw()
    elif view == "layers":
        by_layer.draw(choice)
    else:
        papers.draw()
