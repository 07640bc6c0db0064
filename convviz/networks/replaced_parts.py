"""One of torchvision's networks with parts that people replace: its head, its first convolution.

Who trains such a network on other images puts a new head in the place of the old one, and a first
convolution of one channel for grey images. The result is a network of its own, found by its name
beside the registry's list as a design is.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from convviz.errors import NetworkError
from convviz.language import in_english, tr
from convviz.networks import registry
from convviz.networks.decoders import forget_heads, put
from convviz.networks.network import NetworkSpec, is_within
from convviz.networks.titles import CLASSIFIER

_MOST_VALUES = 1_000_000  # that a layer of a head reads or returns
_MOST_LAYERS = 12  # of a head


@dataclass(frozen=True)
class HeadLayer:
    """One layer of a new head.

    Attributes:
        name: Its name within the head; "" if it is the head itself.
        kind: "linear", "norm" (a batch norm of single numbers) or "relu".
        inputs: Values that it reads, and `outputs` those that it returns; 0 for layers without
            weights.
        bias: Whether a linear layer has one.
    """

    name: str
    kind: Literal["linear", "norm", "relu"]
    inputs: int = 0
    outputs: int = 0
    bias: bool = True

    def build(self) -> nn.Module:
        """Build it on the meta device."""
        if self.kind == "linear":
            return nn.Linear(self.inputs, self.outputs, self.bias, device="meta")
        if self.kind == "norm":
            return nn.BatchNorm1d(self.inputs, device="meta")
        return nn.ReLU()


@dataclass(frozen=True)
class ReplacedParts:
    """What was replaced in one of torchvision's networks.

    Attributes:
        network: The network's name.
        head: Dotted name of the part that a new head took the place of; "" if none did.
        layers: The new head's layers in order.
        first: Dotted name of the first convolution if that was replaced, else "".
        channels: How many the images have.
        bias: Whether the new first convolution has a bias.
        classes: How many scores the network's own head returns; None: as many as it is built with.
    """

    network: str
    head: str = ""
    layers: tuple[HeadLayer, ...] = ()
    first: str = ""
    channels: int = 3
    bias: bool = False
    classes: int | None = None

    @property
    def scores(self) -> int | None:
        """How many scores it returns; None: as many as the network that is listed."""
        return self.layers[-1].outputs if self.layers else self.classes

    @property
    def text(self) -> str:
        """The same as JSON; `parse` reads it."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def parse(text: str) -> ReplacedParts:
        """Read what `text` wrote.

        Raises:
            ValueError: It is not that.
        """
        held = json.loads(text)
        layers = tuple(_layer(each) for each in held["layers"])
        names = (held["network"], held["head"], held["first"])
        counts = (held["channels"], 1 if held["classes"] is None else held["classes"])
        if (
            not all(isinstance(name, str) for name in names)
            or not all(type(count) is int and 1 <= count <= _MOST_VALUES for count in counts)
            or held["channels"] not in (1, 3)
            or len(layers) > _MOST_LAYERS
            or bool(layers) != bool(held["head"])
        ):
            raise ValueError("out of range")
        return ReplacedParts(
            *names[:2], layers, names[2], counts[0], bool(held["bias"]), held["classes"]
        )


def _layer(held: Mapping[str, Any]) -> HeadLayer:
    layer = HeadLayer(**held)
    sizes = (layer.inputs, layer.outputs)
    if (
        layer.kind not in ("linear", "norm", "relu")
        or not isinstance(layer.name, str)
        or "." in layer.name
        or not all(type(size) is int and 0 <= size <= _MOST_VALUES for size in sizes)
    ):
        raise ValueError("no layer of a head")
    return layer


def network_with_parts(parts: ReplacedParts) -> NetworkSpec:
    """Describe a network with replaced parts, so that `registry.spec` finds it by its name.

    Raises:
        NetworkError: There is no such network, or it has no such parts.
    """
    base = registry.spec(parts.network)
    checksum = hashlib.sha256(parts.text.encode()).hexdigest()[:8]
    is_grey = parts.channels == 1
    if parts.head and is_grey:
        title = tr("{network} for grey images, with another head", network=base.title)
    elif parts.head:
        title = tr("{network} with another head", network=base.title)
    elif is_grey:
        title = tr("{network} for grey images", network=base.title)
    else:
        title = tr("{network} with another first convolution", network=base.title)
    spec = replace(
        base,
        name=f"{base.name}-replaced-{checksum}",
        title=in_english(title),
        build=partial(_build, parts),
        auxiliary=(),
        title_of=_outside(parts.head, base.title_of, None),
        stage_of=_outside(parts.head, base.stage_of, CLASSIFIER) if base.stage_of else None,
        torchvision_weights=None,
        imagenet_options=(),
    )
    _build(parts)  # so that it is not listed if it cannot be built
    return registry.add_unlisted(spec)


def parts_of(spec: NetworkSpec) -> ReplacedParts | None:
    """Return what was replaced in a network; None for a network that is as it is listed."""
    build = spec.build
    if isinstance(build, partial) and build.func is _build:
        parts: ReplacedParts = build.args[0]
        return parts
    return None


def _outside(
    head: str, name_of: Callable[[str], str | None], within: str | None
) -> Callable[[str], str | None]:
    """Name layers as the network does, but not those of a new head."""
    return lambda name: within if head and is_within(name, head) else name_of(name)


def _build(parts: ReplacedParts, *, num_classes: int | None = None) -> nn.Module:
    """Build the network on the meta device, without auxiliary heads."""
    base = registry.spec(parts.network)
    is_grey = parts.channels != 3
    # Three colours are scaled as for torchvision's weights, which such a training begins with.
    options: dict[str, Any] = {} if is_grey else dict(base.imagenet_options)
    classes = num_classes or parts.classes
    if classes is not None and not parts.head:
        options["num_classes"] = classes
    module = registry.build(base, **options)
    for name in base.auxiliary:
        put(module, name, None)
    if base.auxiliary:
        forget_heads(module)
    try:
        if parts.first:
            put(module, parts.first, _first(module.get_submodule(parts.first), parts))
        if parts.head:
            put(module, parts.head, _head(parts.layers, num_classes))
    except AttributeError as error:  # a file may name parts that the network does not have
        raise NetworkError(
            tr(
                "{network} has no part called {name}: take the file of another network.",
                network=base.title,
                name=parts.head or parts.first,
            )
        ) from error
    return module.eval().requires_grad_(False)


def _first(old: nn.Module, parts: ReplacedParts) -> nn.Module:
    """Build the first convolution, which moves and pads as the network's own does."""
    if not isinstance(old, nn.Conv2d):
        raise AttributeError(parts.first)
    same: dict[str, Any] = {
        name: getattr(old, name)
        for name in ("kernel_size", "stride", "padding", "dilation", "padding_mode")
    }
    return nn.Conv2d(parts.channels, old.out_channels, **same, bias=parts.bias, device="meta")


def _head(layers: tuple[HeadLayer, ...], num_classes: int | None) -> nn.Module:
    *inner, last = layers
    if num_classes is not None:
        last = replace(last, outputs=num_classes)
    if not last.name:
        return last.build()
    with torch.device("meta"):
        return nn.Sequential(OrderedDict((each.name, each.build()) for each in (*inner, last)))
