"""Which image sizes a network can take: the limits, and the sentences for those outside them."""

from __future__ import annotations

from torch import nn

from convviz.errors import SettingError
from convviz.language import tr
from convviz.structure.trace import TraceError, trace

LARGEST_INPUT = 1024  # pixels; above it the tables of receptive fields become slow
LARGEST_LISTED = 4096  # pixels; above it shapes are of no image that anybody has


def check_input_size(size: int, most: int = LARGEST_INPUT) -> None:
    """Check the side of a square image.

    Args:
        size: The side, in pixels.
        most: The largest valid one.

    Raises:
        SettingError: It is no whole number, or out of range.
    """
    if isinstance(size, bool) or not isinstance(size, int):
        raise SettingError(
            tr("The image's side in pixels must be a whole number, not {given}.", given=repr(size))
        )
    if not 1 <= size <= most:
        raise SettingError(
            tr(
                "The image's side cannot be {size} pixels here: choose 1 to {most} pixels.",
                size=size,
                most=most,
            )
        )


def size_sentence(module: nn.Module, size: int, usual: int, title: str) -> str | None:
    """Say that a network cannot take images of some size, and name a size that it takes.

    Args:
        module: The network.
        size: Side of the image that it cannot take, in pixels.
        usual: Side that it usually takes.
        title: Its name for people.

    Returns:
        The sentence; None if it cannot take images of the usual size either, or that is the size.
    """
    if size == usual or not _works(module, usual):
        return None
    if not _works(module, usual + 1):  # it takes images of one size
        return tr(
            "{title} cannot take an image of {size}×{size} pixels: choose {usual}×{usual}.",
            title=title,
            size=size,
            usual=usual,
        )
    least = _least(module, size, usual)
    if least > size:
        return tr(
            "{title} cannot take an image of {size}×{size} pixels: choose {least}×{least} or more.",
            title=title,
            size=size,
            least=least,
        )
    return tr(
        "{title} cannot take an image of {size}×{size} pixels: choose {usual}×{usual}.",
        title=title,
        size=size,
        usual=least,
    )


def _works(module: nn.Module, size: int) -> bool:
    try:
        trace(module, size)
    except TraceError:
        return False
    return True


def _least(module: nn.Module, size: int, usual: int) -> int:
    """Find a size that works: the least above `size` if it is too small, else the usual one."""
    low, high = size, usual
    while size < usual and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _works(module, middle) else (middle, high)
    return high
