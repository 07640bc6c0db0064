"""Find in a file's tensors which parts of one of torchvision's networks were replaced.

Names and shapes tell fully connected layers and batch norms, and in what order a `Sequential` has
them. What has no weights leaves no trace but a number that is missing between two names: between
two fully connected layers it is taken for a ReLU (and for dropout beside it, which does nothing to
a network that is not trained); elsewhere for dropout. Where the ReLU could stand in either of two
places, nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from convviz.networks import registry
from convviz.networks.network import NetworkSpec, is_within
from convviz.networks.replaced_parts import HeadLayer, ReplacedParts
from convviz.weights.checkpoint import MOST_CLASSES, File, class_count
from convviz.weights.pickled import Stored

Tensors = Mapping[str, Stored | Tensor]

# Layers of a head that leave single numbers as they are, or in their order.
_PASSING = (nn.Dropout, nn.Identity)
_NORM = ("bias", "running_mean", "running_var", "weight")


@dataclass(frozen=True)
class ReplaceableHead:
    """A part of a network that a new head may take the place of.

    Attributes:
        name: Its dotted name.
        inputs: Values that it reads for each image.
        own: Names of its tensors where what is between its layers is no ReLU; else ().
    """

    name: str
    inputs: int
    own: tuple[str, ...]


@dataclass(frozen=True)
class ReplaceableParts:
    """Where people replace parts of a network.

    Attributes:
        heads: Its last fully connected layer, and what holds that and no other part.
        first: Dotted name of the only convolution that reads the image; "" if there is none.
        without: Dotted names of parts whose tensors a file may have or not.
    """

    heads: tuple[ReplaceableHead, ...]
    first: str
    without: tuple[str, ...]


def places_in(spec: NetworkSpec, module: nn.Module) -> ReplaceableParts | None:
    """Find where people replace parts of a network; None for a user's own."""
    if registry.is_own(spec.name) or registry.is_unlisted(spec.name):
        return None
    modules = {
        name: part
        for name, part in module.named_modules()
        if not any(is_within(name, head) for head in spec.auxiliary)
    }
    colour = [
        name
        for name, part in modules.items()
        if isinstance(part, nn.Conv2d) and part.in_channels == 3
    ]
    first = colour[0] if len(colour) == 1 else ""
    return ReplaceableParts(tuple(_heads(modules)), first, spec.auxiliary)


def _heads(modules: dict[str, nn.Module]) -> Iterator[ReplaceableHead]:
    last = next((name for name in reversed(modules) if isinstance(modules[name], nn.Linear)), None)
    while last:
        leaves = [
            part
            for name, part in modules.items()
            if is_within(name, last) and not any(part.children())
        ]
        reads = next((part for part in leaves if not isinstance(part, _PASSING)), None)
        if not isinstance(reads, nn.Linear):
            return  # it reads maps, not numbers
        usual = (nn.Linear, nn.ReLU, *_PASSING)
        own = () if all(isinstance(part, usual) for part in leaves) else modules[last].state_dict()
        yield ReplaceableHead(last, reads.in_features, tuple(own))
        last = last.rpartition(".")[0]


def replaced_parts(
    name: str, places: ReplaceableParts, opened: File, expected: Mapping[str, Tensor]
) -> ReplacedParts | None:
    """Tell which parts of a network were replaced, so that a file's tensors are its.

    Args:
        name: The network's name.
        places: Where people replace parts of it.
        opened: The file.
        expected: The network's tensors by name, as it is listed.

    Returns:
        The parts; None if the tensors are another network's, or do not tell what it is.
    """
    for head in (None, *places.heads):
        wanted = {
            key: value
            for key, value in expected.items()
            if not head or not is_within(key, head.name)
        }
        beside = (head.name,) if head else ()
        first_bias = f"{places.first}.bias"
        if places.first and first_bias not in expected:
            beside = (*beside, first_bias)
        for tensors in opened.nearly(wanted, (*places.without, *beside)):
            parts = _parts(name, places, head, wanted, tensors)
            if parts is not None:
                return parts
    return None


