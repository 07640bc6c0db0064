"""Sentences about what a list of layers leaves out."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.plain_text import plain

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
