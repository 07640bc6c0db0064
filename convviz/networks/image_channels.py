"""How many channels an image has for a network: three colours, or one grey.

Networks of handwritten digits, X-rays and microscopes take images of one channel. That is found
from the network itself, so that nobody has to say it.
"""

from __future__ import annotations

from dataclasses import is_dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from convviz.errors import NetworkError
from convviz.language import tr
from convviz.networks.clone import clone, per_module
from convviz.networks.network import NetworkSpec

_MOST = 4  # channels of an image; what takes more is no first convolution


def image_channels(module: nn.Module, side: int | None = None) -> int:
    """Return how many channels the images have that a network takes.

    They are three if any convolution takes three, or a kernel that is a parameter by itself; else
    as many as the first convolution takes that takes at most four. Where both one and three are
    possible, and where there are no convolutions, those count with which it runs, if the side is
    known.

    Args:
        module: The network.
        side: Of its square input, in pixels.
    """
    taken = [part.in_channels for part in module.modules() if isinstance(part, nn.Conv2d)]
    is_three = 3 in taken or 3 in _of_kernels_of_their_own(module)
    if side is not None and (not taken or (is_three and 1 in taken)):
        return _by_running(module, side)
    return 3 if is_three else next((count for count in taken if 0 < count <= _MOST), 3)


@per_module()
def _by_running(module: nn.Module, side: int) -> int:
    return 1 if not _runs(module, 3, side) and _runs(module, 1, side) else 3


def _runs(module: nn.Module, channels: int, side: int) -> bool:
    """Whether a network makes one result of one image of so many channels."""
    own = next((each.device.type for each in module.parameters()), "cpu")
    # Without numbers, if it does not read them.
    copies = ((clone(module, device=device), device or own) for device in ("meta", None))
    results = (_results(copy, channels, side, device) for copy, device in copies)
    return next((count for count in results if count is not None), 0) == 1


def _results(copy: nn.Module, channels: int, side: int, device: str) -> int | None:
    """Count what a network makes of one image; None if it fails."""
    dtype = next((each.dtype for each in copy.parameters()), torch.float32)
    try:
        with torch.no_grad(), torch.device(device):
            output = copy(torch.zeros(1, channels, side, side, dtype=dtype))
    except (Exception, SystemExit):  # noqa: BLE001 - a user's forward() may raise anything
        return None
    held = tree_leaves(vars(output) if is_dataclass(output) else output)
    first = next((each for each in held if isinstance(each, Tensor)), None)
    return 0 if first is None or not first.dim() else first.shape[0]


def _of_kernels_of_their_own(module: nn.Module) -> list[int]:
    """Return the input channels of kernels that are no layer's, but used by forward() itself."""
    return [
        kernels.shape[1]
        for part in module.modules()
        if not isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
        for kernels in part.parameters(recurse=False)
        if kernels.dim() == 4
    ]


def fitted(spec: NetworkSpec, module: nn.Module) -> NetworkSpec:
    """Return a network's description with a mean and a deviation of one number, if it takes grey.

    Three different numbers are averaged.
    """
    if image_channels(module, spec.input_size) != 1 or len(spec.mean) == len(spec.std) == 1:
        return spec
    mean, std = (
        (values[0] if len(set(values)) == 1 else sum(values) / len(values),)
        for values in (spec.mean, spec.std)
    )
    return replace(spec, mean=mean, std=std)


def check_channels(spec: NetworkSpec, module: nn.Module) -> None:
    """Check that pictures can be given to a network.

    Raises:
        NetworkError: Its images have neither one channel nor three.
    """
    count = image_channels(module, spec.input_size)
    if count not in (1, 3):
        raise NetworkError(
            tr(
                "{title} takes images of {count} channels, and a picture has three colours or is "
                "grey: which of them would be which is not known; put a layer before it that makes "
                "{count} channels of three.",
                title=spec.title,
                count=count,
            )
        )
    if count == 3 and (len(spec.mean) == 1 or len(spec.std) == 1):
        raise NetworkError(
            tr(
                "{title} takes images of three colours, so mean and std need three numbers each.",
                title=spec.title,
            )
        )
