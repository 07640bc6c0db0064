"""Switch channels off, and see what deeper layers and the predictions make of it.

A channel is switched off where its ReLU lets it through: of a convolution that a batch norm
follows, what comes out of the batch norm is set to 0, because a 0 before it would not stay 0. From
that layer on the network runs twice in one batch, once whole and once with the channels off, so
that the two can be compared layer by layer without keeping maps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.activations import Activations, measure
from convviz.features.capture import copied, input_for, observe_each
from convviz.features.predictions import Prediction, best, for_decoder
from convviz.networks.network import Network
from convviz.structure.layers import Layer, check_channel, layer, layers


@dataclass(frozen=True)
class Change:
    """How much a deeper layer changed: ‖after − before‖ / ‖before‖ over all its channels."""

    layer: Layer
    relative: float


@dataclass(frozen=True, eq=False)
class Ablation:
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
        change = (self.after.rectified - self.before.rectified).flatten(1).norm(dim=1)
        return torch.sort(change, descending=True, stable=True).indices


def deeper_layers(network: Network, layer_name: str) -> tuple[Layer, ...]:
    """List the layers with maps that come after one and depend on it, without hidden parts.

    Raises:
        NetworkError: There is no such layer.
    """
    found = layer(network, layer_name)
    start = max(found.index, layer(network, found.pre_relu or found.name).index)
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
) -> Ablation:
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
    names = [deeper.name] if deeper.pre_relu is None else [deeper.name, deeper.pre_relu]
    # One pass for all: the layer that is looked at closely is kept, of the others only how much
    # they change.
    reducers: dict[str, Callable[[Tensor], Tensor]] = {
        **{each.pre_relu or each.name: _both_changes for each in later},
        **dict.fromkeys(names, _both_maps),
    }
    small = for_decoder(network, batch) if network.weights.has_decoder else None
    if small is batch:
        reducers[""] = _scores
    outputs = _side_by_side(network, batch, found, off, reducers)
    if small is not None and small is not batch:
        outputs |= _side_by_side(network, small, found, off, {"": _scores})
    scores = outputs.pop("", torch.empty(0))
    before, after = (_measured(deeper, outputs, place) for place in (0, 1))
    return Ablation(
        layer=found,
        channels=tuple(off),
        changes=tuple(_change(each, outputs[each.pre_relu or each.name]) for each in later),
        deeper=deeper,
        before=before,
        after=after,
        relative=_relative(before.rectified.flatten(1), after.rectified.flatten(1)),
        predictions_before=best(network, scores[0]) if len(scores) else (),
        predictions_after=best(network, scores[1]) if len(scores) else (),
    )


def _side_by_side(
    network: Network,
    batch: Tensor,
    found: Layer,
    off: Sequence[int],
    reducers: Mapping[str, Callable[[Tensor], Tensor]],
) -> dict[str, Tensor]:
    """Run a network whole and with channels off, and reduce the pairs that its layers put out."""
    name = found.pre_relu or found.name

    def split(output: Tensor) -> Tensor:
        return torch.cat((output, _without(output, off)))

    def second(output: Tensor) -> Tensor:
        return torch.cat((output[:1], _without(output[1:], off)))

    try:
        return observe_each(network.module, batch, reducers, (name, split))
    except RuntimeError:
        # What ran beside this layer has one picture and cannot be joined to two of them (the other
        # branches of an Inception module): then both run from the start.
        return observe_each(network.module, batch.repeat(2, 1, 1, 1), reducers, (name, second))


def _without(output: Tensor, off: Sequence[int]) -> Tensor:
    output = output.clone()
    output[:, list(off)] = 0
    return output


def _both_maps(output: Tensor) -> Tensor:
    return copied(_two(output))


def _two(output: Tensor) -> Tensor:
    """Make sure that a layer saw both pictures: what does not depend on the first layer sees one.

    Raises:
        RuntimeError: It saw one; the pass must begin with two.
    """
    if len(output) == 1:
        raise RuntimeError("one picture")
    return output


def _scores(output: object) -> Tensor:
    """Keep the scores of two pictures; nothing where a network puts out something else."""
    if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != 2:
        return torch.empty(0)
    return copied(output)


def _both_changes(output: Tensor) -> Tensor:
    """Compute the change from the first picture to the second, before and after a ReLU, (2,)."""
    both = _two(output).float().flatten(1)
    return torch.stack(
        [_relative(*both.unsqueeze(1)), _relative(*both.clamp(min=0).unsqueeze(1))]
    ).flatten()


def _change(found: Layer, output: Tensor) -> Change:
    changes = output if output.shape == (2,) else _both_changes(output)
    return Change(found, float(changes[1 if found.pre_relu else 0]))


def _measured(deeper: Layer, outputs: dict[str, Tensor], place: int) -> Activations:
    maps = {name: output[place] for name, output in outputs.items()}
    shaped = {name: m if m.dim() == 3 else m.reshape(-1, 1, 1) for name, m in maps.items()}
    return measure(
        deeper, shaped[deeper.name], None if deeper.pre_relu is None else shaped[deeper.pre_relu]
    )


def _relative(before: Tensor, after: Tensor) -> Tensor:
    """Compute ‖after − before‖ / ‖before‖ of each row, shape (rows,); 0 / 0 counts as 0."""
    change, size = (after - before).norm(dim=-1), before.norm(dim=-1)
    return torch.where(change == 0, torch.zeros_like(change), change / size)
