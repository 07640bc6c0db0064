"""What a network is: its description, its weights, and a module that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Interpolation = Literal["bilinear", "bicubic"]

# Weight of an auxiliary head's loss in the sum with the main loss (Szegedy et al. 2015, section 5).
AUXILIARY_WEIGHT = 0.3


@dataclass(frozen=True)
class Weights:
    """The weights of a network, as they are described to the user.

    Attributes:
        source: "imagenet", "bundled", "encoder", "random" or "own", or "trained-" and the beginning
            of the checksum of a trained network's file.
        title: Name for people, "ImageNet, full network".
        training_set: "ImageNet-1k", "Tiny ImageNet-200" or "none (untrained)".
        has_decoder: Whether they include a trained classifier whose classes are known.
        bytes: Size of the file; for random and own weights that of the parameters.
        sha256: Of the file; for random and own weights of the parameters' bytes by sorted name.
        classes: Name of each class; empty where there is no decoder.
        input_size: Side of the square input that suits them best, in pixels.
        resize: What an image's shorter side is resized to before the crop, in pixels.
        note: A sentence or two for the user, or nothing.
        decoder_set: What the decoder was trained on, where that is not `training_set`.
        decoder_size: Side of the square input for the decoder's predictions, in pixels, where that
            is not `input_size`.
        warning: What is wrong with the numbers, one sentence, which the note has as well; empty if
            nothing is.
        accuracy: Share of validation images whose class it names first; None where that was not
            measured with these weights here.
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
    warning: str = ""
    accuracy: float | None = None


def no_title(name: str) -> str | None:
    """Return None, for any layer: it is shown by its dotted name."""
    return None


def _numbers(value: Any) -> Any:
    """Return a number as a float, several as a tuple of floats, and anything else as it is."""
    if isinstance(value, Real):
        return float(value)
    try:
        return tuple(float(each) for each in value)
    except (TypeError, ValueError):
        return value  # `register` says what is wrong


@dataclass(frozen=True)
class NetworkSpec:
    """The description of a network: all that convviz needs to add it.

    Attributes:
        name: Short name for URLs and the command line: lower-case letters, digits, `_` and `-`.
        title: Name for people, "VGG16"; `language.again` tells it in another language.
        build: Builds the full network. The built-in ones are returned on PyTorch's "meta" device,
            that is with shapes but without values, as trained weights replace them anyway; give
            them values with `load_state_dict(..., assign=True)` or `initial_weights.untrained`.
            They take `num_classes=`. A user's `build()` is called without arguments and
            returns real, perhaps trained, weights; if it takes `num_classes`, it is called with
            that for a file of weights that has another number of classes.
        year: When the paper appeared.
        paper: Authors and year.
        input_size: Side of the square input, in pixels.
        mean: Mean of each colour channel that the input is normalised with; of one number for a
            network that takes grey images. A number by itself, 0.5, stands for every channel.
        std: Standard deviation of each colour channel that the input is normalised with, likewise.
        encoder_end: Dotted name of the encoder's last layer. None: the last layer whose output
            still is a map of more than one pixel.
        auxiliary: Dotted prefixes of heads that only help training.
        differences: Sentences, told where they are shown, that say how this build differs from
            the paper's network.
        title_of: Dotted layer name to human title; None where the dotted name is used.
        stage_of: Dotted layer name to the stage that groups it in pickers, as `titles.stage_text`
            tells it. None, or where it returns None: by the first part of the dotted name.
        branch_of: Dotted layer name to its short title as a branch of a concatenation ("3×3").
        torchvision_weights: torchvision's name of the ImageNet weights, that of one entry:
            "ResNet18_Weights.IMAGENET1K_V1".
        imagenet_options: Arguments of `build` for torchvision's ImageNet weights, as pairs.
            torchvision's GoogLeNet was trained on inputs scaled to -1…1; with
            `transform_input=True` it converts ImageNet-normalised ones itself.
        classes: Name of each class of a user's network, in the order of its scores; empty if they
            have no names.
        resize: What an image's shorter side is scaled to before the middle is cut out, in pixels.
            "none": to `input_size`, so that an image of that size goes in as it is. None: as
            torchvision does for ImageNet, so that the middle 7/8 are seen.
        interpolation: How images are resized: "bilinear" or "bicubic".
    """

    name: str
    title: str
    build: Callable[..., nn.Module]
    year: int | None = None
    paper: str = ""
    input_size: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    encoder_end: str | None = None
    auxiliary: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    title_of: Callable[[str], str | None] = no_title
    stage_of: Callable[[str], str | None] | None = None
    branch_of: Callable[[str], str | None] = no_title
    torchvision_weights: str | None = None
    imagenet_options: tuple[tuple[str, Any], ...] = ()
    classes: tuple[str, ...] = ()
    resize: int | Literal["none"] | None = None
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        """Write mean and std as tuples, whether they came as numbers, lists or tuples."""
        plain = {name: _numbers(getattr(self, name)) for name in ("mean", "std")}
        length = next((len(each) for each in plain.values() if isinstance(each, tuple)), 3)
        for name, each in plain.items():
            value = (each,) * length if isinstance(each, float) else each
            object.__setattr__(self, name, value)

    @property
    def resized_to(self) -> int:
        """What an image's shorter side is scaled to before the crop, in pixels."""
        if self.resize is None:
            return round(self.input_size * 256 / 224)
        return self.input_size if self.resize == "none" else self.resize


def is_within(name: str, module: str) -> bool:
    """Tell whether a dotted name is a module's or inside that module; "" is the network."""
    return not module or name == module or name.startswith(f"{module}.")


@dataclass(frozen=True, eq=False)
class Network:
    """A network with weights, ready to use.

    The module is in eval mode, its parameters need no gradient, and nothing changes it after
    loading: hooks and flags go on a `clone`.
    """

    spec: NetworkSpec
    module: nn.Module
    weights: Weights

    @property
    def name(self) -> str:
        """Short name, as in the registry."""
        return self.spec.name

    @property
    def title(self) -> str:
        """Name for people."""
        return self.spec.title

    @property
    def input_size(self) -> int:
        """Side of the square input that suits the weights in use, in pixels."""
        return self.weights.input_size
