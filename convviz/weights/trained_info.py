"""Networks that somebody trained with convviz: what is known of them, and those in memory.

`keep` makes a network one more source of weights for `load`, as long as the program runs. Their
files are read and written by `saved`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch

from convviz.networks import registry
from convviz.networks.decoders import Form
from convviz.networks.network import Network, Weights

PREFIX = "trained-"


"""How the source of weights begins that stands for a network trained here."""


_KEPT, _KEPT_BYTES = 24, 600_000_000


@dataclass(frozen=True)
class About:
    """What a file of trained weights says of itself.

    Attributes:
        network: Name of the network it was made from.
        form: How it is put together.
        input_size: Side of the pictures it was trained on, in pixels.
        training_set: What it was trained on.
        note: One sentence on how well it does.
        accuracy: Share of its validation pictures named rightly.
        options: What its network was built with besides (see `NetworkSpec.imagenet_options`).
    """

    network: str
    form: Form
    input_size: int
    training_set: str
    note: str
    accuracy: float
    options: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name for people."""
        return f"Yours: {self.training_set}, {self.accuracy:.0%}"


def source_of(sha256: str) -> str:
    """Name the source of weights that a file of this checksum is."""
    return f"{PREFIX}{sha256[:12]}"


def describe(module: torch.nn.Module, about: About, data: bytes) -> Network:
    """Put a trained network together with what is known of it."""
    checksum = hashlib.sha256(data).hexdigest()
    weights = Weights(
        source=source_of(checksum),
        title=about.title,
        training_set=about.training_set,
        has_decoder=True,
        bytes=len(data),
        sha256=checksum,
        classes=about.form.classes,
        input_size=about.input_size,
        resize=about.input_size,
        note=about.note,
    )
    return Network(registry.spec(about.network), module, weights)


def keep(network: Network) -> str:
    """Remember a trained network, so that `load` finds it; returns the source of its weights.

    Only so many are remembered, and the one that was asked for longest ago goes first.
    """
    source = network.weights.source
    with _lock:
        _kept[source] = network
        _kept.move_to_end(source)
        while len(_kept) > _KEPT or sum(n.weights.bytes for n in _kept.values()) > _KEPT_BYTES:
            if len(_kept) == 1:
                break
            _kept.popitem(last=False)
    return source


def find(source: str) -> Network | None:
    """Return a network that was kept; None if it was never here or has been let go."""
    with _lock:
        found = _kept.get(source)
        if found is not None:
            _kept.move_to_end(source)
    return found


_kept: OrderedDict[str, Network] = OrderedDict()


_lock = threading.Lock()
