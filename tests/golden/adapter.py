"""All that the golden tests use of convviz: where a name moves, this module alone is edited.

What is returned is plain (numbers, strings, lists, dictionaries), under names that belong to the
golden files and stay when convviz' own names change.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn

from convviz import cli, errors
from convviz.datasets.class_folders import from_zip
from convviz.datasets.labelled_set import split
from convviz.features.capture import input_for
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.learning.transfer import to_bytes
from convviz.networks import registry
from convviz.networks.decoders import EncoderOnly
from convviz.networks.image_channels import image_channels
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.networks.registry import spec as network_spec
from convviz.reconstruction import folding
from convviz.structure import costs, dataflow
from convviz.structure import costs as layer_fields
from convviz.structure import trace as tracer
from convviz.structure.axis import Axis
from convviz.structure.layers import layers as network_layers
from convviz.structure.receptive_field import ReceptiveField
from convviz.weights import trained
from convviz.weights.load import open_saved as open_trained


def run_command(arguments: list[str]) -> dict[str, Any]:
    """Run a command; returns its exit status and what it wrote to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(arguments)
    return {"status": status, "stdout": out.getvalue(), "stderr": err.getvalue()}


@contextlib.contextmanager
def users_file(path: Path) -> Iterator[None]:
    """Let a user's file register its networks, and forget them afterwards."""
    with (
        mock.patch.object(registry, "_specs", dict(registry._specs)),
        mock.patch.object(registry, "_outcomes", {}),
        mock.patch.object(sys, "path", list(sys.path)),  # the file's folder joins it
        mock.patch.dict(os.environ, {"CONVVIZ_NETWORKS": str(path)}),
    ):
        yield


def or_sentence(read: Callable[[], Any]) -> Any:
    """Return a value, or what convviz says where it refuses."""
    try:
        return read()
    except errors.ConvvizError as error:
        return {"error": type(error).__name__, "sentence": str(error)}


def spec(name: str) -> NetworkSpec:
    """Look up a network of the catalogue."""
    return network_spec(name)


def own_spec(
    name: str, module: nn.Module, size: int, encoder_end: str | None = None
) -> NetworkSpec:
    """Describe a module as a user's own network."""
    return NetworkSpec(
        name=name, title=name, build=lambda: module, input_size=size, encoder_end=encoder_end
    )


def built(described: NetworkSpec) -> nn.Module:
    """Build a network."""
    return registry.build(described)


def network(
    described: NetworkSpec, module: nn.Module, size: int, source: str = "own", **more: Any
) -> Network:
    """Put a module and its description together as a loaded network."""
    weights = Weights(
        **{
            "source": source,
            "title": "By hand",
            "training_set": "none",
            "has_decoder": False,
            "bytes": 0,
            "sha256": "0" * 64,
            "classes": (),
            "input_size": size,
            "resize": size,
            **more,
        }
    )
    return Network(described, module, weights)


def layers(described: NetworkSpec, size: int) -> list[dict[str, Any]]:
    """List a network's layers."""
    return [
        {
            "name": layer.name,
            "title": layer.title,
            "kind": layer.kind,
            "stage": layer.stage,
            "shape": list(layer.shape),
            "index": layer.index,
            "detail": layer.detail,
            "pre_relu": layer.pre_relu,
            "branches": [[b.name, b.title, b.start, b.stop] for b in layer.branches],
            "in_encoder": layer.in_encoder,
        }
        for layer in network_layers(described, size)
    ]


def count(described: NetworkSpec, size: int) -> dict[str, Any]:
    """Count what a network costs: its rows, and their sums."""
    counted = costs.count(described, size)
    return {
        "name": counted.name,
        "title": counted.title,
        "input_size": counted.input_size,
        "parameters": counted.parameters,
        "macs": counted.macs,
        "activation_bytes": counted.activation_bytes,
        "depth": counted.depth,
        "parts": {part: _total(counted.part(part)) for part in costs.PARTS},
        "rows": [_row(row) for row in counted.layers],
    }


def count_module(module: nn.Module, size: int) -> dict[str, Any]:
    """Count what a module without any description costs: its sums alone."""
    counted = costs.count(module, size)
    return {"name": counted.name, "title": counted.title, "total": _total(counted.total)}


def _total(total: costs.Total) -> list[int]:
    return [total.parameters, total.macs, total.activation_bytes]


def _row(row: costs.LayerCost) -> dict[str, Any]:
    window = row.window
    return {
        "name": row.name,
        "module": row.module,
        "title": row.title,
        "kind": row.kind,
        "part": row.part,
        "executed": row.executed,
        "inputs": [list(shape) for shape in row.input_shapes],
        "output": list(row.output_shape),
        "window": window
        and [
            list(window.kernel),
            list(window.stride),
            list(window.padding),
            list(window.dilation),
            window.groups,
        ],
        "weights": row.weights,
        "biases": row.biases,
        "parameters": row.parameters,
        "macs": row.macs,
        "activation_bytes": row.activation_bytes,
        "shares_memory": row.shares_memory,
        "depth": row.depth,
        "receptive_field": row.receptive_field,
        "jump": row.jump,
        "field": _field(row.field),
    }


