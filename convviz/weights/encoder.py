"""The ImageNet encoders of AlexNet and VGG16, with small decoders; they come with convviz.

The encoders are torchvision's weights, convolutions only. `scripts/make_encoders.py` made their
files in `data/`, AlexNet's as float16 and VGG16's as float32. The small decoders are one fully
connected layer on the average of each of the encoder's channels. `scripts/train_decoders.py` made
their files, float16, with a description of their training in the file's header.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from convviz.downloads import cache
from convviz.errors import WeightsError
from convviz.formatting import percent
from convviz.language import tr
from convviz.networks import registry
from convviz.networks.decoders import EncoderOnly, PooledNetwork, make_decoder
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import bundled, checkpoint
from convviz.weights.source import WITH_CONVVIZ, Source, SourceStatus, network_with

ENCODERS = ("alexnet", "vgg16")

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class DecoderInfo:
    """The description of a small decoder.

    Attributes:
        training_set: Name of the data it was trained on.
        input_size: Side of the images for training and predictions, in pixels.
        accuracy: Share of validation images that are classified correctly.
        accuracy_top5: Share whose class is among the first five.
        validation_images: Number of images that those shares were measured on.
        training_images: Number of images that it was trained on.
    """

    training_set: str
    input_size: int
    accuracy: float
    accuracy_top5: float
    validation_images: int
    training_images: int

    def note(self, classes: int) -> str:
        """Return the sentences on where the predictions come from and how good they are."""
        return tr(
            "These weights hold only the encoder (the convolutional part). The class names come "
            "from a small decoder that convviz trained on {classes} Tiny ImageNet classes "
            "({training_images:,} images): of {validation_images:,} validation images of {size} "
            "px, it names the right class for {accuracy}, and has it among its first five for "
            "{accuracy_top5}.",
            classes=classes,
            training_images=self.training_images,
            validation_images=self.validation_images,
            size=self.input_size,
            accuracy=percent(self.accuracy, 1),
            accuracy_top5=percent(self.accuracy_top5, 1),
        )


def path(network: str) -> Path:
    """Return the file of a network's encoder."""
    return _DATA / f"{network}_encoder.safetensors"


def decoder_path(network: str) -> Path:
    """Return the file of a network's small decoder, which may not exist."""
    return _DATA / f"{network}_decoder.safetensors"


@functools.cache
def decoder_info(network: str) -> DecoderInfo | None:
    """Read the description of a network's small decoder; None if there is none."""
    if not decoder_path(network).is_file():
        return None
    with safe_open(decoder_path(network), framework="pt") as file:
        return DecoderInfo(**json.loads(file.metadata()["about"]))


def small_decoder(network: str) -> nn.Module:
    """Load a network's small decoder: one fully connected layer, from (N, C) to (N, classes).

    Raises:
        WeightsError: Its file is damaged.
    """
    file = decoder_path(network)
    state = checkpoint.read(file, mapped=True)
    with torch.device("meta"):
        layer = make_decoder(state["weight"].shape[1], len(bundled.classes()))
    return checkpoint.fill(
        layer, state, title=tr("the small decoder"), origin=tr("The file {file}", file=file.name)
    )


class Encoder(Source):
    """The encoders of AlexNet and VGG16."""

    name = "encoder"

    def status(self, spec: NetworkSpec) -> SourceStatus | None:
        """See `Source.status`."""
        if spec.name not in ENCODERS:
            return None
        file = path(spec.name)
        size = file.stat().st_size
        return SourceStatus(self.name, _title(spec), True, size, note=tr(WITH_CONVVIZ), path=file)

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """Load the encoder and, if there is one, the small decoder after it; see `Source.load`."""
        if spec.name not in ENCODERS:
            raise WeightsError(
                tr(
                    "There is no separate encoder for {network}: choose another source of weights.",
                    network=spec.title,
                )
            )
        file, info = path(spec.name), decoder_info(spec.name)
        module = checkpoint.fill(
            EncoderOnly(registry.build(spec).get_submodule("features")),
            checkpoint.read(file, mapped=True),
            title=tr("the encoder of {network}", network=spec.title),
            origin=tr("The file {file}", file=file.name),
        )
        note = tr(
            "These weights hold only the encoder (the convolutional part), not the "
            "classifier that comes after it, so there are no class predictions."
        )
        classes: tuple[str, ...] = ()
        if info is not None:
            features = module.get_submodule("features")
            module = PooledNetwork(features, small_decoder(spec.name)).eval()
            classes = bundled.classes()
            note = info.note(len(classes))
        return network_with(
            spec,
            module,
            source=self.name,
            title=_title(spec),
            training_set="ImageNet-1k",
            size=file.stat().st_size,
            sha256=cache.sha256(file),
            classes=classes,
            note=note,
            decoder_set=info.training_set if info else "",
            decoder_size=info.input_size if info else None,
            accuracy=info.accuracy if info else None,
        )


def _title(spec: NetworkSpec) -> str:
    return (
        tr("ImageNet encoder, small decoder")
        if decoder_info(spec.name)
        else tr("ImageNet, encoder only")
    )
