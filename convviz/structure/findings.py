"""Sentences about what a list of layers leaves out, and about what a map can see."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.language import tr
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
    listed = ", ".join(map(plain, names[:_NAMED])) + (
        tr(" and {rest} more", rest=rest) if rest > 0 else ""
    )
    if len(names) == 1:
        return tr(
            "1 module that runs is not listed, since it returns neither maps nor one "
            "vector for the image: {listed}.",
            listed=listed,
        )
    return tr(
        "{count} modules that run are not listed, since they return neither maps nor one "
        "vector for the image: {listed}.",
        count=len(names),
        listed=listed,
    )


def windows_sentence(name: str, windows: int, positions: int) -> str:
    """Say why the heads of an attention have no map over the image: it goes on in windows.

    Args:
        name: Name of the layer, safe to show.
        windows: How many windows there are.
        positions: How many positions each has.
    """
    return tr(
        "The attention of {name} goes on inside {windows:,} windows of {positions:,} "
        "positions, apart in each, so no head of it has one map over the whole image.",
        name=name,
        windows=windows,
        positions=positions,
    )


def on_zeros_sentence(title: str) -> str:
    """Say that a list of layers holds for an image of zeros, and may not for another.

    Args:
        title: The network's title, safe to show.
    """
    return tr(
        "{title} reads numbers while it runs, so its layers are listed as it runs on an "
        "image of zeros; for another image others may run, or some more or less often.",
        title=title,
    )


def whole_image_sentence(field: ReceptiveField) -> str:
    """Say why every position of a map depends on the whole image; empty if it does not.

    Args:
        field: The map's receptive field.
    """
    if not field.mixed_by:
        return ""
    since = (
        tr("From {mixed_in} on", mixed_in=plain(field.mixed_in))
        if field.mixed_in
        else tr("From then on")
    )
    return tr(
        "{since}, every position depends on the whole image, through {mixed_by}.",
        since=since,
        mixed_by=field.mixed_by,
    )
