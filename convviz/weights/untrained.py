"""Untrained weights: random numbers, the same for the same seed; used only if named."""

from __future__ import annotations

from convviz.language import tr, trp
from convviz.networks.initial_weights import untrained
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import checkpoint
from convviz.weights.source import Source, SourceStatus, network_with


class Untrained(Source):
    """Random weights."""

    name = "random"

    def status(self, spec: NetworkSpec) -> SourceStatus:
        """See `Source.status`."""
        note = tr("random numbers, drawn when asked for")
        return SourceStatus(self.name, _title(), True, note=note)

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """See `Source.load`."""
        module = untrained(spec, seed)
        size, sha256 = checkpoint.fingerprint(module)
        return network_with(
            spec,
            module,
            source=self.name,
            title=_title(),
            training_set=tr("none (untrained)"),
            size=size,
            sha256=sha256,
            note=tr(
                "The network is untrained: its weights are random numbers, so there are no class "
                "predictions."
            ),
        )


def _title() -> str:
    return trp("weights", "Untrained")
