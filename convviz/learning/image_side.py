"""The side of the images that a network is trained on, or probed with."""

from __future__ import annotations

from convviz.errors import SettingError
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.input_size import size_sentence
from convviz.structure.trace import TraceError, trace

SIDE = 128
"""Of the images a network sees, in pixels, unless it is made for smaller or other ones only."""

LEAST_SIDE = 8
"""Smaller images show nothing that could be told apart."""


def side_for(network: Network) -> int:
    """Return the side of the images that a network is shown, in pixels.

    It is the network's own where that is at most `SIDE`, or where it takes no images of `SIDE`.
    """
    usual = network.input_size
    return usual if usual <= SIDE or not _takes(network, SIDE) else SIDE


def check_side(network: Network, side: int, *, training: bool = False) -> None:
    """Check that a network takes images of some side.

    Args:
        network: The network.
        side: In pixels.
        training: Whether all of it runs in train mode, perhaps with parts that only that runs.

    Raises:
        SettingError: It does not; the sentence names a side that it takes.
    """
    if side != network.input_size and not _takes(network, side):
        sentence = size_sentence(network.module, side, network.input_size, network.title)
        raise SettingError(
            sentence
            or tr(
                "{title} cannot take an image of {side}×{side} pixels: choose another side.",
                title=network.title,
                side=side,
            )
        )
    if training and not _takes(network, side, train=True):
        raise SettingError(
            tr(
                "{title} takes one image of {side}×{side} pixels, but fails with two in "
                "train mode: choose a larger side, or let its forward() take any number of "
                "images.",
                title=network.title,
                side=side,
            )
        )


def _takes(network: Network, side: int, *, train: bool = False) -> bool:
    try:
        trace(network.module, side, train=train)
    except TraceError:
        return False
    return True
