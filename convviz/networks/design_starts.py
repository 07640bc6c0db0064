"""Designs to begin with: small ones that train in a minute, and whole ones to be counted."""

from __future__ import annotations

from functools import cache
from importlib import resources

from convviz.errors import NetworkError
from convviz.formatting import ask_which, near_matches
from convviz.language import later, tr
from convviz.networks.design import Design

SMALL = ("lenet5", "small-alexnet", "small-vgg", "small-googlenet", "small-resnet")
WHOLE = ("alexnet", "alexnet-2012", "vgg16", "googlenet")
STARTS = SMALL + WHOLE
"""Names of all, in the order in which they are offered."""
FIRST = "lenet5"
"""What the page opens with."""

# The comment that each begins with.
_ABOUT = {
    "lenet5": later(
        "LeCun et al. 1998, with ReLU and max pooling as they came later; for colour write 3x32x32"
    ),
    "small-alexnet": later(
        "AlexNet's order of layers on small images: large kernels first, fully "
        "connected layers last"
    ),
    "small-vgg": later(
        "VGG's blocks of 3x3 on small images; batch norm, which VGG's paper did not "
        "have, trains it at once"
    ),
    "small-googlenet": later(
        "GoogLeNet's stem and modules, about an eighth as wide, with one auxiliary classifier"
    ),
    "small-resnet": later(
        "He et al. 2016: each residual adds its input to what its convolutions make of it"
    ),
    "alexnet": later("torchvision's AlexNet: one tower, without local response normalisation"),
    "alexnet-2012": later(
        "Krizhevsky, Sutskever and Hinton 2012: two towers as groups, and local "
        "response normalisation"
    ),
    "vgg16": later("Simonyan and Zisserman 2015, column D"),
    "googlenet": later("torchvision's GoogLeNet: batch norm, and 3x3 where the paper has 5x5"),
}

_CUTOFF = 0.8  # below it all that ends in "net" is alike


def start_text(name: str) -> str:
    """Return the text of a design to begin with, below a comment in the reader's language.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    _check(name)
    return f"# {tr(_ABOUT[name])}\n{_lines(name)}"


@cache
def start(name: str) -> Design:
    """Read a design to begin with.

    Raises:
        NetworkError: As `start_text` says.
    """
    _check(name)
    return Design.parse(_lines(name))


@cache
def _lines(name: str) -> str:
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


def _check(name: str) -> None:
    """Raise an error that names near matches where there is no start of this name."""
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
