"""Designs to begin with: small ones that train in a minute, and whole ones to be counted."""

from __future__ import annotations

from functools import cache
from importlib import resources

from convviz.errors import NetworkError
from convviz.formatting import did_you_mean
from convviz.language import tr
from convviz.networks.design import Design

SMALL = ("lenet5", "small-alexnet", "small-vgg", "small-googlenet", "small-resnet")
WHOLE = ("alexnet", "alexnet-2012", "vgg16", "googlenet")
STARTS = SMALL + WHOLE
"""Names of all, in the order in which they are offered."""
FIRST = "lenet5"
"""What the page opens with."""


@cache
def start_text(name: str) -> str:
    """Return the text of a design to begin with, its comments included.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    if name not in STARTS:
        choice = did_you_mean(name, STARTS, tr("choose from {names}.", names=", ".join(STARTS)))
        raise NetworkError(
            tr(
                "There is no design called {name} to begin with: {choice}",
                name=name[:40],
                choice=choice,
            )
        )
    return (resources.files("convviz.networks") / f"designs/{name}.txt").read_text("utf-8")


@cache
def start(name: str) -> Design:
    """Read a design to begin with.

    Raises:
        NetworkError: There is none of that name.
    """
    return Design.parse(start_text(name))
