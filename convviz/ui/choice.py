"""convviz.ui.choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.structure.layers import Layer


@dataclass(frozen=True)
class ChosenImage:
    """The image all pages work on.

    Attributes:
        name: Sample's name as in the URL, or the name of the file.
        title: Name for people.
        sha256: Of the file's bytes; the key of everything computed from the image.
        image: The whole picture, upright, mode RGB. Shared between visitors: do not change it.
        origin: "sample", "upload" or "camera".
        credit: Whom to thank for a sample photograph; empty otherwise.
    """

    name: str
    title: str
    sha256: str
    image: Image.Image
    origin: str
    credit: str = ""


@dataclass(frozen=True)
class Choice:
    """What the visitor has chosen in the sidebar.

    Attributes:
        image: The image, decoded.
        network_name: The network's short name, as in the registry.
        loaded: The network with its weights; None only on a page that can do without.
        layer: The layer; None on a page that did not ask for one.
    """

    image: ChosenImage
    network_name: str
    loaded: Network | None
    layer: Layer | None = None

    @property
    def network(self) -> Network:
        """The network with its weights, on a page that needs them."""
        if self.loaded is None:
            raise RuntimeError("this page was opened with needs_network=False")
        return self.loaded
