"""How much each channel's map, and its filter, changed from one network's weights to another's.

The unit is the size of the layer's typical map under the first weights: the root mean square, over
the channels, of ‖map‖₂. So a channel that hardly answers does not come first for a small change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.activations import Activations
from convviz.features.filters import Filters
from convviz.language import tr


@dataclass(frozen=True, eq=False)
class ChannelChanges:
    """How far a layer's maps of one image under two sets of weights lie apart.

    Attributes:
        distances: ‖second map − first map‖₂ of each channel after the ReLU, in typical maps of the
            first, shape (C,); infinite where the first layer is silent altogether.
        total: ‖second − first‖₂ / ‖first‖₂ over all of the layer: the root mean square of the
            distances.
        only_first: Channels that are empty under the second weights alone.
        only_second: Channels that are empty under the first weights alone.
    """

    distances: Tensor
    total: float
    only_first: int
    only_second: int

    def order(self) -> Tensor:
        """Order the channels, shape (C,): the one that changed most first."""
        return torch.sort(self.distances, descending=True, stable=True).indices


def channel_changes(first: Activations, second: Activations) -> ChannelChanges:
    """Compare what the same layer makes of the same image under two sets of weights.

    Raises:
        SettingError: They have another number of channels, or maps of another size.
    """
    if first.rectified.shape != second.rectified.shape:
        size, other_size = (" × ".join(map(str, each.rectified.shape)) for each in (first, second))
        raise SettingError(
            tr(
                "{layer} puts out {size} and {other_size} numbers under the two sets of weights, "
                "which cannot be set side by side: choose a layer of the encoder.",
                layer=first.layer.title,
                size=size,
                other_size=other_size,
            )
        )
    one, other = (each.rectified.flatten(1).double() for each in (first, second))
    distances = (other - one).norm(dim=1)
    typical = one.norm(dim=1).square().mean().sqrt()
    distances = torch.where(distances == 0, distances, distances / typical).nan_to_num(torch.inf)
    silent, silent_then = first.empty(), second.empty()
    return ChannelChanges(
        distances.float(),
        float(distances.square().mean().sqrt()),
        int((silent_then & ~silent).sum()),
        int((silent & ~silent_then).sum()),
    )


def filter_changes(first: Filters, second: Filters) -> Tensor:
    """Compare the filters of one layer under two sets of weights.

    Returns:
        ‖second − first‖₂ / ‖first‖₂ of each filter, shape (C,); infinite where the first is zero
        and the second is not.

    Raises:
        SettingError: The filters have other shapes.
    """
    if first.kernels.shape != second.kernels.shape:
        raise SettingError(
            tr(
                "The filters of {layer} have other sizes under the two sets of weights: "
                "choose another layer.",
                layer=first.layer.title,
            )
        )
    one, other = (each.kernels.flatten(1).double() for each in (first, second))
    moved = (other - one).norm(dim=1)
    return torch.where(moved == 0, moved, moved / one.norm(dim=1)).float()
