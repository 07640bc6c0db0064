"""Weights: what is known about the numbers a network runs with, and where they come from.

`Weights` describes what is in use, `SourceStatus` what could be. Finding, fetching and loading them
live next door: `sources` (what is here), `fetch` (what is not) and `loading` (`load`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUTO_ORDER = ("imagenet", "bundled", "encoder")


"""Where `auto` looks, in this order, before it would fetch the full ImageNet weights."""


SOURCES = ("imagenet", "bundled", "encoder", "own", "random")


"""Every source that can be asked for by name; `random` is never used unless it is."""


@dataclass(frozen=True)
class Weights:
    """The weights in use, as they are always shown to the user.

    Attributes:
        source: "imagenet", "bundled", "encoder", "random" or "own", or "trained-" and the beginning
            of the checksum of a file that a training has saved.
        title: Name for people, "ImageNet, full network".
        training_set: "ImageNet-1k", "Tiny ImageNet-200" or "none (untrained)".
        has_decoder: Whether they make predictions: a trained classifier whose classes are known.
        bytes: Size of the file; for random and own weights that of the parameters.
        sha256: Of the file; for random and own weights of the parameters' bytes by sorted name.
        classes: Name of each class; empty where there is no decoder.
        input_size: Side of the square input that suits them best, in pixels.
        resize: What an image's shorter side is resized to before the crop, in pixels.
        note: One sentence for the user, or nothing.
        decoder_set: What the decoder was trained on, where that is not `training_set`.
        decoder_size: Side of the image that the decoder is asked with, in pixels, where that is
            not `input_size`.
    """

    source: str
    title: str
    training_set: str
    has_decoder: bool
    bytes: int
    sha256: str
    classes: tuple[str, ...]
    input_size: int
    resize: int
    note: str = ""
    decoder_set: str = ""
    decoder_size: int | None = None


@dataclass(frozen=True)
class SourceStatus:
    """One place a network's weights can come from, and whether they are here already.

    Attributes:
        source: What to hand to `load` and to `fetch.start`.
        title: Name for people.
        here: Whether they can be used at once, undamaged, without a connection.
        bytes: Size of the file that is here; 0 if there is none.
        fetch_bytes: What a fetch would bring over the network; 0 if there is nothing to fetch.
        note: Where they lie, or what a fetch does, in a few words; without a path.
        path: The file that is here; None if there is none.
    """

    source: str
    title: str
    here: bool
    bytes: int = 0
    fetch_bytes: int = 0
    note: str = ""
    path: Path | None = None
