"""The page's two views: a recorded training, and a small network that is trained on the page."""

from __future__ import annotations

from convviz.language import later, tr
from convviz.networks.network import Network
from convviz.ui import widgets
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.keys import Key
from convviz.ui.training import live, recorded

_VIEWS = {"recorded": later("A recorded training"), "live": later("Train one here")}


def prepare(image: ChosenImage, _network: Network) -> None:
    """Make what the page begins with, before the first visitor asks for it."""
    recorded.prepare(image)


def draw(choice: Choice) -> None:
    """Draw the view that is chosen."""
    if widgets.views(tr("What to watch"), _VIEWS, Key.WATCH, "recorded") == "live":
        live.draw(choice)
    else:
        recorded.draw(choice)
