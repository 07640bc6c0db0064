"""The small decoders that come with convviz, so that encoders alone name what they see too.

`scripts/train_decoders.py` made the files in `data/`: one fully connected layer on the average of
each of the encoder's channels, float16, with what is known of its training in the file's header.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from convviz.networks.decoders import make_decoder
from convviz.weights import bundled

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class AboutDecoder:
    """What is known of a small decoder.

    Attributes:
        training_set: Name of the data it was trained on.
        input_size: Side of the pictures it was trained on, and is asked with, in pixels.
        accuracy: Share of validation images whose class it names.
        accuracy_top5: The same for its five likeliest classes.
        validation_images: How many images those shares were measured on.
        training_images: How many it learned from.
    """

    training_set: str
    input_size: int
    accuracy: float
    accuracy_top5: float
    validation_images: int
    training_images: int

    def note(self, classes: int) -> str:
        """Say where the predictions come from and how good they are."""
        return (
            "These weights hold only the encoder (the convolutional part). The class names come "
            f"from a small decoder that convviz trained on {classes} Tiny ImageNet classes "
            f"({self.training_images:,} images): of {self.validation_images:,} validation images "
            f"of {self.input_size} px, it names the right class for {self.accuracy:.1%}, and has "
            f"it among its first five for {self.accuracy_top5:.1%}."
        )


def path(network: str) -> Path:
    """Name the file that holds or would hold a network's small decoder."""
    return _DATA / f"{network}_decoder.safetensors"


def title(network: str) -> str:
    """Name the weights of a network's encoder, with what stands behind it."""
    return "ImageNet encoder, small decoder" if about(network) else "ImageNet, encoder only"


@cache
def about(network: str) -> AboutDecoder | None:
    """Read what is known of a network's small decoder; None if there is none."""
    if not path(network).is_file():
        return None
    with safe_open(path(network), framework="pt") as file:
        return AboutDecoder(**json.loads(file.metadata()["about"]))


def decoder(network: str) -> nn.Module:
    """Load a network's small decoder: one fully connected layer, from (N, C) to (N, classes)."""
    state = {name: value.float() for name, value in load_file(path(network)).items()}
    with torch.device("meta"):
        layer = make_decoder(state["weight"].shape[1], len(bundled.classes()))
    layer.load_state_dict(state, assign=True)
    return layer.eval().requires_grad_(False)
