"""The arithmetic of a whole map: what a window that slides over a layer's input computes.

`arithmetic` takes one number apart. Here is what the numbers of all positions are made of, so that
a reader can move the window without another pass of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.features.arithmetic import Derivation, Unit, run_with_input
from convviz.features.arithmetic_steps import Pooled, Stage, WeightedSum, padded_input, pooling
from convviz.features.capture import input_for
from convviz.networks.network import Network
from convviz.structure.layers import check_channel, layer

MOST_BYTES = 1 << 21  # of input maps in float32; what goes beyond is given as its sum

Taps = tuple[int, int, int]  # first position on the padded input, how many, distance between two


@dataclass(frozen=True, eq=False)
class SlidingWindow:
    """The windows of all positions of one channel's map, and what is computed from them.

    Attributes:
        source: Dotted name of the layer that the inputs come from; "" for the image.
        kind: "sum" of products, or the "maximum" or "average" of a pooling's window.
        channels: Index of each input channel that is given, shape (K,) as a tuple.
        inputs: Their maps with padding, shape (K, H, W).
        on_map: Where the inputs hold the map rather than zeros of padding, shape (H, W).
        padding: Rows above, columns to the left, rows below and columns to the right of the map.
        rows: For each row of the channel's map, the rows of the input that its windows take.
        columns: The same for each column.
        kernel: The weights, shape (K, h, w); shape (K, 0, 0) in a pooling.
        bias: Added to the sum; None where the layer has none.
        others: Number of input channels that are not given.
        rest: What these add together at each position, shape (H', W'), float64.
        divisors: Of an average at each position, shape (H', W').
        after: The stages that follow the sum or pooling, each as it would treat 0.
        numbers: The channel's map, shape (H', W').
    """

    source: str
    kind: str
    channels: tuple[int, ...]
    inputs: Tensor
    on_map: Tensor
    padding: tuple[int, int, int, int]
    rows: tuple[Taps, ...]
    columns: tuple[Taps, ...]
    kernel: Tensor
    bias: float | None
    others: int
    rest: Tensor
    divisors: Tensor
    after: tuple[Stage, ...]
    numbers: Tensor


def sliding_window(
    network: Network,
    image: Image.Image,
    layer_name: str,
    channel: int,
    most_bytes: int = MOST_BYTES,
) -> SlidingWindow | None:
    """Find what the numbers of a channel's map are computed from.

    Args:
        network: The network.
        image: The image.
        layer_name: Dotted name of the layer.
        channel: The map's channel.
        most_bytes: How large the input maps may be; of more, those are given that add most over the
            whole map, at least one.

    Returns:
        The windows; None where the layer's way of computing is not known here.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The layer has no such channel.
    """
    target = layer(network, layer_name)
    check_channel(target.shape, channel)
    if target.name != target.module:
        return None
    derivation = Derivation(network)
    unit, stages_after = derivation.to_the_first(Unit(target.name, channel, 0, 0))
    batch = input_for(network, image)
    inputs, output = run_with_input(network.module, batch, target.name, unit.name)
    numbers = output[channel].float().reshape(output.shape[1:] or (1, 1))
    first = derivation.first(unit, inputs)
    stages = tuple(stage(0.0) for stage in stages_after)
    module = derivation.module(unit.name)
    match first:
        case WeightedSum():
            return _sums(first, module, inputs, unit.channel, numbers, stages, most_bytes)
        case Pooled():
            shape = derivation.map_shape(unit.name)
            return _pools(first, module, inputs, unit, shape, numbers, stages)
    return None


def _sums(
    first: WeightedSum,
    module: nn.Module,
    inputs: Tensor,
    channel: int,
    numbers: Tensor,
    stages: tuple[Stage, ...],
    most_bytes: int,
) -> SlidingWindow:
    """Give the windows of a convolution, or the only one of a linear layer."""
    kernel = first.kernel
    if isinstance(module, nn.Conv2d):
        _, padded, on_map = padded_input(module, inputs, channel)
        left, right, top, bottom = module._reversed_padding_repeated_twice
        stride, dilation = (_two(step) for step in (module.stride, module.dilation))
    else:
        padded, on_map = first.patch, first.inside
        left = right = top = bottom = 0
        stride = dilation = (1, 1)
    rows, columns = (
        tuple((at * step, taps, gap) for at in range(count))
        for count, step, taps, gap in zip(
            numbers.shape, stride, kernel.shape[1:], dilation, strict=True
        )
    )
    given, left_out = _strongest(padded, kernel, stride, dilation, most_bytes)
    rest = torch.zeros(numbers.shape, dtype=torch.float64)
    if left_out:
        rest = nn.functional.conv2d(
            padded[left_out].double()[None],
            kernel[left_out].double()[None],
            stride=stride,
            dilation=dilation,
        )[0, 0]
    return SlidingWindow(
        source=first.source,
        kind="sum",
        channels=tuple(first.first + index for index in given),
        inputs=padded[given],
        on_map=on_map,
        padding=(top, left, bottom, right),
        rows=rows,
        columns=columns,
        kernel=kernel[given],
        bias=first.bias if first.has_bias else None,
        others=len(left_out),
        rest=rest,
        divisors=torch.ones(numbers.shape, dtype=torch.int64),
        after=stages,
        numbers=numbers,
    )


def _strongest(
    padded: Tensor,
    kernel: Tensor,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    most_bytes: int,
) -> tuple[list[int], list[int]]:
    """Divide the input channels into those that are given, in their order, and the others."""
    count, bytes_each = len(padded), 4 * prod(padded.shape[1:])
    room = max(1, most_bytes // max(1, bytes_each))
    if count <= room:
        return list(range(count)), []
    added = nn.functional.conv2d(
        padded[None], kernel[:, None], stride=stride, dilation=dilation, groups=count
    )[0]
    order = torch.sort(added.abs().sum((1, 2)), descending=True, stable=True).indices.tolist()
    return sorted(order[:room]), sorted(order[room:])


def _pools(
    first: Pooled,
    module: nn.Module,
    inputs: Tensor,
    unit: Unit,
    shape: tuple[int, ...],
    numbers: Tensor,
    stages: tuple[Stage, ...],
) -> SlidingWindow | None:
    """Give the windows of a pooling; of a flattened map, the one that a number comes from."""
    height, width = inputs.shape[1:]
    windows = pooling(module, (height, width), shape)
    if windows is None:
        return None
    at_rows, at_columns = range(numbers.shape[0]), range(numbers.shape[1])
    if numbers.shape != shape:
        at_rows = range(unit.row, unit.row + 1)
        at_columns = range(unit.column, unit.column + 1)
    divisors = [[windows.divisor(row, column) for column in at_columns] for row in at_rows]
    rows, columns = (
        tuple((axis[at][0], axis[at][1] - axis[at][0], 1) for at in positions)
        for axis, positions in ((windows.rows, at_rows), (windows.columns, at_columns))
    )
    return SlidingWindow(
        source=first.source,
        kind=first.kind,
        channels=(unit.channel,),
        inputs=inputs[unit.channel][None],
        on_map=torch.ones(height, width, dtype=torch.bool),
        padding=(0, 0, 0, 0),
        rows=rows,
        columns=columns,
        kernel=torch.zeros(1, 0, 0),
        bias=None,
        others=0,
        rest=torch.zeros(numbers.shape, dtype=torch.float64),
        divisors=torch.tensor(divisors),
        after=stages,
        numbers=numbers,
    )


def _two(pair: tuple[int, ...]) -> tuple[int, int]:
    return pair[0], pair[1]
