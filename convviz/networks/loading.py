"""Load a network: build it and give it weights."""

from __future__ import annotations

from collections.abc import Callable

from convviz.errors import WeightsError
from convviz.networks import registry
from convviz.networks.registry import Network
from convviz.networks.untrained import untrained
from convviz.networks.weights import Weights


def load(
    name: str,
    weights: str = "auto",
    *,
    fetch: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Network:
    """Load a network; for now with untrained weights only."""
    spec = registry.spec(name)
    if weights != "random":
        raise WeightsError("Only untrained weights are here for now: choose random.")
    module = untrained(spec, seed=0)
    size = spec.input_size
    return Network(
        spec,
        module,
        Weights("random", "Untrained", "none (untrained)", True, 0, "", (), size, size * 8 // 7),
    )
