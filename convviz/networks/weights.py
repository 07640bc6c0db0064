"""Weights: where a network's numbers come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """The weights in use, as they are always shown to the user.

    Attributes:
        source: "imagenet", "bundled", "encoder", "random" or "own".
        title: Name for people, "ImageNet, encoder only".
        training_set: "ImageNet-1k", "Tiny ImageNet-200" or "none (untrained)".
        has_decoder: Whether they make predictions.
        bytes: Size of the file; for random and own weights that of the parameters.
        sha256: Of the file; for random and own weights of the parameters' bytes by sorted name.
        classes: Name of each class; empty where there is no decoder.
        input_size: Side of the square input that suits them best, in pixels.
        resize: What an image's shorter side is resized to before the crop, in pixels.
        note: One sentence for the user, or nothing.
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
