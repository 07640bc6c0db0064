"""The sentences for weights that are not here: what is missing, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.downloads import cache
from convviz.errors import WeightsError, WeightsNotHere
from convviz.formatting import size_text
from convviz.networks.network import NetworkSpec
from convviz.weights import sources


def not_here(spec: NetworkSpec) -> WeightsNotHere:
    """Say that weights would have to be fetched, how much that is, and what else can be done."""
    fetchable = [place for place in sources.status(spec.name) if place.fetch_bytes]
    choices = [f"{place.title} ({size_text(place.fetch_bytes)})" for place in fetchable[::-1]]
    fetch = f"fetch {' or '.join(choices)}, " if choices else ""
    damaged = ", ".join(dict.fromkeys(found.path.name for found in sources.full_weights(spec)))
    aside = f" ({damaged} is there, but damaged)" if damaged else ""
    return WeightsNotHere(
        f"{spec.title}'s weights are not on this machine{aside}: {fetch}{_other_ways(spec)}."
    )


def unfetched(spec: NetworkSpec, problems: Sequence[WeightsError]) -> WeightsError:
    """Say that weights could not be fetched, why, and what else can be done.

    Args:
        spec: The network.
        problems: What went wrong with each source that was tried.
    """
    # Each of these sentences says what is wrong, then a colon, then what to do about it.
    reasons = dict.fromkeys(str(problem).partition(":")[0].rstrip(".") for problem in problems)
    why = " and ".join(_lower(reason) for reason in reasons)
    return WeightsError(
        f"{spec.title}'s weights are not on this machine, and {why}: try again when that is "
        f"mended, {_other_ways(spec)}."
    )


def _other_ways(spec: NetworkSpec) -> str:
    file = sources.torchvision_file(spec)
    names = f"{spec.name}.pth"
    if file:
        names = f"{file.name} or {names}"
    folder = cache.user_folder()
    if folder is None:
        put = f"put {names} into a folder and name it in CONVVIZ_WEIGHTS"
    elif folder.is_dir():
        put = f"put {names} into your CONVVIZ_WEIGHTS folder"
    else:
        put = f"put {names} into a folder that CONVVIZ_WEIGHTS names (now it names none)"
    return f"{put}, or choose untrained weights"


def _lower(clause: str) -> str:
    """Begin a clause with a small letter, unless its first word is a name."""
    first = clause.split(" ")[0]
    return clause[:1].lower() + clause[1:] if first in {"The", "This", "What", "There"} else clause
