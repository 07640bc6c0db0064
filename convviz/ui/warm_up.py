"""What the first visitor would wait for, made ready after the server has started.

A visit begins with the same image and the same network for everybody. Each page whose module
`page` has a function `prepare` makes with it what it shows of them; the others are loaded only.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from convviz.errors import ConvvizError
from convviz.jobs.gate import GATE
from convviz.ui.navigation import HOME, PAGES

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.ui.choice import ChosenImage

_log = logging.getLogger(__name__)

_FOR_COMPONENTS = ("pandas", "pyarrow")  # Streamlit imports them with the first component


def prepare() -> None:
    """Load the pages and make ready what they begin with; who is here already goes first.

    What fails is logged; what cannot be had is a line for who debugs. Whoever asks for it gets the
    sentence.
    """
    # At the usual priority: a page may need a module that is just being imported here.
    try:
        for name in _FOR_COMPONENTS:
            import_module(name)
        image, network = _first_choice()
    except Exception:  # noqa: BLE001 - the pages say what is wrong with it
        _log.exception("the network that visits begin with could not be made ready")
        return
    for page in (HOME, *PAGES):
        GATE.wait()
        try:
            module = import_module(f"convviz.ui.{page.folder}.page")
            if hasattr(module, "prepare"):
                module.prepare(image, network)
        except ConvvizError as error:  # no fault: a user's network for small images, say
            _log.debug("the page %s was made ready in part: %s", page.title, error)
        except Exception:  # noqa: BLE001 - the other pages are worth it all the same
            _log.exception("the page %s could not be made ready", page.title)


def _first_choice() -> tuple[ChosenImage, Network]:
    """Return what every visit begins with."""
    from convviz.ui import cache, downloads
    from convviz.ui.sidebar import image as sidebar_image
    from convviz.ui.sidebar import network as sidebar_network

    name = downloads.DEFAULT_NETWORK
    image = sidebar_image.of_sample(sidebar_image.DEFAULT_SAMPLE)
    return image, cache.network(name, sidebar_network.usual_source(name))
