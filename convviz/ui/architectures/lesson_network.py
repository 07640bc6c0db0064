"""The trained network that a lesson uses: the visitor's, or the bundled GoogLeNet."""

from __future__ import annotations

from convviz.networks.network import Network
from convviz.ui import cache
from convviz.ui.architectures import findings
from convviz.ui.choice import Choice


def googlenet(choice: Choice) -> Network:
    """Return GoogLeNet with the weights chosen in the sidebar, or else with the bundled ones."""
    if choice.loaded is not None and choice.loaded.name == "googlenet":
        return choice.loaded
    return cache.network("googlenet", "bundled")


def with_heads() -> Network:
    """Return GoogLeNet with trained auxiliary heads, which only the bundled weights have."""
    return cache.network("googlenet", "bundled")


def about(choice: Choice, network: Network) -> str:
    """Say which network and weights are used, and whether they are others than the chosen ones."""
    return findings.about_text(network, chosen=choice.loaded is network)
