"""Designs to begin with: small ones that train in a minute, and whole ones to be counted."""

from __future__ import annotations

from functools import cache
from importlib import resources

from convviz.errors import NetworkError
from convviz.formatting import ask_which, near_matches
from convviz.language import tr
from convviz.networks.design import Design

SMALL = ("lenet5", "small-alexnet", "small-vgg", "small-googlenet", "small-resnet")
WHOLE = ("alexnet", "alexnet-2012", "vgg16", "googlenet")
STARTS = SMALL + WHOLE
"""Names of all, in the order in which they are offered."""
FIRST = "lenet5"
"""What the page opens with."""

_CUTOFF = 0.8  # below it all that ends in "net" is alike


@cache
def start_text(name: str) -> str:
    """Return the text of a design to begin with, its comments included.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    if name not in STARTS:
        otherwise = tr("choose from {names}.", names=", ".join(STARTS))
        asked = " ".join(name.split())[:40]
        if not asked:
            raise NetworkError(
                tr("No name is given of a design to begin with: {choice}", choice=otherwise)
            )
        raise NetworkError(
            tr(
                "There is no design called {name} to begin with: {choice}",
                name=asked,
                choice=ask_which(_near(asked.lower()), otherwise),
            )
        )
    return (resources.files("convviz.networks") / f"designs/{name}.txt").read_text("utf-8")


def _near(name: str) -> list[str]:
    """Return the starts that a name may mean, which is in small letters."""
    same = [each for each in STARTS if _signs(each) == _signs(name)]
    letters = "".join(filter(str.isalpha, name))
    # As of "vgg" or "vgg-19": small-vgg and vgg16.
    begun = [each for each in STARTS if letters and f"-{letters}" in f"-{each}"]
    return same or begun or near_matches(name, STARTS, cutoff=_CUTOFF)


def _signs(name: str) -> str:
    return "".join(filter(str.isalnum, name))


@cache
def start(name: str) -> Design:
    """Read a design to begin with.

    Raises:
        NetworkError: There is none of that name.
    """
    return Design.parse(start_text(name))
