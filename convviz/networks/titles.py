"""Titles and stages of layers, read from the modules that they stand in.

A network's *blocks* are its outermost modules with a forward pass of their own: ResNet's
`layer1.0`, EfficientNet's `features.3.0`. What only holds others in a row (a Sequential) is none,
nor is a module that holds nearly the whole network, such as a transformer's encoder. A layer is
called by its block and, within that, by its name or, where that is a number, by its kind:
`layer1.0 · conv1`, `features.3.0 · block.conv2`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import nn

from convviz.language import later, tr

ENCODER, DECODER = later("encoder"), later("decoder")
STEM, CLASSIFIER = later("stem"), later("classifier")
_BLOCK = re.compile(r"block (\d+)")

_ROWS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_NEARLY_ALL = 0.85  # of the modules without parts

_KINDS: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.Conv2d, "conv"),
    (nn.BatchNorm2d, "bn"),
    (nn.LayerNorm, "norm"),
    (nn.ReLU, "relu"),
    (nn.MaxPool2d, "pool"),
    (nn.AvgPool2d, "pool"),
    (nn.AdaptiveAvgPool2d, "pool"),
    (nn.Dropout, "dropout"),
    (nn.Linear, "fc"),
)


def short_kind(part: nn.Module) -> str:
    """Name a module's kind in a short word: "conv", "fc"."""
    kinds = (kind for classes, kind in _KINDS if isinstance(part, classes))
    return next(kinds, type(part).__name__.lower())


def block_stage(number: int) -> str:
    """Name the stage that is a network's block of this number."""
    return f"block {number}"


def stage_text(stage: str) -> str:
    """Tell a stage in the reader's language; a module's name stays as it is.

    Args:
        stage: As a `Layer` has it.
    """
    if match := _BLOCK.fullmatch(stage):
        return tr("block {number}", number=match[1])
    return tr(stage) if stage in {ENCODER, DECODER, STEM, CLASSIFIER} else stage


class TitledNetwork:
    """Builds a network, and gives its layers titles and stages by its modules.

    Args:
        build: Builds the network; takes `num_classes`.
    """

    def __init__(self, build: Callable[..., nn.Module]) -> None:
        self._build = build
        self._names: dict[str, tuple[str | None, str | None]] = {}

    # The parameter has to stand here: `registry.takes_classes` looks for it.
    def build(self, *, num_classes: int = 1000, **options: Any) -> nn.Module:
        """Build the network."""
        module = self._build(num_classes=num_classes, **options)
        if not self._names:
            self._names = titles_of(module)
        return module

    def title(self, name: str) -> str | None:
        """Return a layer's title; None where its dotted name is used."""
        return self._known(name)[0]

    def stage(self, name: str) -> str | None:
        """Name the stage that a layer belongs to; None for a layer of the network's own."""
        return self._known(name)[1]

    def _known(self, name: str) -> tuple[str | None, str | None]:
        if not self._names:
            self.build()
        return self._names.get(name, (None, None))


def titles_of(module: nn.Module) -> dict[str, tuple[str | None, str | None]]:
    """Find the title and the stage of every module of a network, by dotted name.

    A stage is the outermost module around a layer that does not hold nearly the whole network;
    what stands between two of them belongs to the one before it.
    """
    parts = dict(module.named_modules())
    leaves = [name for name, part in parts.items() if next(part.children(), None) is None]
    inside = Counter(around for leaf in leaves for around in _around(leaf))
    large = {name for name, count in inside.items() if count > _NEARLY_ALL * len(leaves)}
    stages: dict[str, str | None] = {}
    last: dict[str, str] = {}  # the stage before, in each large module
    for name in parts:
        around = [*_around(name), *([] if name in leaves else [name])]
        stage = next((each for each in around if each not in large), None)
        parent = name.rpartition(".")[0]
        if stage is None:  # it stands in large modules only
            stage = last.get(parent, parent) if parent else None
        else:
            last[stage.rpartition(".")[0]] = stage
        stages[name] = stage
    titles: dict[str, str] = {}
    labels = {leaf: _label(leaf, parts, large) for leaf in leaves}
    counts, numbers = Counter(labels.values()), Counter[tuple[str, str]]()
    for leaf, (block, label) in labels.items():
        numbers[block, label] += 1
        number = str(numbers[block, label]) if counts[block, label] > 1 else ""
        if block:
            titles[leaf] = f"{block} · {label}{number}"
    unique = Counter(titles.values())
    titles = {leaf: title for leaf, title in titles.items() if unique[title] == 1}
    return {name: (titles.get(name), stages[name]) for name in parts}


def _around(name: str) -> list[str]:
    """List the modules that a module stands in, from outside; without the network itself."""
    words = name.split(".")
    return [".".join(words[:length]) for length in range(1, len(words))]


def _label(leaf: str, parts: dict[str, nn.Module], large: set[str]) -> tuple[str, str]:
    """Name the block of a module without parts, and the module within it."""
    blocks = (n for n in _around(leaf) if n not in large and not isinstance(parts[n], _ROWS))
    block = next(blocks, leaf.rpartition(".")[0])
    *before, name = leaf[len(block) :].lstrip(".").split(".")
    words = [word for word in before if not word.isdigit()]
    if name.isdigit():
        name = short_kind(parts[leaf])
        words = words[:-1] if words[-1:] == [name] else words
    return block, ".".join((*words, name))
