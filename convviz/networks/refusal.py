"""Why a network cannot be run on an image, in one sentence."""

from __future__ import annotations

from torch import nn

from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.networks.tracing import TraceError


def why_not(spec: NetworkSpec, size: int, error: TraceError) -> str:
    """Say in one sentence why a network cannot be run on an image of some size."""
    where = f"layer {spec.title_of(error.name) or error.name}" if error.name else "its forward()"
    needed = _pixels_needed(error.module)
    if len(error.shape) == 4 and min(error.shape[2:]) < needed:
        left = " × ".join(str(side) for side in error.shape[2:])
        return (
            f"{spec.title} needs a larger image than {size} × {size} pixels: {where} is left with "
            f"{left} of them and needs {needed} × {needed}."
        )
    line = f" ({found})" if (found := registry.place(error.cause)) else ""
    return (
        f"{spec.title} cannot be run on an image of 3 × {size} × {size} numbers: {where} fails"
        f"{line} with “{registry.reason(error.cause)}”."
    )


def _pixels_needed(module: nn.Module) -> int:
    """How many pixels in a row a convolution or pooling needs at least, those of padding less."""

    def widest(value: object) -> int:
        numbers = value if isinstance(value, tuple) else (value,)
        return max((number for number in numbers if isinstance(number, int)), default=0)

    reach = widest(getattr(module, "dilation", 1)) * (widest(getattr(module, "kernel_size", 1)) - 1)
    return reach + 1 - 2 * widest(getattr(module, "padding", 0))
