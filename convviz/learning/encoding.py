"""A frozen encoder's features: computed once, and used in every epoch.

They are kept standardised, each value to mean 0 and standard deviation 1 over the training
pictures, which makes a decoder learn in far fewer steps. `fold` puts the same arithmetic into the
trained decoder's first layer, so that it takes features as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models import VGG, AlexNet, GoogLeNet

from convviz.datasets.labelled_set import to_input
from convviz.networks.clone import clone
from convviz.networks.decoders import PooledNetwork, put

_BATCH = 16


def trunk(module: nn.Module, head: str) -> nn.Module:
    """Return a network without its head: it maps a batch to what the head would take in."""
    copied = clone(module)
    put(copied, head, nn.Identity())
    return copied.to(memory_format=torch.channels_last)


def cut(module: nn.Module, trained: Sequence[str]) -> tuple[nn.Module, nn.Module] | None:
    """Cut a network in two before the first part that is trained; both halves share its weights.

    Args:
        module: The network.
        trained: Dotted names of the parts that are trained.

    Returns:
        What comes before, whose output can be kept, and the rest; None where nothing comes before,
        or where the network is no plain sequence that convviz knows.
    """
    steps = list(_in_sequence(module))
    first = next((k for k, (name, _) in enumerate(steps) if name in trained), 0)
    if not first:
        return None
    parts = [part for _, part in steps]
    return nn.Sequential(*parts[:first]).eval(), nn.Sequential(*parts[first:])


def _in_sequence(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """List a network's parts with their names, if it runs them one after the other."""
    if isinstance(module, PooledNetwork):
        yield from ((f"features.{name}", part) for name, part in module.features.named_children())
        yield from (("pool", module.pool), ("", nn.Flatten(1)), ("decoder", module.decoder))
    elif isinstance(module, AlexNet | VGG):
        yield from ((f"features.{name}", part) for name, part in module.features.named_children())
        yield from (("avgpool", module.avgpool), ("", nn.Flatten(1)))
        named = module.classifier.named_children()
        yield from ((f"classifier.{name}", part) for name, part in named)
    elif isinstance(module, GoogLeNet) and not module.transform_input:
        for name, part in module.named_children():
            yield name, part
            if name == "avgpool":
                yield "", nn.Flatten(1)


def encode(
    encoder: nn.Module,
    pixels: Tensor,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    dtype: torch.dtype,
) -> Iterator[tuple[int, Tensor]]:
    """Run an encoder over pictures, (N, 3, H, W) uint8, a few at a time.

    Yields:
        How many are done, and the newest features, (n, …) float32.
    """
    for start in range(0, len(pixels), _BATCH):
        batch = to_input(pixels[start : start + _BATCH], mean, std)
        batch = batch.contiguous(memory_format=torch.channels_last)
        with (
            torch.no_grad(),
            torch.autocast("cpu", dtype, enabled=dtype != torch.float32),
        ):
            features = encoder(batch).float()
        yield start + len(batch), features


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """How features were standardised.

    Attributes:
        mean: Of each value over the training pictures, (D,).
        deviation: Standard deviation of each, (D,); 1 where a value never changes.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, features: Tensor) -> FeatureScale:
        """Measure training features, (N, D)."""
        deviation = features.std(0, correction=0)
        return cls(features.mean(0), torch.where(deviation > 1e-6, deviation, 1.0))

    def apply(self, features: Tensor) -> Tensor:
        """Standardise features, (N, D)."""
        return (features - self.mean) / self.deviation

    @torch.no_grad()
    def fold(self, head: nn.Module) -> None:
        """Put the arithmetic into a head's first fully connected layer, in place."""
        first = next(part for part in head.modules() if isinstance(part, nn.Linear))
        first.weight.div_(self.deviation)
        first.bias.sub_(first.weight @ self.mean)
