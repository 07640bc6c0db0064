"""What the page makes: images from layers or networks, or an image that a layer answers more."""

from __future__ import annotations

from convviz.language import later, tr
from convviz.ui import state, widgets
from convviz.ui.choice import USES, Use
from convviz.ui.keys import Key

ONE, DEPTH, NETWORKS, AMPLIFY = "layer", "depth", "networks", "amplify"
MODES = {
    DEPTH: later("Depth series"),
    ONE: later("One layer"),
    NETWORKS: later("Networks"),
    AMPLIFY: later("Amplify"),
}

FIRST_DEPTH = 0.5
"""How deep the layer lies that is offered first: the first layer gives back the image itself."""


def uses() -> tuple[Use, ...]:
    """Return what the page uses of the sidebar, once the address is read.

    A link that names a layer and nothing else is about that layer, and so were all links from when
    one layer was what the page opened with.
    """
    visit = state.visit()
    if Key.LAYER in visit.link and Key.SERIES not in {**visit.link, **visit.values}:
        visit.link[Key.SERIES] = ONE
    return USES


def choose() -> str:
    """Draw the choice between several layers, one layer, several networks, and amplifying."""
    # It stands in the URL even at its default: with the sidebar's layer there, and nothing else,
    # a refresh would take the address for an old link.
    return widgets.views(tr("What to make"), MODES, Key.SERIES, DEPTH, first_in_url=True)
