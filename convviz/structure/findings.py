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


def whole_image_sentence(field: ReceptiveField) -> str:
    """Say why every position of a map depends on the whole image; empty if it does not.

    Args:
        field: The map's receptive field.
    """
    if not field.mixed_by:
        return ""
    since = f"From {plain(field.mixed_in)} on" if field.mixed_in else "From then on"
    return f"{since}, every position depends on the whole image, through {field.mixed_by}."
