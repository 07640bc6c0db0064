"""Sentences about what a list of layers leaves out, and about what a map can see."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.language import tr, trn
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
    listed = ", ".join(map(plain, names[:_NAMED]))
    if rest > 0:
        listed = tr("{names} and {count} more", names=listed, count=rest)
    return trn(
        "{count} module that runs is not listed, since it returns neither maps nor one "
        "vector for the image: {names}.",
        "{count} modules that run are not listed, since they return neither maps nor one "
        "vector for the image: {names}.",
        len(names),
        names=listed,
    )


def windows_sentence(name: str, windows: int, positions: int) -> str:
    """Say why the heads of an attention have no map over the image: it goes on in windows.

    Args:
        name: Name of the layer, safe to show.
        windows: How many windows there are.
        positions: How many positions each has.
    """
    return tr(
        "The attention of {layer} goes on inside {windows:,} windows of {positions:,} "
        "positions, apart in each, so no head of it has one map over the whole image.",
        layer=name,
        windows=windows,
        positions=positions,
    )


def own_attention_sentence(name: str) -> str:
    """Say why the heads of an attention are not shown: the network computes it by itself.

    Args:
        name: Name of the layer, safe to show.
    """
    return tr(
        "The attention of {layer} is computed by the network's own code, so where its heads look "
        "is not shown, as it is for nn.MultiheadAttention.",
        layer=name,
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
    cause = tr(field.mixed_by)
    if not field.mixed_in:
        return tr(
            "From then on, every position depends on the whole image, through {cause}.",
            cause=cause,
        )
    return tr(
        "From {layer} on, every position depends on the whole image, through {cause}.",
        layer=plain(field.mixed_in),
        cause=cause,
    )
