"""The receptive field of one position of a map: its box, and the effective field inside it.

The box holds all pixels that the position can depend on; it follows from kernels, strides and
paddings alone. The effective field is how much each pixel would change this one number for this
one image: the absolute gradient, summed over the colours. It is usually much smaller than the box
(Luo, Li, Urtasun and Zemel, "Understanding the Effective Receptive Field", NeurIPS 2016).

Everything is measured in pixels of the input square, after the image was resized and cropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from convviz.features.capture import check_gradient, input_for, truncated
from convviz.networks.network import Network
from convviz.structure.costs import receptive_field
from convviz.structure.layers import check_channel, check_position, layer


@dataclass(frozen=True)
class Box:
    """A part of the input, in its pixels; bottom and right are the first that lie outside."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """How much each pixel of the input matters to one number of a map.

    Attributes:
        value: The number itself.
        weights: Absolute gradient, summed over colours, shape (S, S). All zeros where the ReLU
            lets nothing through: then no pixel matters, a little up or down.
        support: The smallest box around every pixel that matters; None if none does.
        core: The smallest box around the centre of gravity that holds half of the sum; None if no
            pixel matters.
    """

    value: float
    weights: Tensor
    support: Box | None
    core: Box | None


def box(
    network: Network, layer_name: str, row: int, column: int, channel: int | None = None
) -> Box | None:
    """Find the receptive field of one position, cut at the input's edges.

    Args:
        network: The network.
        layer_name: Dotted name of the layer.
        row: The position's row in the map.
        column: The position's column.
        channel: As in `receptive_field`.

    Returns:
        The box; None where it cannot be followed, or where the position sees only padding.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The layer's maps have no such position.
    """
    field = receptive_field(network, layer_name, channel)
    check_position(layer(network, layer_name).shape, row, column)
    region = None if field is None else field.box(row, column)
    return None if region is None else Box(*region)


def map_box(
    network: Network, layer_name: str, channel: int
) -> tuple[float, float, float, float] | None:
    """Find where a channel's map lies on the network's input; see `ReceptiveField.map_box`.

    Returns:
        (top, left, bottom, right) in input pixels; None where it cannot be followed.

    Raises:
        NetworkError: There is no such layer.
    """
    field = receptive_field(network, layer_name, channel)
    return None if field is None else field.map_box


def effective_field(
    network: Network, image: Image.Image, layer_name: str, channel: int, row: int, column: int
) -> EffectiveField:
    """Measure which pixels matter to one number of a map.

    Args:
        network: The network.
        image: The image.
        layer_name: Dotted name of the layer.
        channel: The map's channel.
        row: The number's row in the map.
        column: The number's column.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The layer has no such channel or position.
    """
    target = layer(network, layer_name)
    check_channel(target.shape, channel)
    check_position(target.shape, row, column)
    batch = input_for(network, image).requires_grad_()
    output = truncated(network.module, target.name)(batch.clone())  # it may change it in place
    check_gradient(output, target.name)
    value = output[0, channel] if output.dim() == 2 else output[0, channel, row, column]
    (gradient,) = torch.autograd.grad(value, batch)
    weights = gradient[0].abs().sum(0).float()
    return EffectiveField(float(value.detach()), weights, support(weights), core(weights))


def support(weights: Tensor) -> Box | None:
    """Find the smallest box around everything that is not 0 in a field, shape (S, S)."""
    rows = (weights != 0).any(1).nonzero().flatten()
    columns = (weights != 0).any(0).nonzero().flatten()
    if not len(rows):
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def core(weights: Tensor, share: float = 0.5) -> Box | None:
    """Find the smallest square around the centre of gravity that holds a share of the sum.

    Near a border the square is cut off, as the image is.
    """
    total = float(weights.sum())
    if not 0 < total < float("inf"):
        return None
    height, width = weights.shape
    down, across = weights.double().sum(1), weights.double().sum(0)
    row = round(float((down * torch.arange(height)).sum()) / total)
    column = round(float((across * torch.arange(width)).sum()) / total)
    # distance[i, j]: how large the square around the centre must be to hold this pixel
    distance = torch.maximum(
        (torch.arange(height) - row).abs()[:, None], (torch.arange(width) - column).abs()[None]
    )
    rings = torch.zeros(max(height, width) + 1, dtype=torch.float64)
    rings.index_add_(0, distance.flatten(), weights.double().flatten())
    reach = int((rings.cumsum(0) >= share * float(rings.sum())).nonzero()[0])
    return Box(
        max(0, row - reach),
        max(0, column - reach),
        min(height, row + reach + 1),
        min(width, column + reach + 1),
    )
