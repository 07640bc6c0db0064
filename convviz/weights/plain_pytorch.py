"""A trained network for use without convviz: a file of `torch.save`, and the script that loads it.

The script needs torch and torchvision alone. A user's own network has no such script: only the
user's file builds it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision import models

from convviz.errors import WeightsError
from convviz.language import tr
from convviz.networks import registry
from convviz.networks.decoders import Form
from convviz.networks.image_channels import fitted
from convviz.networks.network import NetworkSpec, is_within
from convviz.networks.replaced_parts import HeadLayer, ReplacedParts, parts_of
from convviz.weights.trained import TrainedInfo


def has_script(network: str) -> bool:
    """Whether a network can be built with torchvision alone."""
    if registry.is_own(network):
        return False
    parts = parts_of(registry.spec(network))
    return (parts.network if parts else network) in models.list_models(module=models)


def write(module: nn.Module, info: TrainedInfo) -> bytes:
    """Write a trained network as PyTorch does: its state dict, with the names of its classes.

    Args:
        module: The network.
        info: Its description.
    """
    heads = tuple(f"{name}." for name in registry.spec(info.network).auxiliary)
    state = {
        name: value.contiguous()
        for name, value in module.state_dict().items()
        if not heads or not name.startswith(heads)
    }
    file = io.BytesIO()
    content: Mapping[str, dict[str, Tensor] | list[str]] = {
        "state_dict": state,
        "classes": list(info.form.classes),
    }
    torch.save(content, file)
    return file.getvalue()


def script(info: TrainedInfo, file: str) -> str:
    """Write the Python script that loads what `write` has written, into `network`.

    Args:
        info: The network's description.
        file: Name of its file.

    Raises:
        WeightsError: It is a user's network, which torchvision cannot build.
    """
    spec = registry.spec(info.network)
    if not has_script(info.network):
        raise WeightsError(
            tr(
                "{network} is a network of your own: only your file can build it, so there is no "
                "script that loads it with torchvision alone.",
                network=spec.title,
            )
        )
    if (parts := parts_of(spec)) is not None and parts.channels == 1:
        with torch.device("meta"):
            spec = fitted(spec, registry.build(spec))
    side, channels = info.input_size, len(spec.mean)
    mean, std = (", ".join(f"{number:g}" for number in each) for each in (spec.mean, spec.std))
    values = "grey values" if channels == 1 else "colours"
    return "\n".join(
        (
            f"# Takes images as tensors (N, {channels}, {side}, {side}): {values} in 0…1, less",
            f'# ({mean}), divided by ({std}). Returns a score for each of saved["classes"].',
            "import torch, torchvision",
            f'saved = torch.load("{file}", weights_only=True)',
            *_build(info),
            'network.load_state_dict(saved["state_dict"])',
            "network.eval()",
            "",
        )
    )


def _build(info: TrainedInfo) -> list[str]:
    """Write the lines that build the network without its weights."""
    form, spec = info.form, registry.spec(info.network)
    parts = parts_of(spec)
    base = spec if parts is None else registry.spec(parts.network)
    replaced = [] if parts is None else _replaced(base, parts, info)
    if form.pooled:
        whole = f"torchvision.models.{base.name}()"
        built = [f"network = {whole}", *replaced] if replaced else []
        pooled = {
            "features": "network.features" if replaced else f"{whole}.features",
            "pool": "torch.nn.AdaptiveAvgPool2d(1)",
            "flat": "torch.nn.Flatten()",
            "decoder": _decoder(form),
        }
        return [_ORDERED, *built, f"network = {_sequential(pooled)}"]
    options: dict[str, object] = {}
    if parts is None:
        options |= {name: value for name, value in base.imagenet_options if name in info.options}
    elif parts.channels == 3:  # as `replaced_parts` builds it
        options |= dict(base.imagenet_options)
    if parts is None or not parts.head:
        options = {"num_classes": len(form.classes)} | options
    if base.auxiliary:  # heads that only help training
        options |= {"aux_logits": False, "init_weights": False}
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    lines = [f"network = torchvision.models.{base.name}({arguments})", *replaced]
    in_head = parts is not None and parts.head and is_within(form.decoder, parts.head)
    if form.hidden and not in_head:
        lines.append(f"{_place(form.decoder)} = {_decoder(form)}")
    return [_ORDERED, *lines] if any("OrderedDict" in line for line in lines) else lines


_ORDERED = "from collections import OrderedDict"


def _replaced(base: NetworkSpec, parts: ReplacedParts, info: TrainedInfo) -> list[str]:
    """Write the lines that put other parts into a network of torchvision's."""
    lines = []
    if parts.first:
        with torch.device("meta"):
            old = registry.build(base).get_submodule(parts.first)
        assert isinstance(old, nn.Conv2d)  # noqa: S101  # `replaced_parts` has looked
        usual = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "padding_mode": "zeros"}
        given = {name: getattr(old, name) for name in usual}
        said = {name: value for name, value in given.items() if value != usual[name]}
        said |= {} if parts.bias else {"bias": False}
        named = "".join(f", {name}={value!r}" for name, value in said.items())
        kernel = f"{parts.channels}, {old.out_channels}, {old.kernel_size}{named}"
        lines.append(f"{_place(parts.first)} = torch.nn.Conv2d({kernel})")
    if parts.head:
        form = info.form
        layers = {f"{parts.head}.{each.name}".rstrip("."): each for each in parts.layers}
        inner = {
            name.removeprefix(f"{parts.head}."): (
                _decoder(form) if name == form.decoder else _layer(each)
            )
            for name, each in layers.items()
        }
        is_one = list(layers) == [parts.head]
        head = inner[parts.head] if is_one else _sequential(inner)
        lines.append(f"{_place(parts.head)} = {head}")
    return lines


def _layer(layer: HeadLayer) -> str:
    if layer.kind == "linear":
        bias = "" if layer.bias else ", bias=False"
        return f"torch.nn.Linear({layer.inputs}, {layer.outputs}{bias})"
    return f"torch.nn.BatchNorm1d({layer.inputs})" if layer.kind == "norm" else "torch.nn.ReLU()"


def _sequential(parts: Mapping[str, str]) -> str:
    joined = ", ".join(f'("{name}", {part})' for name, part in parts.items())
    return f"torch.nn.Sequential(OrderedDict([{joined}]))"


def _place(name: str) -> str:
    """Write a part of the network by its dotted name: ``network.classifier[6]``."""
    return "network." + re.sub(r"\.(\d+)", r"[\1]", name)


def _decoder(form: Form) -> str:
    """Write the decoder as `make_decoder` makes it."""
    sizes = (form.inputs, *form.hidden, len(form.classes))
    layers = [f"torch.nn.Linear({before}, {after})" for before, after in pairwise(sizes)]
    text = ", torch.nn.ReLU(), ".join(layers)
    return f"torch.nn.Sequential({text})" if form.hidden else text
