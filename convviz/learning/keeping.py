"""What training changes in a module: copied, put back, and looked at for what is no number."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def trained(module: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: parameters that want gradients, and their batch norms' sums."""
    found: dict[str, Tensor] = {}
    for prefix, part in module.named_modules():
        own = {name: p for name, p in part._parameters.items() if p is not None and p.requires_grad}
        if own:
            own |= {name: b for name, b in part._buffers.items() if b is not None}
        found |= {f"{prefix}.{name}": value for name, value in own.items()}
    return found


def copy(module: nn.Module) -> dict[str, Tensor]:
    """Copy what training changes."""
    return {name: value.detach().clone() for name, value in trained(module).items()}


@torch.no_grad()
def restore(module: nn.Module, kept: dict[str, Tensor]) -> None:
    """Put copied values back."""
    for name, value in trained(module).items():
        value.copy_(kept[name])


def finite(module: nn.Module) -> bool:
    """Whether all that training changes are numbers."""
    return all(bool(value.isfinite().all()) for value in trained(module).values())
