"""The parts of a network, as transfer learning speaks of them: what has weights, and its fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from convviz.errors import SettingError
from convviz.networks.decoders import Form
from convviz.networks.network import Network

State = Literal["frozen", "replaced", "thawed", "keeps learning", "from scratch"]


@dataclass(frozen=True)
class Part:
    """One part of a network with weights: a layer, or a module such as inception3a.

    Attributes:
        name: Dotted name.
        title: Name for people.
        parameters: How many it has.
        state: What training does with it.
    """

    name: str
    title: str
    parameters: int
    state: State

    @property
    def trained(self) -> bool:
        """Whether training changes it."""
        return self.state != "frozen"


def parts_of(module: nn.Module) -> list[tuple[str, int]]:
    """List what has weights: layers of plain sequences, whole modules elsewhere."""
    found = []
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential):
            below = [(f"{name}.{key}", part) for key, part in child.named_children()]
        else:
            below = [(name, child)]
        for each, part in below:
            parameters = sum(p.numel() for p in part.parameters())
            if parameters:
                found.append((each, parameters))
    return found


def thawed(
    network: Network,
    found: Sequence[tuple[str, int]],
    replaced: Sequence[str],
    thaw: Sequence[str] | None,
) -> set[str]:
    """Name the encoder's parts that are to be trained: those asked for, or its last fifth.

    Raises:
        SettingError: There is no such part.
    """
    encoder = [name for name, _ in found if name not in replaced and "classifier" not in name]
    if thaw is None:
        return set(encoder[-max(1, round(len(encoder) / 5)) :])
    unknown = [name for name in thaw if name not in encoder]
    if unknown or not thaw:
        raise SettingError(
            f"{network.title} has no part {unknown[0] if unknown else '(none named)'} to thaw; "
            f"choose from {', '.join(encoder)}."
        )
    return set(thaw)


def title(network: Network, form: Form, name: str) -> str:
    """Name a part for people."""
    if is_in(name, form.decoder):
        return "new decoder"
    return network.spec.title_of(name) or name


def is_in(name: str, group: str) -> bool:
    """Whether a dotted name is that of a part, or lies in it."""
    return name == group or name.startswith(f"{group}.")
