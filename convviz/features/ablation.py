"""Switch channels off, and compare deeper layers and the predictions with and without them.

A channel is switched off where its ReLU lets it through: of a convolution that a batch norm
follows, the output of the batch norm is set to 0, because a 0 before it would not stay 0. Of tokens
a channel is off in each, the class token included. From that layer on the network runs on two
images in one batch, the first with all channels on and the second with some off, so that the two
can be compared layer by layer without keeping maps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.features.activations import Activations, activations_in, judged, needed, rectified
from convviz.features.capture import copied, input_for, observe_each
from convviz.features.class_target import check_scores, decoder_input
from convviz.features.predictions import Prediction, best, for_decoder
from convviz.language import tr
from convviz.networks.clone import clone, per_module
from convviz.networks.network import Network
from convviz.structure.layers import Layer, check_channel, layer, layers
from convviz.structure.outputs import OutputName

_Reducers = Mapping[str, Callable[[Tensor], Tensor]]


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
        channels: The channels that are off.
        changes: The change of every deeper layer that pickers show, in the order of execution;
            what cannot be shown is left out.
        deeper: The deeper layer whose maps are kept.
        before: Its activations with all channels on.
        after: Its activations with those channels off.
        relative: ‖after − before‖ / ‖before‖ of each of its channels, shape (C,); 0 where a
            channel was empty and stays so, infinite where an empty one becomes active.
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
    """List the layers that come after one, without the parts that pickers hide and dropouts.

    Raises:
        NetworkError: There is no such layer.
    """
    target = layer(network, layer_name)
    start = max(target.index, layer(network, judged(target)).index)
    return tuple(
        candidate
        for candidate in layers(network)
        if candidate.index > start and not candidate.detail and candidate.kind != "dropout"
    )


def ablate(
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
        image: The image.
        layer_name: Dotted name of the layer.
        channels: Which channels to switch off.
        deeper_name: Dotted name of the deeper layer whose maps are kept.
        keep: Switch off all others instead.

    Raises:
        NetworkError: There is no such layer, or the network's scores are no finite numbers.
        SettingError: There is no such channel, or the second layer does not come after the first.
    """
    ablated, deeper = layer(network, layer_name), layer(network, deeper_name)
    if OutputName.of(ablated.name).part:
        raise SettingError(
            tr(
                "{part} is a part of what {module} puts out, and cannot be switched off "
                "alone: choose {module}.",
                part=ablated.title,
                module=ablated.module,
            )
        )
    for channel in channels:
        check_channel(ablated.shape, channel)
    later_layers = deeper_layers(network, layer_name)
    if deeper.name not in {layer.name for layer in later_layers}:
        raise SettingError(
            tr(
                "{layer} does not come after {other}: choose a later one.",
                layer=deeper.title,
                other=ablated.title,
            )
        )
    off = sorted(set(range(ablated.shape[0])) - set(channels) if keep else set(channels))
    batch = input_for(network, image)
    by_judged: dict[str, list[Layer]] = {}
    for deeper_layer in later_layers:
        by_judged.setdefault(judged(deeper_layer), []).append(deeper_layer)
    # One pass for all: the maps of one layer are kept, of the others only how much they change.
    reducers: dict[str, Callable[[Tensor], Tensor]] = {
        **{name: partial(_changes, group) for name, group in by_judged.items()},
        **dict.fromkeys(needed(deeper), copied),
    }
    scaled = for_decoder(network, batch) if network.weights.has_decoder else None
    if scaled is batch:
        reducers[""] = _scores
    gaps: dict[str, str] = {}
    outputs = _run_both(network.module, batch, judged(ablated), off, reducers, gaps)
    if scaled is not None and scaled is not batch:
        outputs |= _run_both(network.module, scaled, judged(ablated), off, {"": _scores}, gaps)
    scores = outputs.pop("", torch.empty(0))
    for name in needed(deeper):
        if name in gaps:
            raise NetworkError(gaps[name])
    changes: dict[str, float] = {}
    for name, group in by_judged.items():
        if name not in outputs:
            continue
        relative = _changes(group, outputs[name]) if name in needed(deeper) else outputs[name]
        changes |= zip((layer.name for layer in group), relative.tolist(), strict=True)
    before, after = (activations_in(deeper, outputs, index) for index in (0, 1))
    return Ablation(
        layer=ablated,
        channels=tuple(off),
        changes=tuple(
            Change(layer, changes[layer.name]) for layer in later_layers if layer.name in changes
        ),
        deeper=deeper,
        before=before,
        after=after,
        relative=_relative(before.rectified.flatten(1), after.rectified.flatten(1)),
        predictions_before=best(network, scores[0]) if len(scores) else (),
        predictions_after=best(network, scores[1]) if len(scores) else (),
    )


