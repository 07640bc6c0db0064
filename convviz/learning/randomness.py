"""Random numbers of a training's own, so that trainings beside each other do not mix them up."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SeededDropout(nn.Module):
    """Dropout that draws from a generator of its own rather than from the global one.

    Args:
        share: Of the values that are set to zero, in 0…1.
        generator: Draws which.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Set values to zero while training, and scale up the others; of any shape."""
        if not self.training or self.share == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * kept.to(x) / (1 - self.share)


def seed_dropout(module: nn.Module, generator: torch.Generator) -> None:
    """Put seeded dropouts in the place of a module's own."""
    for part in module.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.Dropout):
                setattr(part, name, SeededDropout(child.p, generator))
