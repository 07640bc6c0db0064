"""Batch norms folded into the convolutions before them.

In eval mode a batch norm only scales and shifts each channel, so a convolution with other weights
and biases does both (Jacob et al. 2018, section 3.2). A step then runs two layers fewer wherever
there is one, forwards and backwards.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_weights

_SAME = 1e-4  # relative difference that float32 may make of it


def fold_norms(module: nn.Module, batch: Tensor) -> None:
    """Fold every batch norm that directly follows a convolution, in place.

    Nothing is changed where that would change the output.

    Args:
        module: In eval mode, and a clone, because its weights change.
        batch: An input to run it on, shape (N, 3, H, W).
    """
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return
    found, before = _pairs(module, batch)
    if not found:
        return
    kept = [(convolution, convolution.weight, convolution.bias) for convolution, _ in found]
    for convolution, norm in found:
        _fold(convolution, norm)
    with torch.no_grad():
        after = module(batch)
    # A convolution whose output something else reads as well must stay what it was.
    if not float((after - before).norm()) <= _SAME * float(before.norm()):
        for (convolution, norm), (_, weight, bias) in zip(found, kept, strict=True):
            convolution.weight, convolution.bias = weight, bias
            del vars(norm)["forward"]


def _pairs(
    module: nn.Module, batch: Tensor
) -> tuple[list[tuple[nn.Conv2d, nn.BatchNorm2d]], Tensor]:
    """Find the convolutions that run once, each with the norm that takes in its output.

    Returns:
        The pairs, and the module's output.
    """
    made: dict[int, nn.Conv2d] = {}
    outputs: list[Tensor] = []  # kept alive, so that no identity is given twice
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    runs: Counter[nn.Module] = Counter()

    def leave(part: nn.Conv2d, _inputs: Any, output: Tensor) -> None:
        runs[part] += 1
        outputs.append(output)
        made[id(output)] = part

    def enter(part: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        runs[part] += 1
        convolution = made.get(id(inputs[0]))
        if convolution is not None and part.running_mean is not None:
            found.append((convolution, part))

    handles = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            handles.append(part.register_forward_hook(leave))
        elif isinstance(part, nn.BatchNorm2d):
            handles.append(part.register_forward_pre_hook(enter))
    try:
        with torch.no_grad():
            output = module(batch)
    finally:
        for handle in handles:
            handle.remove()
    return [pair for pair in found if runs[pair[0]] == runs[pair[1]] == 1], output


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without statistics cannot be folded")
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    # The module stays where it is: a hook at it may be what ends the network there.
    vars(norm)["forward"] = _unchanged


def _unchanged(value: Tensor) -> Tensor:
    return value
