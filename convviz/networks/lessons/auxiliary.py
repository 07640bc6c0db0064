"""Auxiliary classifiers: where they sit, what they add to the loss (Szegedy et al. 2015, §5)."""

from dataclasses import dataclass

import torch

from convviz.errors import SettingError, at_least
from convviz.networks.clone import clone
from convviz.networks.cost_table import is_within
from convviz.networks.network import AUXILIARY_WEIGHT, Network, NetworkSpec
from convviz.networks.registry import build
from convviz.networks.steps import Step, follow

"""The paper's weight of each auxiliary loss."""


@dataclass(frozen=True)
class AuxiliaryLoss:
    """A training loss with auxiliary losses.

    Attributes:
        main: The main classifier's loss.
        extra: The auxiliary classifiers' losses.
        weight: What each of them is multiplied with.
    """

    main: float
    extra: tuple[float, ...]
    weight: float

    @property
    def total(self) -> float:
        """The loss that training lowers."""
        return self.main + self.weight * sum(self.extra)

    @property
    def formula(self) -> str:
        """The loss with the numbers put in: "1.20 + 0.3·2.00 + 0.3·1.80 = 2.34"."""
        terms = "".join(f" + {self.weight:g}·{loss:.2f}" for loss in self.extra)
        return f"{self.main:.2f}{terms} = {self.total:.2f}"


def auxiliary_loss(
    main: float, extra: tuple[float, ...], weight: float = AUXILIARY_WEIGHT
) -> AuxiliaryLoss:
    """Add auxiliary losses to a main loss.

    Raises:
        SettingError: A loss or the weight is negative.
    """
    if min((main, weight, *extra)) < 0:
        raise SettingError("A loss and its weight cannot be negative: choose 0 or more.")
    return AuxiliaryLoss(main, extra, weight)


@dataclass(frozen=True)
class Head:
    """An auxiliary classifier in a network.

    Attributes:
        name: Dotted name.
        after: Dotted name of the layer whose output it reads.
        shape: (C, H, W) of that output.
        depth: Layers with kernels between the picture and that output.
        network_depth: The same for the main classifier's scores.
        parameters: Its parameters.
        macs: Its multiply–accumulates for one picture, paid in training only.
    """

    name: str
    after: str
    shape: tuple[int, ...]
    depth: int
    network_depth: int
    parameters: int
    macs: int


def heads(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[Head, ...]:
    """Find where a network's auxiliary classifiers sit, from one pass in train mode.

    Returns:
        One for each of the spec's auxiliary heads that runs, in the order of execution.

    Raises:
        SettingError: The size is no size.
    """
    spec = network.spec if isinstance(network, Network) else network
    original = network.module if isinstance(network, Network) else build(network)
    size = network.input_size if input_size is None else input_size
    at_least("picture's size", size, 1)
    if not spec.auxiliary:
        return ()
    module = clone(original, device="meta").train()
    # Two pictures: batch norm in train mode has nothing to normalise over with one value.
    steps = follow(module, torch.empty(2, 3, size, size, device="meta"))
    main = [s for s in steps if not any(is_within(s.module, name) for name in spec.auxiliary)]
    sizes = {name: p.numel() for name, p in original.named_parameters()}
    found = []
    for name in spec.auxiliary:
        inside = [s for s in steps if is_within(s.module, name)]
        if inside:
            before = _source(steps, inside[0], main)
            parameters = sum(sizes[p] for s in inside for p in s.parameters)
            macs = sum(s.macs for s in inside) // 2
            depth = main[-1].depth
            found.append(
                Head(name, before.module, before.output, before.depth, depth, parameters, macs)
            )
    return tuple(sorted(found, key=lambda head: head.depth))


def _source(steps: tuple[Step, ...], first: Step, main: list[Step]) -> Step:
    """Return the main network's last step before a head's first."""
    return [s for s in steps[: steps.index(first)] if s in main][-1]
