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
from convviz.weights.trained import TrainedInfo


def has_script(network: str) -> bool:
    """Whether a network can be built with torchvision alone."""
    return not registry.is_own(network) and network in models.list_models(module=models)


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
    side = info.input_size
    mean, std = (", ".join(f"{number:g}" for number in each) for each in (spec.mean, spec.std))
    return "\n".join(
        (
            f"# Takes images as tensors (N, 3, {side}, {side}): colours in 0…1, less",
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
    form, classes = info.form, len(info.form.classes)
    if form.pooled:
        parts = {
            "features": f"torchvision.models.{info.network}().features",
            "pool": "torch.nn.AdaptiveAvgPool2d(1)",
            "flat": "torch.nn.Flatten()",
            "decoder": _decoder(form),
        }
        joined = ", ".join(f'("{name}", {part})' for name, part in parts.items())
        return [
            "from collections import OrderedDict",
            f"network = torch.nn.Sequential(OrderedDict([{joined}]))",
        ]
    spec = registry.spec(info.network)
    options: dict[str, object] = {"num_classes": classes}
    options |= {name: value for name, value in spec.imagenet_options if name in info.options}
    if spec.auxiliary:  # heads that only help training
        options |= {"aux_logits": False, "init_weights": False}
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    lines = [f"network = torchvision.models.{info.network}({arguments})"]
    if form.hidden:
        place = re.sub(r"\.(\d+)", r"[\1]", form.decoder)
        lines.append(f"network.{place} = {_decoder(form)}")
    return lines


def _decoder(form: Form) -> str:
    """Write the decoder as `make_decoder` makes it."""
    sizes = (form.inputs, *form.hidden, len(form.classes))
    layers = [f"torch.nn.Linear({before}, {after})" for before, after in pairwise(sizes)]
    text = ", torch.nn.ReLU(), ".join(layers)
    return f"torch.nn.Sequential({text})" if form.hidden else text
