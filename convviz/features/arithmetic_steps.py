"""The stages from the inputs of a layer to one number of its map.

Each stage ends in a number, `after`, with which the next one begins. Sums are computed in float64
from the same float32 numbers that the network used; the network rounds its sums to float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from convviz.structure.layers import Branch
from convviz.structure.ops import weight_of


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """A convolution's or linear layer's sum for one output number.

    Attributes:
        source: Dotted name of the layer that the inputs come from; "" for the image.
        first: Index of the first input channel that takes part; above 0 in grouped convolutions.
        patch: The inputs under the kernel, shape (C_in, h, w); 0 outside the map.
        inside: Which positions of the kernel lie on the map rather than its padding, shape (h, w).
        kernel: The weights, shape (C_in, h, w).
        bias: Added to the sum; 0 where the layer has none.
        has_bias: Whether the layer has a bias.
    """

    source: str
    first: int
    patch: Tensor
    inside: Tensor
    kernel: Tensor
    bias: float
    has_bias: bool

    @property
    def products(self) -> Tensor:
        """Input times weight, shape (C_in, h, w), float64."""
        return self.patch.double() * self.kernel.double()

    @property
    def contributions(self) -> Tensor:
        """Contribution of each input channel, shape (C_in,), float64."""
        return self.products.flatten(1).sum(1)

    def order(self) -> Tensor:
        """Order the input channels by the size of their contribution, shape (C_in,)."""
        return torch.sort(self.contributions.abs(), descending=True, stable=True).indices

    @property
    def after(self) -> float:
        """The sum."""
        return float(self.contributions.sum()) + self.bias


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pooling's result for one output number.

    Attributes:
        source: Dotted name of the layer that is pooled.
        kind: "maximum" or "average".
        window: The values of the window that lie on the map, shape (h, w).
        top: Row in the map of the window's first row.
        left: Column in the map of the window's first column.
        divisor: Divisor of an average; it may count padding.
    """

    source: str
    kind: str
    window: Tensor
    top: int
    left: int
    divisor: int

    @property
    def winner(self) -> tuple[int, int]:
        """Row and column in the map of the largest value; the first of equals."""
        row, column = divmod(int(self.window.argmax()), self.window.shape[1])
        return self.top + row, self.left + column

    @property
    def after(self) -> float:
        """The largest value, or the average."""
        if self.kind == "maximum":
            return float(self.window.max())
        return float(self.window.double().sum()) / self.divisor


@dataclass(frozen=True)
class Normalised:
    """Batch norm in eval mode: (before − mean) / √(variance + ε) · scale + shift."""

    before: float
    mean: float
    variance: float
    epsilon: float
    scale: float
    shift: float

    @property
    def spread(self) -> float:
        """Divisor of the number: √(variance + ε)."""
        return sqrt(self.variance + self.epsilon)

    @property
    def after(self) -> float:
        """The normalised number."""
        return (self.before - self.mean) / self.spread * self.scale + self.shift


@dataclass(frozen=True)
class Rectified:
    """A ReLU: the larger of the number and 0, and no more than 6 of a ReLU6.

    Attributes:
        before: The number.
        ceiling: The largest number that it lets through; None for no limit.
    """

    before: float
    ceiling: float | None = None

    @property
    def after(self) -> float:
        """The number that it lets through."""
        positive = max(0.0, self.before)
        return positive if self.ceiling is None else min(positive, self.ceiling)


@dataclass(frozen=True)
class BranchChoice:
    """A concatenation, which takes the number from one of its branches.

    Attributes:
        before: The branch's number.
        branch: The branch.
        channel: The channel's index within the branch.
    """

    before: float
    branch: Branch
    channel: int

    @property
    def after(self) -> float:
        """The same number."""
        return self.before


@dataclass(frozen=True)
class Identity:
    """A layer that passes its input on unchanged, as dropout does outside of training."""

    before: float
    kind: str

    @property
    def after(self) -> float:
        """The same number."""
        return self.before


@dataclass(frozen=True)
class Opaque:
    """A number that is not derived, because convviz does not know how its layer computes it."""

    after: float
    kind: str


Stage = WeightedSum | Pooled | Normalised | Rectified | BranchChoice | Identity | Opaque


def convolved(
    module: nn.Conv2d, maps: Tensor, source: str, channel: int, row: int, column: int
) -> WeightedSum:
    """Derive one output number of a convolution; `maps` is its input, shape (C_in, H, W)."""
    first, padded, on_map = padded_input(module, maps, channel)
    rows, columns = (
        slice(at * step, at * step + (size - 1) * gap + 1, gap)
        for at, step, size, gap in zip(
            (row, column), module.stride, module.kernel_size, module.dilation, strict=True
        )
    )
    return WeightedSum(
        source=source,
        first=first,
        patch=padded[:, rows, columns].clone(),
        inside=on_map[rows, columns],
        kernel=weight_of(module)[channel].float(),
        bias=0.0 if module.bias is None else float(module.bias[channel]),
        has_bias=module.bias is not None,
    )


