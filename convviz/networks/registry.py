"""The networks convviz knows, by name.

A network is described by a NetworkSpec and joins by `register`. The built-in ones are listed in
`catalogue`; a user's own join through the Python files named in CONVVIZ_NETWORKS (see `own`), which
are run the first time somebody asks which networks there are.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from convviz.errors import NetworkError
from convviz.networks import own
from convviz.networks.weights import Weights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def no_title(name: str) -> str | None:
    """Give no layer a title of its own: it is shown by its dotted name."""
    return None


@dataclass(frozen=True)
class NetworkSpec:
    """What convviz needs to know about a network; one of these is all it takes to add one.

    Attributes:
        name: Short name for URLs and the command line: lower-case letters, digits, `_` and `-`.
        title: Name for people, "VGG16".
        build: Makes the full network. The built-in ones come back on PyTorch's "meta" device, that
            is with shapes but without values, so that no time is lost on numbers that trained
            weights replace; give them values with `load_state_dict(..., assign=True)` or with
            `untrained.untrained`. They take `num_classes=`. A user's own `build()` takes nothing
            and returns real, perhaps trained, weights.
        year: When the paper appeared.
        paper: Authors and year.
        input_size: Side of the square input, in pixels.
        mean: Mean of each colour channel that the input is normalised with.
        std: Standard deviation of each colour channel that the input is normalised with.
        encoder_end: Dotted name of the encoder's last layer. None: the last layer whose output
            still is a map of more than one pixel.
        auxiliary: Dotted prefixes of heads that only help training.
        differences: Sentences: what the paper has that this build has not.
        title_of: Dotted layer name to human title; None where the dotted name will do.
        stage_of: Dotted layer name to the stage that groups it in pickers; None: by the first part
            of the dotted name.
        branch_of: Dotted layer name to its short title as a branch of a concatenation ("3×3").
        torchvision_weights: torchvision's name of the ImageNet weights.
        imagenet_options: What `build` takes besides for torchvision's ImageNet weights, as pairs.
            Its GoogLeNet was trained on inputs scaled to -1…1 and converts ImageNet-normalised
            ones itself when told `transform_input=True`.
    """

    name: str
    title: str
    build: Callable[..., nn.Module]
    year: int | None = None
    paper: str = ""
    input_size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    encoder_end: str | None = None
    auxiliary: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    title_of: Callable[[str], str | None] = no_title
    stage_of: Callable[[str], str] | None = None
    branch_of: Callable[[str], str | None] = no_title
    torchvision_weights: str | None = None
    imagenet_options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Network:
    """A network with weights, ready to look at.

    The module is in eval mode, wants no gradients, and nobody changes it after loading: whoever
    needs hooks or flags works on a `clone`.
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


_specs: dict[str, NetworkSpec] = {}
_built_in: set[str] = set()
_lock = threading.RLock()


def register(spec: NetworkSpec) -> None:
    """Add a network.

    Raises:
        NetworkError: The name is taken or cannot stand in a URL, or the description makes no sense.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", spec.name):
        raise NetworkError(
            f"“{spec.name}” cannot be a network's name: use lower-case letters, digits, _ and -."
        )
    if not callable(spec.build):
        raise NetworkError(f"{spec.name}: build must be a function that returns the network.")
    if spec.input_size < 1:
        raise NetworkError(f"{spec.name}: input_size must be at least 1 pixel.")
    if len(spec.mean) != 3 or len(spec.std) != 3 or min(spec.std) <= 0:
        raise NetworkError(
            f"{spec.name}: mean and std need three numbers each, and those of std must be above 0."
        )
    with _lock:
        if spec.name in _specs:
            raise NetworkError(
                f"There is a network called {spec.name} already: give yours another name."
            )
        _specs[spec.name] = spec


def register_built_in(spec: NetworkSpec) -> None:
    """Add a network of convviz' own catalogue."""
    register(spec)
    _built_in.add(spec.name)


def is_own(name: str) -> bool:
    """Whether the network was registered by a user rather than by convviz."""
    return name not in _built_in


def available() -> tuple[str, ...]:
    """Name every network: the built-in ones first, then the user's own."""
    _join_own()
    return tuple(_specs)


def spec(name: str) -> NetworkSpec:
    """Look a network up.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    names = available()
    if name in _specs:
        return _specs[name]
    near = difflib.get_close_matches(name.lower(), names, n=3)
    choice = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(names)}."
    sentence = f"There is no network called {name}: {choice}"
    raise NetworkError(" ".join((sentence, *own.problems())))


def build(spec: NetworkSpec, **options: Any) -> nn.Module:
    """Build a network, untrained or with the weights its owner gave it, in eval mode.

    Raises:
        NetworkError: A user's build() fails or returns something that is no torch.nn.Module.
    """
    try:
        module = spec.build(**options)
    except Exception as error:  # a user's build() may raise anything
        where = own.place(error) or "its build()"
        raise NetworkError(
            f"{spec.title} cannot be built: {where}: {own.reason(error)}."
        ) from error
    if not isinstance(module, nn.Module):
        raise NetworkError(
            f"{spec.title} cannot be built: its build() returns no torch.nn.Module but a "
            f"{type(module).__name__}."
        )
    return module.eval().requires_grad_(False)


def _join_own() -> None:
    """Run the files named in CONVVIZ_NETWORKS that have not been run yet."""
    with _lock:
        own.join(_specs)
