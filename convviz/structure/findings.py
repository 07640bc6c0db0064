"""Sentences about what a list of layers leaves out, and about what a map can see."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.plain_text import plain
from convviz.structure.receptive_field import ReceptiveField

_NAMED = 3


def left_out_sentence(names: Sequence[str]) -> str:
    """Say which modules that run are not among a network's layers; empty if none are missing.

    Args:
        names: From `layers.left_out`.
    """
    if not names:
        return ""
    rest = len(names) - _NAMED
    listed = ", ".join(map(plain, names[:_NAMED])) + (f" and {rest} more" if rest > 0 else "")
    if len(names) == 1:
        return (
            f"1 module that runs is not listed, since it returns neither maps nor one vector for "
            f"the image: {listed}."
        )
    return (
        f"{len(names)} modules that run are not listed, since they return neither maps nor one "
        f"vector for the image: {listed}."
    )


def windows_sentence(name: str, windows: int, positions: int) -> str:
    """Say why the heads of an attention have no map over the image: it goes on in windows.

    Args:
        name: Name of the layer, safe to show.
        windows: How many windows there are.
        positions: How many positions each has.
    """
    return (
        f"The attention of {name} goes on inside {windows:,} windows of {positions:,} positions, "
        "apart in each, so no head of it has one map over the whole image."
    )


def on_zeros_sentence(title: str) -> str:
    """Say that a list of layers holds for an image of zeros, and may not for another.

    Args:
        title: The network's title, safe to show.
    """
    return (
        f"{title} reads numbers while it runs, so its layers are listed as it runs on an "
        "image of zeros; for another image others may run, or some more or less often."
    )


def whole_image_sentence(field: ReceptiveField) -> str:
    """Say why every position of a map depends on the whole image; empty if it does not.

    Args:
        field: The map's receptive field.
    """
    if not field.mixed_by:
        return ""
    since = f"From {plain(field.mixed_in)} on" if field.mixed_in else "From then on"
    return f"{since}, every position depends on the whole image, through {field.mixed_by}."
