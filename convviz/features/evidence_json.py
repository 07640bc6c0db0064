"""Evidence for a class as plain values for JSON: the command line and the page write the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from convviz.features.class_target import ClassTarget
from convviz.features.grad_cam import ClassMap
from convviz.features.predictions import class_name
from convviz.features.saliency import Saliency
from convviz.features.score_before_softmax import probabilities
from convviz.networks.network import Network
from convviz.structure.layers import Layer

LISTED = 10
"""So many channels are listed, those that add most to the score first."""


def evidence_json(
    network: Network,
    target: ClassTarget,
    scores: Tensor,
    method: str,
    layer: Layer | None,
    map_: Tensor,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe a map of evidence.

    Args:
        network: The network.
        target: The class, or the two classes that are compared.
        scores: The scores of all classes, shape (1, classes).
        method: Name of the method.
        layer: Where the map is from; None for one of the pixels.
        map_: The map, shape (H, W).
        facts: What else the method has found.
    """
    return {
        "network": network.name,
        "weights": {"source": network.weights.source, "sha256": network.weights.sha256},
        "class": _class_json(network, target.index, scores),
        "against": None if target.against is None else _class_json(network, target.against, scores),
        "method": method,
        "layer": None if layer is None else layer.name,
        "shape": list(map_.shape),
        "max": float(map_.max()),
        **facts,
    }


def class_map_facts(class_map: ClassMap) -> dict[str, Any]:
    """List the channels that add most to the score."""
    contributions = class_map.contributions
    return {
        "channels": [
            {"channel": channel, "contribution": float(contributions[channel])}
            for channel in class_map.strongest(LISTED)
        ]
    }


def saliency_facts(saliency: Saliency) -> dict[str, Any]:
    """Say over how many samples it is, and how complete integrated gradients are."""
    facts: dict[str, Any] = {"samples": saliency.samples}
    if saliency.method == "integrated":
        facts["difference"] = saliency.difference
        facts["completeness_gap"] = saliency.completeness_gap
    return facts


def _class_json(network: Network, index: int, scores: Tensor) -> dict[str, Any]:
    return {
        "index": index,
        "label": class_name(network.weights.classes, index),
        "score": float(scores[0, index]),
        "probability": float(probabilities(network, scores)[0, index]),
    }