def ablate_each(
    network: Network, image: Image.Image, layer_name: str, channels: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Switch channels of a layer off, each by itself, and score the classes.

    Args:
        network: The network; it is not touched.
        image: The image.
        layer_name: Dotted name of the layer.
        channels: The channels.

    Returns:
        The scores before softmax with all channels on, shape (classes,), and with each one off,
        shape (len(channels), classes).

    Raises:
        NetworkError: There is no such layer, the weights have no decoder, or the scores are no
            finite numbers.
        SettingError: There is no such channel.
    """
    ablated = layer(network, layer_name)
    for channel in channels:
        check_channel(ablated.shape, channel)
    images = decoder_input(network, image).repeat(len(channels) + 1, 1, 1, 1)
    change = (judged(ablated), partial(_mask_each, channels))
    scores = observe_each(network.module, images, {"": copied}, change)[""]
    check_scores(network, scores)
    return scores[0], scores[1:]


def _run_both(
    module: nn.Module,
    batch: Tensor,
    name: str,
    off: Sequence[int],
    reducers: _Reducers,
    gaps: dict[str, str],
) -> dict[str, Tensor]:
    """Run a network with all channels of a layer on and with some off; reduce the pairs of outputs.

    Args:
        module: The network; it is not touched.
        batch: One image, shape (1, 3, S, S).
        name: Dotted name of the layer.
        off: Its channels that are off in the second run.
        reducers: What to make of the output of each later layer, shape (2, …).
        gaps: Takes up the layers that cannot be shown, with the sentence on each.
    """
    names = tuple(reducers)
    of_both = {layer: partial(_of_both, reducer) for layer, reducer in reducers.items()}
    if _can_split(module, name, names, tuple(batch.shape)):
        return observe_each(module, batch, of_both, (name, partial(_split, off)), gaps)
    pair = batch.repeat(2, 1, 1, 1)
    return observe_each(module, pair, of_both, (name, partial(_mask, off)), gaps)


def _of_both(reducer: Callable[[Tensor], Tensor], output: Tensor) -> Tensor:
    """Reduce an output; what does not depend on the image comes once, and is the same for both."""
    return reducer(output if len(output) == 2 else output.expand(2, *output.shape[1:]))


@per_module()
def _can_split(
    module: nn.Module, name: str, names: tuple[str, ...], shape: tuple[int, ...]
) -> bool:
    """Tell whether a pass that begins with one image can continue with two from a layer on.

    It cannot where the network runs anything beside this layer (the other branches of an Inception
    module), because their output holds one image and cannot be joined with that of two; then both
    images run from the start. This is decided before the pass, by a pass without values on the
    "meta" device.

    Args:
        module: The network; it is not touched.
        name: Dotted name of the layer.
        names: Dotted names of the later layers that must see two images.
        shape: Of the network's input, (1, 3, S, S).
    """
    batch = torch.empty(shape, device="meta")
    reducers, split = dict.fromkeys(names, _count), (name, partial(_split, ()))
    try:
        counts = observe_each(clone(module, device="meta"), batch, reducers, split, {})
    except RuntimeError:  # sizes that do not fit, or a forward that depends on values
        return False
    return all(int(count) == 2 for count in counts.values())


def _count(output: Tensor) -> Tensor:
    return torch.tensor(len(output))


def _split(off: Sequence[int], output: Tensor) -> Tensor:
    """Make two images of one: as it is, and with channels off."""
    pair = torch.cat((output, output))
    pair[1, list(off)] = 0
    return pair


def _mask(off: Sequence[int], output: Tensor) -> Tensor:
    """Switch channels of the second of two images off."""
    return _split(off, output[:1])


def _mask_each(channels: Sequence[int], output: Tensor) -> Tensor:
    """Switch off one channel of each image but the first."""
    images = output.clone()
    for image, channel in zip(images[1:], channels, strict=True):
        image[channel] = 0
    return images


def _scores(output: Tensor) -> Tensor:
    """Keep the scores of two images; nothing where a network puts out something else."""
    return copied(output) if output.dim() == 2 and len(output) == 2 else torch.empty(0)


def _changes(layers: Sequence[Layer], output: Tensor) -> Tensor:
    """Compute the change from the first image to the second of layers that one output judges.

    Returns:
        Shape (len(layers),).
    """
    pair = output.float().flatten(1)
    return torch.stack([_relative(*rectified(layer, pair)) for layer in layers])


def _relative(before: Tensor, after: Tensor) -> Tensor:
    """Compute ‖after − before‖ / ‖before‖ over the last dimension; 0 / 0 counts as 0."""
    change, size = (after - before).norm(dim=-1), before.norm(dim=-1)
    return torch.where(change == 0, torch.zeros_like(change), change / size)
