"""The work functions of the inspector's jobs; each looks between two steps whether to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from convviz.datasets.image_set import ImageSet
from convviz.features.dead import DeadStep, count_dead
from convviz.features.occlusion import Measure, OcclusionStep, occlude
from convviz.features.synthesis import SynthesisConfig, SynthesisStep, synthesise
from convviz.features.top_patches import TopPatchesStep, find_top_patches
from convviz.networks.network import Network

Step = TopPatchesStep | OcclusionStep | SynthesisStep | DeadStep


@dataclass(frozen=True)
class Run:
    """How a run stands.

    Attributes:
        subject: What it is about; whoever asks for the same thing again can use the result.
        step: Its newest step.
        pictures: The set it went over, if it did.
    """

    subject: tuple[str, ...]
    step: Step
    pictures: ImageSet | None = None

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.step.fraction

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes: what was found, and the files that were uploaded."""
        return self.step.nbytes + int(getattr(self.pictures, "nbytes", 0))


def stimuli_run(
    *,
    stop: Callable[[], bool],
    subject: tuple[str, ...],
    network: Network,
    layer_name: str,
    pictures: ImageSet,
    after: TopPatchesStep | None = None,
) -> Iterator[Run]:
    """Find the strongest patches of all channels of a layer; `after` goes on with a stopped run."""
    for step in find_top_patches(network, layer_name, pictures, after):
        yield Run(subject, step, pictures)
        if stop():
            return


def occlusion_run(
    *,
    stop: Callable[[], bool],
    subject: tuple[str, ...],
    network: Network,
    image: Image.Image,
    layer_name: str,
    channel: int,
    measure: Measure = "mean",
) -> Iterator[Run]:
    """Cover part after part of an image and measure what a channel loses."""
    for step in occlude(network, image, layer_name, channel, measure=measure):
        yield Run(subject, step)
        if stop():
            return


def synthesis_run(
    *,
    stop: Callable[[], bool],
    subject: tuple[str, ...],
    network: Network,
    layer_name: str,
    channel: int,
    config: SynthesisConfig,
) -> Iterator[Run]:
    """Optimise an image so that it excites a channel."""
    for step in synthesise(network, layer_name, channel, config):
        yield Run(subject, step)
        if stop():
            return


def dead_run(
    *, stop: Callable[[], bool], subject: tuple[str, ...], network: Network, pictures: ImageSet
) -> Iterator[Run]:
    """Count the dead channels of every layer over a set."""
    for step in count_dead(network, pictures):
        yield Run(subject, step, pictures)
        if stop():
            return
