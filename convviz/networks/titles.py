"""What people call the layers of the built-in networks.

AlexNet counts its convolutions: conv1, relu1, pool1, conv2 … VGG counts blocks that end with a
pooling, and convolutions within them: conv3_2 is the second of block 3 (the names of Caffe's model
definitions, which the literature uses). GoogLeNet's are torchvision's module names but for the
parts of its Inception modules, which are called by what they compute.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from torch import nn

CLASSIFIER = "classifier"

_PREFIXES: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.Conv2d, "conv"),
    (nn.BatchNorm2d, "bn"),
    (nn.ReLU, "relu"),
    (nn.MaxPool2d, "pool"),
    (nn.Dropout, "dropout"),
    (nn.Linear, "fc"),
)

_INCEPTION = {
    "branch1": "1×1",
    "branch2.0": "3×3 reduce",
    "branch2.1": "3×3",
    "branch3.0": "5×5 reduce",
    "branch3.1": "“5×5” (3×3 here)",
    "branch4.0": "pool",
    "branch4.1": "pool projection",
}
_BRANCHES = {"branch1": "1×1", "branch2.1": "3×3", "branch3.1": "“5×5”", "branch4.1": "pool"}
_GOOGLENET = {
    "conv1": "conv1",
    "conv2": "conv2 (1×1)",
    "conv3": "conv3 (3×3)",
    **{f"maxpool{number}": f"pool{number}" for number in (1, 2, 3, 4)},
}


class Numbered:
    """Titles and stages of a network of numbered convolutions: AlexNet and the VGGs.

    Args:
        build: Makes the network, with a Sequential `features` and a Sequential `classifier`.
        blocks: Whether convolutions are counted within blocks that end with a pooling.
    """

    def __init__(self, build: Callable[[], nn.Module], *, blocks: bool) -> None:
        self._build = build
        self._blocks = blocks

    def title(self, name: str) -> str | None:
        """Give a layer's title, or None where its dotted name will do."""
        return self._found[name][0] if name in self._found else None

    def stage(self, name: str) -> str:
        """Name the block that a layer belongs to."""
        return self._found[name][1] if name in self._found else CLASSIFIER

    @functools.cached_property
    def _found(self) -> dict[str, tuple[str, str]]:
        network = self._build()
        found: dict[str, tuple[str, str]] = {}
        block, within, closed = 0, 0, True
        for name, part in network.get_submodule("features").named_children():
            prefix = _prefix(part)
            if prefix == "conv":
                block, within = (
                    (block, within + 1) if self._blocks and not closed else (block + 1, 1)
                )
            closed = prefix == "pool"
            number = f"{block}_{within}" if self._blocks and not closed else str(block)
            found[f"features.{name}"] = (f"{prefix}{number}", f"block {block}")
        for name, part in network.get_submodule("classifier").named_children():
            # Dropout comes before its linear layer in AlexNet and after it in VGG; there as in
            # Caffe's definitions it bears the number of the layer it acts on in its own network.
            prefix = _prefix(part)
            block += prefix == "fc"
            number = str(block + (prefix == "dropout" and not self._blocks))
            found[f"classifier.{name}"] = (f"{prefix}{number}", CLASSIFIER)
        return found


def _prefix(part: nn.Module) -> str:
    return next(prefix for kind, prefix in _PREFIXES if isinstance(part, kind))


def googlenet_title(name: str) -> str | None:
    """Give a layer of GoogLeNet its title: "inception4a · 3×3"."""
    if found := re.fullmatch(r"(inception\d[a-e])\.(branch\d(?:\.\d)?)", name):
        module, part = found.groups()
        return f"{module} · {_INCEPTION[part]}"
    return _GOOGLENET.get(name)


def googlenet_branch(name: str) -> str | None:
    """Give the last layer of a branch of an Inception module its short title: "3×3"."""
    return _BRANCHES.get(name.partition(".")[2])


def googlenet_stage(name: str) -> str:
    """Name the stage of a layer of GoogLeNet: its Inception module, "stem" or "classifier"."""
    first = name.partition(".")[0]
    if first.startswith("inception"):
        return first
    if first in ("avgpool", "dropout", "fc"):
        return CLASSIFIER
    return _GOOGLENET[first] if first in ("maxpool3", "maxpool4") else "stem"
