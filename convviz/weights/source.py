"""The interface of a source of weights, and the description of a network with weights.

Each source is a module named as `load` and `--weights` call it: `imagenet`, `bundled`, `encoder`
and `own`; `random` is in `untrained`. Networks that were trained with convviz are in `trained`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from torch import nn

from convviz.downloads.tickets import Download
from convviz.language import ENGLISH, again, later, speaking
from convviz.networks.image_channels import fitted
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.weights import findings

AUTO_ORDER = ("imagenet", "bundled", "own", "encoder")
"""The sources that `auto` tries, in this order, before it fetches the full ImageNet weights."""

IN_USERS_FOLDER = later("in your CONVVIZ_WEIGHTS folder")
WITH_CONVVIZ = later("comes with convviz")


@dataclass(frozen=True)
class SourceStatus:
    """One source of weights for a network, and whether its weights are on this machine.

    Attributes:
        source: Name of the source, for `load` and `start_fetch`.
        title: Name for people, told in the language of whoever asks.
        here: Whether the weights are on this machine, undamaged, so that nothing is fetched.
        bytes: Size of the file on this machine; 0 if there is none.
        fetch_bytes: Bytes that a fetch would download; 0 if there is nothing to fetch.
        note: Where the file is, or what a fetch does, in a few words; without a path. Told as the
            title is.
        path: The file on this machine; None if there is none.
    """

    source: str
    title: str
    here: bool
    bytes: int = 0
    fetch_bytes: int = 0
    note: str = ""
    path: Path | None = None


class Source(Protocol):
    """A source of weights.

    Attributes:
        name: Its name for `load` and `--weights`.
    """

    name: ClassVar[str]

    def status(self, spec: NetworkSpec) -> SourceStatus | None:
        """Return whether the weights are here; None if the source has none for this network."""

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """Load the weights, if they are on this machine.

        Args:
            spec: The network.
            seed: Seed of weights that are drawn at random.

        Raises:
            WeightsNotHere: They would have to be fetched first.
            WeightsError: The source has none for this network, or they are damaged or do not fit.
            NetworkError: The network cannot be built.
        """

    def download(self, spec: NetworkSpec) -> Download | None:
        """Describe the download of the weights; None if nothing can be fetched."""
        return None


def network_with(
    spec: NetworkSpec,
    module: nn.Module,
    *,
    source: str,
    title: str,
    training_set: str,
    size: int,
    sha256: str,
    classes: tuple[str, ...] = (),
    note: str = "",
    input_size: int | None = None,
    decoder_set: str = "",
    decoder_size: int | None = None,
    accuracy: float | None = None,
) -> Network:
    """Make a network from a module and the description of its weights.

    Args:
        spec: The network.
        module: The network with its weights.
        source: As in `Weights`, like all that follow.
        title: Name for people.
        training_set: Name of the data they were trained on.
        size: Bytes of the file, or of the parameters.
        sha256: Checksum of the file, or of the parameters.
        classes: Name of each class; empty if the network has no trained decoder.
        note: One sentence for the user.
        input_size: Side of the images that the network was trained on. They are then used whole.
            None: as torchvision's ImageNet weights, which see the middle 7/8 of an image.
        decoder_set: What the decoder was trained on, if that is not `training_set`.
        decoder_size: Side of the image for the decoder's predictions, if that is not `input_size`.
        accuracy: Share of validation images whose class it names first, if that was measured.

    Of weights that are infinite or not a number the note gives warning. A network is kept for
    everybody: its texts are English, and pages tell them `again`.
    """
    with speaking(ENGLISH):
        warning = findings.not_finite(not_finite(module))
        weights = Weights(
            source=source,
            title=again(title),
            training_set=again(training_set),
            has_decoder=bool(classes),
            bytes=size,
            sha256=sha256,
            classes=classes,
            input_size=input_size or spec.input_size,
            resize=input_size or spec.resized_to,
            note=again(findings.both(note, warning)),
            warning=warning,
            decoder_set=decoder_set,
            decoder_size=decoder_size,
            accuracy=accuracy,
        )
    return Network(fitted(spec, module), module, weights)


def not_finite(module: nn.Module) -> list[str]:
    """Name the weights of a network, and the batch norms' statistics, that are no finite numbers.

    Other buffers may well hold an infinity, as masks do.
    """
    statistics = (
        (name, value)
        for name, value in module.named_buffers()
        if name.endswith(("running_mean", "running_var"))
    )
    return [
        name
        for name, value in (*module.named_parameters(), *statistics)
        if value.is_floating_point()
        and value.numel()
        and not value.is_meta
        # The extremes are NaN if any number is, and are found without a copy of them all.
        and not all(extreme.isfinite() for extreme in value.detach().aminmax())
    ]
