"""What Home says about the network's stages and about the image's class; the sentences alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convviz.language import tr
from convviz.plain_text import plain

if TYPE_CHECKING:
    from convviz.features.overview import StageSummary
    from convviz.networks.network import Network


def stages(summaries: Sequence[StageSummary]) -> str:
    """Say how the drawing of the network is to be read.

    Args:
        summaries: What each stage makes of the image, in order.
    """
    count = (
        tr("One stage")
        if len(summaries) == 1
        else tr("{count} stages, in the order in which they run", count=len(summaries))
    )
    drawn = max((len(summary.strongest) for summary in summaries), default=0)
    if not drawn:
        if all(len(summary.layer.shape) == 1 for summary in summaries):
            it = tr("It puts") if len(summaries) == 1 else tr("Each puts")
            return tr(
                "{count}. {it} out numbers and no maps: you see them all in one picture, "
                "by a scale of its own. Click a stage to see more of it.",
                count=count,
                it=it,
            )
        return tr(
            "{count}. No map is drawn: every channel is empty for this image, which "
            "means that nothing of it is left after the ReLU, which sets what is below 0 "
            "to 0. Click a stage to see more of it.",
            count=count,
        )
    maps = (
        tr("the strongest map")
        if drawn == 1
        else tr("at most {drawn} maps, the strongest", drawn=drawn)
    )
    return tr(
        "{count}. Of each you see {maps}: bright where the channel answers most, each by "
        "a scale of its own. A channel is empty if nothing of it is left after the ReLU, "
        "which sets what is below 0 to 0. Click a stage to see all its maps.",
        count=count,
        maps=maps,
    )


def unknown_class(label: str, network: Network) -> str:
    """Say that a sample shows something that the network has no name for; "" if it has one.

    Args:
        label: What the image shows; "" where that is not known.
        network: The network.
    """
    classes = network.weights.classes
    if not label or not network.weights.has_decoder or not classes or knows(classes, label):
        return ""
    return tr(
        "This image shows: {label}. That is none of the {count:,} classes that {title} "
        "was given to choose from, so no answer of its can be right.",
        label=label,
        count=len(classes),
        title=plain(network.title),
    )


def own_picture(network: Network) -> str:
    """Say of a visitor's own image how far the guesses are to be trusted; "" without a decoder."""
    count, accuracy = len(network.weights.classes), network.weights.accuracy
    if not network.weights.has_decoder or not count:
        return ""
    known = (
        tr("It knows only one class")
        if count == 1
        else tr("It knows only these {count:,} classes", count=count)
    )
    if accuracy is None:
        return tr("{known}, and names one whatever your picture shows.", known=known)
    return tr(
        "{known}, and of pictures of them it is right about {accuracy} times in ten.",
        known=known,
        accuracy=round(10 * accuracy),
    )


def knows(classes: Sequence[str], label: str) -> bool:
    """Whether a class of this name is among a network's.

    Args:
        classes: As the weights list them, "goldfish, Carassius auratus".
        label: One name, "goldfish".
    """
    return any(
        label.casefold() == name.strip().casefold()
        for names in classes
        for name in names.split(",")
    )
