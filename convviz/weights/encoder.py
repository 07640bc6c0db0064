"""The ImageNet encoders of AlexNet and VGG16 that come with convviz.

They are torchvision's weights, convolutions only. `scripts/make_encoders.py` made the files in
`data/`: AlexNet's as float16, VGG16's as float32.
"""

from __future__ import annotations

from pathlib import Path

ENCODERS = ("alexnet", "vgg16")

_DATA = Path(__file__).with_name("data")


def path(network: str) -> Path:
    """Return the file of a network's encoder."""
    return _DATA / f"{network}_encoder.safetensors"
