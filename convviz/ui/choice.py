"""What the visitor has chosen in the sidebar: an image, a network and a layer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from convviz.images.decode import DecodedImage, read
from convviz.ui.byte_store import ByteStore

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.structure.layers import Layer

Use = Literal["image", "network", "weights"]  # of the sidebar's choices, by a page or view
USES: tuple[Use, ...] = ("image", "network", "weights")

# The last images stay decoded; the bytes of each visitor's file stay in their visit and are decoded
# again when needed. An image of 25 million pixels takes 75 MB.
DECODED = ByteStore[DecodedImage](
    300 * 2**20, lambda decoded: 3 * decoded.image.width * decoded.image.height
)

BROUGHT: dict[str, float] = {}
"""When visitors brought images last, by the sha256 of the file, on the clock that never stands
still; until what was made of them is dropped with their visits (`forget`)."""


@dataclass(frozen=True)
class ChosenImage:
    """An image that pages work on: a sample, or a file that the visitor brought.

    A visitor's file stays in their visit and is never written to disk.

    Attributes:
        name: Sample's name as in the URL, or the name of the file.
        title: Name for people.
        data: The file's bytes.
        sha256: Of the file's bytes; the key of everything computed from the image.
        origin: "sample", "upload" or "camera".
        credit: Whom to thank for a sample photograph; empty otherwise.
    """

    name: str
    title: str
    data: bytes = field(repr=False)
    sha256: str
    origin: str
    credit: str = ""

    @classmethod
    def of(cls, name: str, title: str, data: bytes, origin: str, credit: str = "") -> ChosenImage:
        """Describe an image file."""
        sha256 = hashlib.sha256(data).hexdigest()
        if origin != "sample":
            BROUGHT[sha256] = time.monotonic()
        return cls(name, title, data, sha256, origin, credit)

    @property
    def pixels(self) -> Image.Image:
        """The whole image, upright, mode RGB. Shared between visitors: do not change it.

        Raises:
            ImageError: The file cannot be used.
        """
        return self.decoded.image

    @property
    def decoded(self) -> DecodedImage:
        """The image, and what it had to go through.

        Raises:
            ImageError: The file cannot be used.
        """
        decoded = DECODED.get(self.sha256)
        if decoded is None:
            decoded = read(self.data)
            DECODED.put(self.sha256, decoded)
        return decoded

    def crop(self, network: Network, *, enlarged: int | None = None) -> Image.Image:
        """Cut out what goes into a network.

        Args:
            network: The network; its weights say how large its input is.
            enlarged: Side in pixels to which the crop is scaled; None for the network's own.
        """
        from convviz.features.capture import network_crop

        crop = network_crop(network, self.pixels)
        return crop if enlarged is None else crop.resize((enlarged, enlarged))


# How to tell images apart in the key of a cache: the argument `hash_funcs`.
IMAGE_KEYS: dict[str | type[Any], Callable[[Any], Any]] = {ChosenImage: lambda image: image.sha256}


@dataclass(frozen=True)
class Choice:
    """What the visitor has chosen in the sidebar.

    Attributes:
        image: The image.
        network_name: The network's short name, as in the registry.
        loaded: The network with its weights; None only on a page that can do without, and in a view
            that does not use them.
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
            raise RuntimeError("this page was opened without a network's weights")
        return self.loaded

    def crop(self, *, enlarged: int | None = None) -> Image.Image:
        """Cut out what goes into the network; see `ChosenImage.crop`."""
        return self.image.crop(self.network, enlarged=enlarged)
