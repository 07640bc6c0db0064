"""The weights that come with convviz: GoogLeNet on Tiny ImageNet-200, auxiliary heads included.

`scripts/bundle_googlenet.py` made the files in `data/`: the weights as float16, with what is known
of their training in the file's own header, and the names of the classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

NETWORK = "googlenet"


_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class About:
    """What is known of the bundled weights.

    Attributes:
        training_set: Name of the data they were trained on.
        input_size: Input size that they do best at, in pixels.
        accuracy: Share of validation images whose class they name, at that size.
        accuracy_top5: The same for their five likeliest classes.
        validation_images: How many images those shares were measured on.
    """

    training_set: str
    input_size: int
    accuracy: float
    accuracy_top5: float
    validation_images: int


def path() -> Path:
    """Name the file of weights."""
    return _DATA / "googlenet_tiny_imagenet.safetensors"


@cache
def about() -> About:
    """Read what is known of the weights from the file's header."""
    with safe_open(path(), framework="pt") as file:
        return About(**json.loads(file.metadata()["about"]))


@cache
def classes() -> tuple[str, ...]:
    """Read the names of the classes, the first of each class's synonyms."""
    lines = (_DATA / "tiny_imagenet_classes.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[1].split(",")[0] for line in lines)


def state() -> dict[str, Tensor]:
    """Read the weights, as float32."""
    stored = load_file(path())
    return {
        name: value.to(torch.float32) if value.is_floating_point() else value
        for name, value in stored.items()
    }
