"""Batch norms folded into the convolutions before them.

In eval mode a batch norm only scales and shifts each channel, so a convolution with other weights
and biases does both (Jacob et al. 2018, section 3.2). A step then runs two layers fewer wherever
there is one, forwards and backwards.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_weights

from convviz.structure.dataflow import norm_pairs
from convviz.structure.trace import record

_SAME = 1e-4  # relative difference that rounding to float32 may cause


def fold_norms(module: nn.Module, batch: Tensor) -> None:
    """Fold every batch norm that directly follows a convolution, in place.

    Nothing is changed where that would change the output.

    Args:
        module: In eval mode, and a clone, because its weights change.
        batch: An input to run it on, shape (N, 3, H, W).
    """
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return
    trace, reference = record(module, batch)
    pairs = norm_pairs(trace)
    if not pairs:
        return
    originals = [(convolution, convolution.weight, convolution.bias) for convolution, _ in pairs]
    for convolution, norm in pairs:
        _fold(convolution, norm)
    with torch.no_grad():
        output = module(batch)
    # A convolution whose output something else reads as well must stay what it was.
    if not float((output - reference).norm()) <= _SAME * float(reference.norm()):
        for (convolution, norm), (_, weight, bias) in zip(pairs, originals, strict=True):
            convolution.weight, convolution.bias = weight, bias
            del vars(norm)["forward"]


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
