"""Switch channels off, and see what deeper layers and the predictions make of it.

A channel is switched off where its ReLU lets it through: of a convolution that a batch norm
follows, what comes out of the batch norm is set to 0, because a 0 before it would not stay 0. The
network runs on the image twice in one batch, once whole and once with the channels off, so that the
two can be compared layer by layer without keeping maps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.features.activations import Activations, measure
from convviz.features.calls import count_calls
from convviz.features.capture import copied, input_for, observe_each
from convviz.features.predictions import Prediction, predict_batch
from convviz.features.receptive import check_channel
from convviz.networks import Layer, Network, layer, layers
from convviz.networks.clone import clone


@dataclass(frozen=True)
class Change:
    """How much a deeper layer changed: ‖after − before‖ / ‖before‖ over all its channels."""

    layer: Layer
    relative: float


@dataclass(frozen=True, eq=False)
class Silenced:
    """What happens when channels are off.

    Attributes:
        layer: The layer whose channels are off.
        channels: Those that are off.
        changes: The change of every deeper layer that pickers show, in the order of execution.
        deeper: The layer that was looked at closely.
        before: Its channels with all on.
        after: Its channels with those off.
        relative: ‖after − before‖ / ‖before‖ of each of its channels, shape (C,); 0 where a
            channel was silent and stays so, infinite where a silent one wakes up.
        predictions_before: The five best guesses with all on; none without a decoder.
        predictions_after: The five best guesses with those off.
    """

    layer: Layer
    channels: tuple[int, ...]
    changes: tuple[Change, ...]
    deeper: Layer
    before: Activations
    after: Activations
    relative: Tensor
    predictions_before: tuple[Prediction, ...]
    predictions_after: tuple[Prediction, ...]

    def most_changed(self) -> Tensor:
        """Order the deeper layer's channels, the one that changed most first, shape (C,).

        By the size of the change itself, not relative to the channel: a weak channel that loses
        the little it had matters less to what follows.
        """
        change = (self.after.gated - self.before.gated).flatten(1).norm(dim=1)
        return torch.sort(change, descending=True, stable=True).indices


def deeper_layers(network: Network, layer_name: str) -> tuple[Layer, ...]:
    """List the layers with maps that come after one and depend on it, without hidden parts.

    Raises:
        NetworkError: There is no such layer.
    """
    found = layer(network, layer_name)
    start = max(found.index, layer(network, found.gate or found.name).index)
    return tuple(
        each
        for each in layers(network)
        if each.index > start and not each.detail and each.kind != "dropout"
    )


def silence(
    network: Network,
    image: Image.Image,
    layer_name: str,
    channels: Collection[int],
    deeper_name: str,
    *,
    keep: bool = False,
) -> Silenced:
    """Switch channels of a layer off and compare.

    Args:
        network: The network; it is not touched.
        image: The picture.
        layer_name: Dotted name of the layer.
        channels: Which channels to switch off.
        deeper_name: Dotted name of the deeper layer to look at closely.
        keep: Switch off all others instead.

    Raises:
        NetworkError: There is no such layer.
        SettingError: There is no such channel, or the second layer does not come after the first.
    """
    found, deeper = layer(network, layer_name), layer(network, deeper_name)
    for channel in channels:
        check_channel(found.shape, channel)
    later = deeper_layers(network, layer_name)
    if deeper.name not in {each.name for each in later}:
        raise SettingError(f"{deeper.title} does not come after {found.title}: choose a later one.")
    chosen = set(range(found.shape[0])) - set(channels) if keep else set(channels)
    off = sorted(chosen)
    batch = input_for(network, image)
    once = _silenced(network, found, off, batch, first=0)
    names = [deeper.name] if deeper.gate is None else [deeper.name, deeper.gate]
    pair = batch.repeat(2, 1, 1, 1)
    split = _silenced(network, found, off, pair, first=1)
    # One pass for all: the layer that is looked at closely is kept, of the others only how much
    # they change.
    outputs = observe_each(
        split,
        pair,
        {
            **{each.gate or each.name: _both_changes for each in later},
            **dict.fromkeys(names, copied),
        },
    )
    before, after = (_measured(deeper, outputs, place) for place in (0, 1))
    return Silenced(
        layer=found,
        channels=tuple(off),
        changes=tuple(_change(each, outputs[each.gate or each.name]) for each in later),
        deeper=deeper,
        before=before,
        after=after,
        relative=_relative(before.gated.flatten(1), after.gated.flatten(1)),
        predictions_before=predict_batch(network, batch),
        predictions_after=predict_batch(dataclasses.replace(network, module=once), batch),
    )


def _silenced(
    network: Network, found: Layer, off: Sequence[int], batch: Tensor, *, first: int
) -> nn.Module:
    """Clone the network with channels off for the pictures from `first` on."""
    name = found.gate or found.name
    cloned = clone(network.module)
    calls = count_calls(network.module, batch).get(name, 1)
    begin, switch_off = _hooks(off, first, calls)
    cloned.register_forward_pre_hook(begin)
    cloned.get_submodule(name).register_forward_hook(switch_off)
    return cloned


def _hooks(
    off: Sequence[int], first: int, calls: int
) -> tuple[Callable[..., None], Callable[..., Tensor]]:
    """Make the hook that counts a layer's calls anew in every pass, and the one that acts on it.

    They are plain functions, so when `capture` clones the clone they are taken over as they are.
    """
    seen = 0

    def begin(_network: nn.Module, _inputs: Any) -> None:
        nonlocal seen
        seen = 0

    def switch_off(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        nonlocal seen
        seen += 1
        if seen < calls:  # of a module that is used several times, the last use is the layer
            return output
        output = output.clone()
        output[first:, list(off)] = 0
        return output

    return begin, switch_off


def _both_changes(output: Tensor) -> Tensor:
    """Compute the change from the first picture to the second, before and after a ReLU, (2,)."""
    both = output.float().flatten(1)
    return torch.stack(
        [_relative(*both.unsqueeze(1)), _relative(*both.clamp(min=0).unsqueeze(1))]
    ).flatten()


def _change(found: Layer, output: Tensor) -> Change:
    changes = output if output.shape == (2,) else _both_changes(output)
    return Change(found, float(changes[1 if found.gate else 0]))


def _measured(deeper: Layer, outputs: dict[str, Tensor], place: int) -> Activations:
    maps = {name: output[place] for name, output in outputs.items()}
    shaped = {name: m if m.dim() == 3 else m.reshape(-1, 1, 1) for name, m in maps.items()}
    return measure(
        deeper, shaped[deeper.name], None if deeper.gate is None else shaped[deeper.gate]
    )


def _relative(before: Tensor, after: Tensor) -> Tensor:
    """Compute ‖after − before‖ / ‖before‖ of each row, shape (rows,); 0 / 0 counts as 0."""
    change, size = (after - before).norm(dim=-1), before.norm(dim=-1)
    return torch.where(change == 0, torch.zeros_like(change), change / size)
