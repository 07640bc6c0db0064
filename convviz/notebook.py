"""convviz in a notebook: a network whose activations show themselves.

convviz.load("alexnet").activations("cat.jpg", "conv3").show()
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass, fields
from functools import cached_property
from html import escape
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from convviz.errors import ImageError
from convviz.features import activations as features
from convviz.features.activations import Activations
from convviz.features.arrays import archive
from convviz.images.decode import converted, decode
from convviz.images.encode import png
from convviz.images.samples import sample
from convviz.language import tr
from convviz.networks.network import Network
from convviz.sprites.grid import branch_sections, grid_picture
from convviz.structure.layers import find
from convviz.weights.load import FetchProgress
from convviz.weights.load import load as load_network

_SAMPLE = "sample:"


@dataclass(frozen=True, eq=False)
class LoadedNetwork(Network):
    """A network that can be asked for activations."""

    def activations(self, image: Image.Image | bytes | str | Path, layer: str) -> LayerActivations:
        """Capture and measure one layer for one image.

        Args:
            image: An image, the bytes of its file, the file's path, or "sample:" and the name of a
                sample photograph.
            layer: The layer's dotted name, "features.6", or its title, "conv3".

        Raises:
            ImageError: The image cannot be read.
            NetworkError: There is no such layer, or it cannot be shown.
        """
        measured = features.activations(self, _read(image), find(self, layer).name)
        values = {each.name: getattr(measured, each.name) for each in fields(measured)}
        return LayerActivations(**values, network=self)


@dataclass(frozen=True, eq=False)
class LayerActivations(Activations):
    """Activations that a notebook shows as an image of all channels.

    Attributes:
        network: The network they are of.
    """

    network: Network

    @cached_property
    def image(self) -> Image.Image:
        """All channels as one image, with a title and a legend."""
        sections = branch_sections(self, range(self.channels))
        return grid_picture(self, title=self.network.title, sections=sections)

    def show(self) -> None:
        """Show the image of all channels: in a notebook below the cell, else in a window."""
        ipython = sys.modules.get("IPython")
        shell = None if ipython is None else ipython.get_ipython()
        if getattr(shell, "kernel", None) is not None:  # IPython in a terminal shows no images
            import_module("IPython.display").display(self)
        else:
            self.image.show()

    def numpy(self) -> NDArray[np.float32]:
        """Return a copy of the maps as an array, shape (C, H, W)."""
        array: NDArray[np.float32] = self.maps.numpy().copy()
        return array

    def torch(self) -> Tensor:
        """Return a copy of the maps as a tensor, shape (C, H, W)."""
        return self.maps.clone()

    def save(self, file: str | Path) -> None:
        """Write the numbers to an `.npz` file; see `features.arrays.archive`."""
        Path(file).write_bytes(archive(self))

    def _repr_png_(self) -> bytes:
        return png(self.image)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self._repr_png_()).decode()
        words = f"{self.network.title}, {self.layer.title}"
        return (
            f'<figure><img src="data:image/png;base64,{data}" alt="All maps of {escape(words)}" '
            f'style="max-width: 100%"><figcaption>{escape(words)}: {escape(self.sentence())}'
            "</figcaption></figure>"
        )


def load(
    name: str,
    weights: str | Path = "auto",
    *,
    fetch: bool = True,
    progress: FetchProgress | None = None,
    seed: int = 0,
) -> LoadedNetwork:
    """Load a network; see `weights.load.load`, which it passes everything on to."""
    network = load_network(name, weights, fetch=fetch, progress=progress, seed=seed)
    return LoadedNetwork(network.spec, network.module, network.weights)


def _read(image: Image.Image | bytes | str | Path) -> Image.Image:
    """Read an image in any of its forms.

    Raises:
        ImageError: There is no such file, or it is not an image that convviz reads.
    """
    if isinstance(image, Image.Image):
        return converted(image)
    if isinstance(image, bytes):
        return decode(image)
    if isinstance(image, str) and image.startswith(_SAMPLE):
        return decode(sample(image.removeprefix(_SAMPLE)).read())
    if not isinstance(image, str | Path):
        raise ImageError(
            tr(
                "{kind} is no picture: give a file, its bytes, an image of Pillow, or “sample:” "
                "and the name of a sample photograph.",
                kind=type(image).__name__,
            )
        )
    try:
        data = Path(image).read_bytes()
    except (OSError, ValueError) as error:  # a name with a null character is none
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(
            tr("{file} cannot be read: {reason}.", file=image, reason=reason)
        ) from error
    return decode(data)
