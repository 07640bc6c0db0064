"""What Home says about the network's stages and about the image's class; the sentences alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convviz.formatting import percent
from convviz.language import tr, trn
from convviz.plain_text import plain

if TYPE_CHECKING:
    from convviz.features.overview import StageSummary
    from convviz.networks.network import Network


def stages(summaries: Sequence[StageSummary]) -> str:
    """Say how the drawing of the network is to be read.

    Args:
        summaries: What each stage makes of the image, in order.
    """
    count = trn("One stage.", "{count} stages, in the order in which they run.", len(summaries))
    drawn = max((len(summary.strongest) for summary in summaries), default=0)
    if not drawn:
        if all(len(summary.layer.shape) == 1 for summary in summaries):
            what = trn(
                "It puts out numbers and no maps: you see them all in one picture, by a scale of "
                "its own. Click a stage to see more of it.",
                "Each puts out numbers and no maps: you see them all in one picture, by a scale "
                "of its own. Click a stage to see more of it.",
                len(summaries),
            )
        else:
            what = tr(
                "No map is drawn: every channel is empty for this image, which means that nothing "
                "of it is left after the ReLU, which sets what is below 0 to 0. Click a stage to "
                "see more of it."
            )
        return f"{count} {what}"
    what = trn(
        "Of each you see the map with the clearest pattern: bright where the channel answers "
        "most, each by a scale of its own. A channel is empty if nothing of it is left after the "
        "ReLU, which sets what is below 0 to 0. Click a stage to see all its maps.",
        "Of each you see at most {count} maps, those with the clearest patterns: bright where the "
        "channel answers most, each by a scale of its own. A channel is empty if nothing of it is "
        "left after the ReLU, which sets what is below 0 to 0. Click a stage to see all its maps.",
        drawn,
    )
    return f"{count} {what}"


def unknown_class(names: Sequence[str], network: Network) -> str:
    """Say that a sample shows something that the network has no name for; "" if it has one.

    Args:
        names: What the image shows may be called so, the most exact name first; none where that is
            not known.
        network: The network.
    """
    classes = network.weights.classes
    if not names or not network.weights.has_decoder or not classes:
        return ""
    if any(knows(classes, name) for name in names):
        return ""
    return tr(
        "This image shows: {label}. None of the {count:,} classes that {network} was given to "
        "choose from is called so: whatever it answers is wrong, or a wider class at best.",
        label=names[0],
        count=len(classes),
        network=plain(network.title),
    )


def own_picture(network: Network) -> str:
    """Say of a visitor's own image how far the guesses are to be trusted; "" without a decoder."""
    count, accuracy = len(network.weights.classes), network.weights.accuracy
    if not network.weights.has_decoder or not count:
        return ""
    if accuracy is None:
        return trn(
            "It knows only one class, and names one whatever your picture shows.",
            "It knows only these {count:,} classes, and names one whatever your picture shows.",
            count,
        )
    times = round(10 * accuracy)
    if not 2 <= times <= 9:
        return trn(
            "It knows only one class, and names {share} of its pictures rightly.",
            "It knows only these {count:,} classes, and names {share} of their pictures rightly.",
            count,
            share=percent(accuracy),
        )
    return trn(
        "It knows only one class, and of pictures of them it is right about {times} times in ten.",
        "It knows only these {count:,} classes, and of pictures of them it is right about {times} "
        "times in ten.",
        count,
        times=times,
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
