"""The fast device and the fast precision of this machine, and running a network in a precision.

float32 always means what PyTorch means by it: on NVIDIA GPUs convolutions may round their inputs to
TF32, unless `torch.backends.cudnn.allow_tf32` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch
from torch import nn

from convviz import limits
from convviz.errors import SettingError
from convviz.language import tr

Precision = Literal["auto", "float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "bfloat16")

_CPU = torch.device("cpu")

# What bfloat16 speeds up; everything else keeps its float32 weights (batch norms need them).
_HEAVY = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def best_device() -> torch.device:
    """Return the device that optimisations run on.

    That is CONVVIZ_DEVICE if it is set; else a CUDA GPU if there is one, else Apple's, else the
    CPU.

    Raises:
        SettingError: The variable names a device that this machine does not have.
    """
    name = limits.device()
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return _CPU
    chosen = torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here = {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": count > 0}
    if not here[chosen.type] or (chosen.index or 0) >= max(1, count):
        raise SettingError(
            tr(
                "{device} is set to {name}, which PyTorch does not find on this machine: set "
                "it to auto or cpu, or install a PyTorch that is built for it.",
                device=limits.DEVICE,
                name=name,
            )
        )
    return chosen


def title(device: torch.device) -> str:
    """Name a device for people."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA)"
    return tr("Apple’s GPU (MPS)") if device.type == "mps" else tr("this machine’s processor")


def memory_short(device: torch.device, side: int, smallest: int) -> str:
    """Say that a device has not enough memory for an optimisation, and suggest a smaller image.

    Args:
        device: The device.
        side: Side of the image, in pixels.
        smallest: The smallest side that makes sense.
    """
    on_gpu = device.type in ("cuda", "mps")
    half = max(smallest, side // 2)
    if half >= side:
        if on_gpu:
            return tr(
                "The GPU has not enough free memory for an image of {side} × {side} pixels at "
                "this layer: an earlier layer takes less too.",
                side=side,
            )
        return tr(
            "This machine has not enough free memory for an image of {side} × {side} pixels at "
            "this layer: an earlier layer takes less too.",
            side=side,
        )
    times_less = (side / half) ** 2
    if on_gpu:
        return tr(
            "The GPU has not enough free memory for an image of {side} × {side} pixels at "
            "this layer: an image of {half} pixels takes about {factor:.0f} times less; "
            "an earlier layer takes less too.",
            side=side,
            half=half,
            factor=times_less,
        )
    return tr(
        "This machine has not enough free memory for an image of {side} × {side} pixels at "
        "this layer: an image of {half} pixels takes about {factor:.0f} times less; "
        "an earlier layer takes less too.",
        side=side,
        half=half,
        factor=times_less,
    )


def use_threads(count: int) -> None:
    """Let the calling thread's operations use so many threads; a worker of a cluster calls it."""
    torch.set_num_threads(max(1, count))


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let the calling thread's operations use so many threads for a while; None changes nothing."""
    before = torch.get_num_threads()
    if count is not None:
        use_threads(count)
    try:
        yield
    finally:
        use_threads(before)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bfloat16: AMX or AVX512-BF16, or CUDA's."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # These queries are private in PyTorch; a version without them counts as no.
    queries = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return device.type == "cpu" and any(
        bool(getattr(torch.cpu, name, lambda: False)()) for name in queries
    )


def fast_dtype(device: torch.device = _CPU) -> torch.dtype:
    """Return bfloat16 where the device has instructions for it, else float32."""
    return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32


def resolve(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the type of number that a precision means; "auto" is the device's fast one."""
    if precision == "auto":
        return fast_dtype(device)
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which the calling thread runs networks in a precision."""
    if dtype == torch.float32:
        return nullcontext()
    # The weights are converted once, by `convert`: there is nothing to cache between two calls.
    return torch.autocast(device.type, dtype, cache_enabled=False)


def convert(module: nn.Module, names: set[str], dtype: torch.dtype) -> None:
    """Convert the weights of a network's convolutions and linear layers in place.

    Args:
        module: A clone that belongs to the caller: its weights change.
        names: Dotted names of the modules that run; the others stay as they are.
        dtype: What to convert to.
    """
    for name, part in module.named_modules():
        if isinstance(part, _HEAVY) and name in names:
            part.to(dtype)


def channels_last(module: nn.Module) -> nn.Module:
    """Bring a network's kernels into the order of memory in which convolutions are fastest.

    A network with kernels of three dimensions, for which PyTorch has another order, stays as it is.
    """
    if any(tensor.dim() == 5 for tensor in (*module.parameters(), *module.buffers())):
        return module
    return module.to(memory_format=torch.channels_last)