def _parts(
    name: str,
    places: ReplaceableParts,
    head: ReplaceableHead | None,
    wanted: Mapping[str, Tensor],
    tensors: Tensors,
) -> ReplacedParts | None:
    first, channels, bias = "", 3, False
    weight = f"{places.first}.weight"
    if places.first and weight in wanted:
        (outputs, _, *kernel), found = wanted[weight].shape, tuple(tensors[weight].shape)
        if found == (outputs, 1, *kernel):
            first, channels = places.first, 1
        bias_name = f"{places.first}.bias"
        bias = bias_name in tensors
        if bias and tuple(tensors[bias_name].shape) != (outputs,):
            return None
        if bias and bias_name not in wanted:
            first = places.first
    rest = {key: value for key, value in wanted.items() if not first or key != weight}
    differing = [
        key
        for key, value in rest.items()
        if key in tensors and tuple(value.shape) != tuple(tensors[key].shape)
    ]
    if head is None:
        classes = class_count(rest, tensors) if differing else None
        if not first or (differing and (classes is None or not 1 <= classes <= MOST_CLASSES)):
            return None
        return ReplacedParts(name, first=first, channels=channels, bias=bias, classes=classes)
    layers = head_layers(
        {
            key.removeprefix(head.name).lstrip("."): tuple(value.shape)
            for key, value in tensors.items()
            if is_within(key, head.name)
        },
        head,
    )
    if differing or layers is None:
        return None
    return ReplacedParts(name, head.name, layers, first, channels, bias)


def head_layers(
    shapes: Mapping[str, Sequence[int]], head: ReplaceableHead
) -> tuple[HeadLayer, ...] | None:
    """Tell the layers of a new head by the names and shapes of its tensors.

    Args:
        shapes: By the tensors' names within the head: "1.weight", or "weight" if it is one layer.
        head: The part whose place it took.

    Returns:
        The layers in order; None if they cannot be told.
    """
    tensors: dict[str, dict[str, Sequence[int]]] = {}
    for full, shape in shapes.items():
        within, _, kind = full.rpartition(".")
        tensors.setdefault(within, {})[kind] = shape
    if head.own and set(shapes) == set(head.own):
        return None  # whether what is between is the network's or a ReLU is not known
    if len(tensors) > 1 and not all(name.isdecimal() for name in tensors):
        return None
    if any("." in name for name in tensors):
        return None
    order = sorted(tensors, key=int) if len(tensors) > 1 else list(tensors)
    layers: list[HeadLayer] = []
    values, before = head.inputs, None
    gaps: list[str] = []
    for name in order:
        layer = _layer(name, tensors[name], values)
        if layer is None:
            return None
        if before is not None and int(name) > before + 1:
            gaps.append(str(before + 1))
        if layer.kind == "linear":
            if any(each.kind == "linear" for each in layers) and gaps:
                if len(gaps) > 1:
                    return None
                layers.append(HeadLayer(gaps[0], "relu"))
            gaps = []
            values = layer.outputs
        elif not any(each.kind == "linear" for each in layers):
            gaps = []  # before the first fully connected layer it is dropout
        layers.append(layer)
        before = int(name) if name.isdecimal() else None
    if not layers or layers[-1].kind != "linear" or layers[-1].outputs > MOST_CLASSES:
        return None
    by_place = sorted(layers, key=lambda each: int(each.name)) if len(layers) > 1 else layers
    return tuple(by_place)


def _layer(name: str, tensors: Mapping[str, Sequence[int]], values: int) -> HeadLayer | None:
    """Tell one layer, which reads so many values; None if it is of another kind."""
    shape = tensors.get("weight", ())
    if len(shape) == 2 and set(tensors) <= {"weight", "bias"}:
        outputs, inputs = shape
        fits = (
            inputs == values
            and outputs > 0
            and tuple(tensors.get("bias", (outputs,))) == (outputs,)
        )
        return HeadLayer(name, "linear", inputs, outputs, "bias" in tensors) if fits else None
    norm = {key: tuple(each) for key, each in tensors.items() if key != "num_batches_tracked"}
    if norm == dict.fromkeys(_NORM, (values,)):
        return HeadLayer(name, "norm", values, values)
    return None
