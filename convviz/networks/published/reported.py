"""What torchvision reports of its own ImageNet weights: accuracy, parameters, operations."""

from dataclasses import dataclass
from typing import Any

from torchvision.models import get_weight

from convviz.networks.network import NetworkSpec


@dataclass(frozen=True)
class Reported:
    """torchvision's published metadata of one set of weights.

    Attributes:
        top1: Share of ImageNet's validation images whose class comes first, in 0…1.
        top5: Share of them whose class is among the first five, in 0…1.
        parameters: Parameters, without auxiliary heads.
        gigamacs: Billions of multiply–accumulates, which torchvision calls GFLOPS.
    """

    top1: float
    top5: float
    parameters: int
    gigamacs: float


def reported(spec: NetworkSpec) -> Reported | None:
    """Return what torchvision reports of a network; None where it has no such weights."""
    if not spec.torchvision_weights:
        return None
    meta: dict[str, Any] = get_weight(spec.torchvision_weights).meta
    metrics = meta["_metrics"]["ImageNet-1K"]
    return Reported(
        top1=metrics["acc@1"] / 100,
        top5=metrics["acc@5"] / 100,
        parameters=meta["num_params"],
        gigamacs=meta["_ops"],
    )