def padded_input(module: nn.Conv2d, maps: Tensor, channel: int) -> tuple[int, Tensor, Tensor]:
    """Take the inputs of a convolution that one of its outputs looks at, and pad them.

    Args:
        module: The convolution.
        maps: Its input, shape (C_in, H, W).
        channel: Index of the output.

    Returns:
        Index of the first input channel that takes part; the padded maps of the channel's group;
        and where they hold the map itself, or what the padding takes over from it, rather than
        zeros of padding, shape (H, W).
    """
    per_group = module.in_channels // module.groups
    first = channel // (module.out_channels // module.groups) * per_group
    left, right, top, bottom = module._reversed_padding_repeated_twice
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    padding = (left, right, top, bottom)
    padded = nn.functional.pad(maps[None, first : first + per_group], padding, mode=mode)[0]
    on_map = nn.functional.pad(torch.ones(1, *maps.shape[1:]), padding)[0]
    return first, padded, on_map > 0 if mode == "constant" else torch.ones_like(on_map) > 0


def multiplied(
    module: nn.Linear, numbers: Tensor, shape: tuple[int, ...], source: str, channel: int
) -> WeightedSum:
    """Derive one output number of a linear layer.

    Args:
        module: The layer.
        numbers: Its input, shape (C_in,).
        shape: Of the maps that were flattened into the input, (C, H, W), so that each map counts as
            one input channel; or (C_in, 1, 1).
        source: Dotted name of the layer that the numbers come from.
        channel: Index of the output.
    """
    return WeightedSum(
        source=source,
        first=0,
        patch=numbers.reshape(shape).clone(),
        inside=torch.ones(shape[1:], dtype=torch.bool),
        kernel=weight_of(module)[channel].float().reshape(shape),
        bias=0.0 if module.bias is None else float(module.bias[channel]),
        has_bias=module.bias is not None,
    )


def normalised(module: nn.BatchNorm2d, before: float, channel: int) -> Normalised:
    """Derive the output of a batch norm that has the statistics of its training."""
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        raise ValueError("the batch norm takes its statistics from the image")
    return Normalised(
        before=before,
        mean=float(mean[channel]),
        variance=float(variance[channel]),
        epsilon=module.eps,
        scale=float(module.weight[channel]) if module.affine else 1.0,
        shift=float(module.bias[channel]) if module.affine else 0.0,
    )


_Adaptive = nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d


@dataclass(frozen=True)
class Pooling:
    """Which windows a pooling looks at.

    Attributes:
        kind: "maximum" or "average".
        rows: For each row of the output: start and end of its window on the map, and how many rows
            an average counts.
        columns: The same for each column.
        fixed: Divisor of every average; None for the number of positions that it counts.
    """

    kind: str
    rows: tuple[tuple[int, int, int], ...]
    columns: tuple[tuple[int, int, int], ...]
    fixed: int | None = None

    def divisor(self, row: int, column: int) -> int:
        """Return the divisor of the average at one position of the output."""
        return self.fixed or self.rows[row][2] * self.columns[column][2]


def pooling(module: nn.Module, size: tuple[int, int], shape: tuple[int, ...]) -> Pooling | None:
    """Find the windows of a pooling.

    Args:
        module: The pooling.
        size: Height and width of its input map.
        shape: Height and width of its output map.

    Returns:
        The windows; None for a pooling that is not known here, or that is dilated.
    """
    if isinstance(module, _Adaptive):
        kind = "average" if isinstance(module, nn.AdaptiveAvgPool2d) else "maximum"
        rows, columns = (
            tuple(_adaptive_window(index, length, count) for index in range(count))
            for length, count in zip(size, shape, strict=True)
        )
        return Pooling(kind, rows, columns)
    if isinstance(module, nn.MaxPool2d) and _pair(module.dilation) == (1, 1):
        kind, counts_padding, fixed = "maximum", False, None
    elif isinstance(module, nn.AvgPool2d):
        kind, counts_padding, fixed = "average", module.count_include_pad, module.divisor_override
    else:
        return None
    sizes, steps = _pair(module.kernel_size), _pair(module.stride or module.kernel_size)
    rows, columns = (
        tuple(
            _sliding_window(index, size, step, pad, length, counts_padding=counts_padding)
            for index in range(count)
        )
        for size, step, pad, length, count in zip(
            sizes, steps, _pair(module.padding), size, shape, strict=True
        )
    )
    return Pooling(kind, rows, columns, fixed)


def pooled(
    module: nn.Module, values: Tensor, shape: tuple[int, ...], source: str, row: int, column: int
) -> Pooled | None:
    """Derive one output number of a pooling.

    Args:
        module: The pooling.
        values: The channel's input map, shape (H, W).
        shape: Height and width of its output map.
        source: Dotted name of the layer that is pooled.
        row: Of the output number.
        column: Of the output number.

    Returns:
        The stage; None for a pooling that is not known here, or that is dilated.
    """
    height, width = values.shape
    windows = pooling(module, (height, width), shape)
    if windows is None:
        return None
    (top, bottom, _), (left, right, _) = windows.rows[row], windows.columns[column]
    window = values[top:bottom, left:right].clone()
    return Pooled(source, windows.kind, window, top, left, windows.divisor(row, column))


def _adaptive_window(index: int, length: int, count: int) -> tuple[int, int, int]:
    start, end = index * length // count, -(-(index + 1) * length // count)
    return start, end, end - start


def _sliding_window(
    index: int, size: int, step: int, pad: int, length: int, *, counts_padding: bool
) -> tuple[int, int, int]:
    """Give a window's start and end on the map, and how many positions an average counts."""
    start = index * step - pad
    end = min(start + size, length + pad)
    first, last = max(0, start), min(end, length)
    return first, last, end - start if counts_padding else last - first


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