def _field(field: ReceptiveField | None) -> Any:
    if field is None:
        return None
    if field.rows == field.columns:
        return _axis(field.rows)
    return {"rows": _axis(field.rows), "columns": _axis(field.columns)}


def _axis(axis: Axis) -> list[Any]:
    """Write an axis down: size, jump, first, middle and last position, checksum of all of them."""
    seen = axis.seen
    picked = [list(seen[i]) for i in sorted({0, len(seen) // 2, len(seen) - 1})]
    every = repr([tuple(map(int, pair)) for pair in seen])
    return [axis.size, str(axis.jump), picked, hashlib.sha256(every.encode()).hexdigest()[:12]]


def fields_of_layers(described: NetworkSpec, module: nn.Module, size: int) -> dict[str, Any]:
    """Find each layer's receptive field, and that of each branch's first channel."""
    whole = network(described, module, size)
    outcome: dict[str, Any] = {}
    for layer in network_layers(whole):
        outcome[layer.name] = _field(layer_fields.receptive_field(whole, layer.name))
        for branch in layer.branches:
            field = layer_fields.receptive_field(whole, layer.name, branch.start)
            outcome[f"{layer.name}[{branch.start}]"] = _field(field)
    return outcome


def call_counts(module: nn.Module, size: int) -> dict[str, int]:
    """Count the calls of every module in one pass."""
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    channels = image_channels(module, size)
    return dict(tracer.call_counts(module, torch.zeros(1, channels, size, size, device=device)))


def norm_pairs(module: nn.Module, size: int) -> list[list[str]]:
    """Find the convolutions that run once, each with the batch norm that reads its output."""
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    names = {part: name for name, part in module.named_modules()}
    channels = image_channels(module, size)
    trace, _ = tracer.record(module, torch.zeros(1, channels, size, size, device=device))
    return [[names[c], names[norm]] for c, norm in dataflow.norm_pairs(trace)]


def folded_norms(module: nn.Module, size: int) -> list[str]:
    """Fold the norms of a module that has values; returns those that no longer run."""
    image = torch.linspace(-2, 2, 3 * size * size).reshape(1, 3, size, size)
    before = {name: part.forward for name, part in module.named_modules()}
    folding.fold_norms(module, image)
    return [name for name, part in module.named_modules() if part.forward != before[name]]


def auxiliary_heads(described: NetworkSpec, size: int) -> list[list[Any]]:
    """Find where auxiliary heads sit, from a pass in train mode."""
    return [
        [
            head.name,
            head.after,
            list(head.shape),
            head.depth,
            head.network_depth,
            head.parameters,
            head.macs,
        ]
        for head in costs.heads(described, size)
    ]


def alexnet_encoder(fill: Callable[[nn.Module], nn.Module]) -> Network:
    """Make an AlexNet that ends with its encoder, with values by a formula."""
    described = spec("alexnet")
    module = EncoderOnly(built(described).get_submodule("features")).to_empty(device="cpu")
    module = fill(module).requires_grad_(False)
    return network(described, module, 224, "encoder", resize=256)


def train_decoder(base: Network, data: bytes, size: int) -> bytes:
    """Train a decoder as the page does; returns the file that the page offers for download."""
    dataset = from_zip(data, "colours")
    parts = split(dataset, seed=0)
    planned = plan(base, "last-layer", dataset.classes)
    settings = TrainingSettings(epochs=1, size=size)
    result = [step.result for step in fit(planned, dataset, parts, settings)][-1]
    assert result is not None
    return to_bytes(planned, dataset, result, size, only_trained=True)


def open_saved(data: bytes, base: Network | None = None) -> Network:
    """Open a saved network; where a base is given, it is what the trained part stands on."""
    if base is None:
        return open_trained(data)
    return trained.read(data, lambda name, source: iter([base]))


def described(opened: Network) -> dict[str, Any]:
    """Say what is known of a loaded network."""
    weights = opened.weights
    return {
        "name": opened.name,
        "title": opened.title,
        "input_size": opened.input_size,
        "source": weights.source,
        "weights_title": weights.title,
        "training_set": weights.training_set,
        "has_decoder": weights.has_decoder,
        "bytes": weights.bytes,
        "sha256": weights.sha256,
        "classes": list(weights.classes),
        "resize": weights.resize,
        "note": weights.note,
        "decoder_set": weights.decoder_set,
        "decoder_size": weights.decoder_size,
        "layers": [layer.name for layer in network_layers(opened)],
        "state": {
            name: [list(value.shape), str(value.dtype)]
            for name, value in sorted(opened.module.state_dict().items())
        },
    }


def scores(opened: Network) -> list[float]:
    """Return what a network puts out for the sample photograph of a cat."""
    image = decode(sample("cat").read())
    with torch.no_grad():
        output: list[float] = opened.module(input_for(opened, image))[0].tolist()
    return output
