"""New decoders on the networks' encoders, which replace the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torchvision.models import GoogLeNet, Inception3


class EncoderOnly(nn.Module):
    """A network that ends after its `features`, so that no untrained part can seem trained.

    Its layers keep their dotted names. It takes (N, 3, H, W) and returns the encoder's maps,
    (N, C, h, w).
    """

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        """Run the encoder."""
        maps: Tensor = self.features(x)
        return maps


class PooledNetwork(nn.Module):
    """An encoder, global average pooling, and a small decoder.

    Takes (N, 3, H, W) of any size that the encoder takes, and returns scores, (N, classes). The
    encoder's layers keep their dotted names.
    """

    def __init__(self, features: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.decoder = decoder

    def forward(self, x: Tensor) -> Tensor:
        """Run the encoder, average each channel's map, and score the classes."""
        scores: Tensor = self.decoder(self.pool(self.features(x)).flatten(1))
        return scores


@dataclass(frozen=True)
class Form:
    """How a network with a new decoder is built.

    Attributes:
        decoder: Dotted name of the part that the new decoder replaces.
        inputs: Number of values that the decoder reads.
        classes: Name of each class.
        hidden: Lengths of fully connected layers before the last one.
        pooled: Whether the decoder follows a global average pooling of the encoder alone.
    """

    decoder: str
    inputs: int
    classes: tuple[str, ...]
    hidden: tuple[int, ...] = ()
    pooled: bool = False


def make_decoder(inputs: int, classes: int, hidden: Sequence[int] = ()) -> nn.Module:
    """Make a decoder: one fully connected layer, or several with ReLUs between them.

    Args:
        inputs: Number of values that it reads.
        classes: Number of scores that it returns.
        hidden: Lengths of fully connected layers before the last one.
    """
    sizes = (inputs, *hidden)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    last = nn.Linear(sizes[-1], classes)
    return nn.Sequential(*layers, last) if layers else last


def inputs_of(decoder: nn.Module) -> int:
    """Count the values that a decoder reads: those of its first fully connected layer."""
    return next(part.in_features for part in decoder.modules() if isinstance(part, nn.Linear))


def put(module: nn.Module, name: str, part: nn.Module | None) -> None:
    """Replace a part of a network.

    Args:
        module: The network; it is changed.
        name: Dotted name of the part.
        part: The new part; None removes the old one.
    """
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, part)


def in_form(module: nn.Module, form: Form, auxiliary: Sequence[str] = ()) -> nn.Module:
    """Give a network a new decoder, whose weights the caller still has to draw or fill in.

    Args:
        module: The network as it is built or loaded; it is changed.
        form: The new decoder.
        auxiliary: Dotted names of auxiliary heads, which are removed: they score the old classes.
    """
    decoder = make_decoder(form.inputs, len(form.classes), form.hidden)
    if form.pooled:
        features = module.get_submodule("features")
        return PooledNetwork(features, decoder)
    put(module, form.decoder, decoder)
    remove_heads(module, auxiliary)
    return module


class NoHead(nn.Module):
    """Takes the place of an auxiliary head that was removed, and returns None."""

    def forward(self, *_: object) -> None:
        """Return nothing, whatever the head would have read."""


def remove_heads(module: nn.Module, names: Sequence[str]) -> None:
    """Remove the auxiliary heads of a network, which goes on without.

    Args:
        module: The network; it is changed.
        names: Dotted names of the heads.
    """
    is_torchvisions = isinstance(module, GoogLeNet | Inception3)
    for name in names:
        parent, _, leaf = name.rpartition(".")
        if getattr(module.get_submodule(parent), leaf, None) is not None:
            # A user's forward() may call its head without a look at whether there is one.
            put(module, name, None if is_torchvisions else NoHead())
    if names:
        forget_heads(module)


def forget_heads(module: nn.Module) -> None:
    """Tell one of torchvision's networks, whose auxiliary heads were removed, that it has none."""
    if isinstance(module, GoogLeNet | Inception3):
        module.aux_logits = False


def is_pooled(module: nn.Module) -> bool:
    """Whether a module is an encoder without the rest, whose decoder needs a pooling first."""
    return isinstance(module, EncoderOnly | PooledNetwork)
