"""The layers of a network, found by running it once."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from convviz.errors import NetworkError
from convviz.networks.registry import Network, NetworkSpec


@dataclass(frozen=True)
class Branch:
    """One part of a concatenation: channels `start` up to, but not including, `stop`."""

    name: str
    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes:
        name: Dotted module name.
        title: Human title, "relu3_3".
        kind: Plain words, "convolution".
        stage: What groups it in pickers, "block 3".
        shape: Output without the batch, (C, H, W) or (C,).
        index: Position in the order of execution.
        detail: Whether it is a part of a module that is shown as one layer, with its ReLU.
        gate: Name of the layer whose positive part is what the next ReLU lets through: the layer
            itself right before a ReLU, its batch norm where there is one between. None where no
            ReLU follows, or the output has been through one.
        branches: The parts of a concatenation; empty for any other layer.
        in_encoder: Whether it belongs to the encoder.
    """

    name: str
    title: str
    kind: str
    stage: str
    shape: tuple[int, ...]
    index: int
    detail: bool
    gate: str | None
    branches: tuple[Branch, ...]
    in_encoder: bool


def layers(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[Layer, ...]:
    """List the layers of interest in the order in which they finish."""
    raise NotImplementedError


def layer(network: Network | NetworkSpec, name: str) -> Layer:
    """Find a layer by its dotted name.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    found = layers(network)
    for candidate in found:
        if candidate.name == name:
            return candidate
    title = network.title
    near = difflib.get_close_matches(name, [candidate.name for candidate in found], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "see the list of its layers."
    raise NetworkError(f"{title} has no layer called {name}: {hint}")
