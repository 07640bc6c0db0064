"""GoogLeNet trained on Tiny ImageNet-200, auxiliary heads included; it comes with convviz.

`scripts/bundle_googlenet.py` made the files in `data/`: the weights as float16, with a
description of their training in the file's header, and the names of the classes.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from convviz.downloads import cache
from convviz.errors import WeightsError
from convviz.formatting import percent
from convviz.language import tr
from convviz.networks import registry
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import checkpoint
from convviz.weights.source import WITH_CONVVIZ, Source, SourceStatus, network_with

NETWORK = "googlenet"

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class BundledInfo:
    """The description of the bundled weights.

    Attributes:
        training_set: Name of the data they were trained on.
        input_size: Input size that suits them best, in pixels.
        accuracy: Share of validation images that are classified correctly, at that size.
        accuracy_top5: Share whose class is among the first five.
        validation_images: Number of images that those shares were measured on.
    """

    training_set: str
    input_size: int
    accuracy: float
    accuracy_top5: float
    validation_images: int


def path() -> Path:
    """Return the file of weights."""
    return _DATA / "googlenet_tiny_imagenet.safetensors"


@functools.cache
def about() -> BundledInfo:
    """Read the description of the weights from the file's header."""
    with safe_open(path(), framework="pt") as file:
        return BundledInfo(**json.loads(file.metadata()["about"]))


@functools.cache
def classes() -> tuple[str, ...]:
    """Read the names of the classes, the first of each class's synonyms."""
    lines = (_DATA / "tiny_imagenet_classes.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[1].split(",")[0] for line in lines)


class Bundled(Source):
    """The weights of GoogLeNet that come with convviz."""

    name = "bundled"

    def status(self, spec: NetworkSpec) -> SourceStatus | None:
        """See `Source.status`."""
        if spec.name != NETWORK:
            return None
        size = path().stat().st_size
        return SourceStatus(self.name, _title(), True, size, note=tr(WITH_CONVVIZ), path=path())

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """See `Source.load`."""
        if spec.name != NETWORK:
            raise WeightsError(
                tr(
                    "The weights called bundled are those of GoogLeNet, not of {network}: "
                    "choose auto, which takes the best that are here.",
                    network=spec.title,
                )
            )
        info, names = about(), classes()
        module = checkpoint.fill(
            registry.build(spec, num_classes=len(names)),
            checkpoint.read(path(), mapped=True),
            title=spec.title,
            origin=tr("The file {file}", file=path().name),
        )
        return network_with(
            spec,
            module,
            source=self.name,
            title=_title(),
            training_set=info.training_set,
            size=path().stat().st_size,
            sha256=cache.sha256(path()),
            classes=names,
            note=tr(
                "On the {images:,} validation images of {training_set}, at {size} px, it names the "
                "right class of {classes} for {accuracy}, and has it among its first five for "
                "{accuracy_top5}.",
                images=info.validation_images,
                training_set=info.training_set,
                size=info.input_size,
                classes=len(names),
                accuracy=percent(info.accuracy, 1),
                accuracy_top5=percent(info.accuracy_top5, 1),
            ),
            input_size=info.input_size,
            accuracy=info.accuracy,
        )


def _title() -> str:
    return tr("{training_set}, full network", training_set=about().training_set)
