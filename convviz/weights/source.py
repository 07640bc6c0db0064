"""Weights: what is known about the numbers a network runs with, and where they come from.

`Weights` describes what is in use, `SourceStatus` what could be. Finding, fetching and loading them
live next door: `sources` (what is here), `fetch` (what is not) and `loading` (`load`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUTO_ORDER = ("imagenet", "bundled", "encoder")


"""Where `auto` looks, in this order, before it would fetch the full ImageNet weights."""


SOURCES = ("imagenet", "bundled", "encoder", "own", "random")


"""Every source that can be asked for by name; `random` is never used unless it is."""


@dataclass(frozen=True)
class SourceStatus:
    """One place a network's weights can come from, and whether they are here already.

    Attributes:
        source: What to hand to `load` and to `fetch.start`.
        title: Name for people.
        here: Whether they can be used at once, undamaged, without a connection.
        bytes: Size of the file that is here; 0 if there is none.
        fetch_bytes: What a fetch would bring over the network; 0 if there is nothing to fetch.
        note: Where they lie, or what a fetch does, in a few words; without a path.
        path: The file that is here; None if there is none.
    """

    source: str
    title: str
    here: bool
    bytes: int = 0
    fetch_bytes: int = 0
    note: str = ""
    path: Path | None = None
