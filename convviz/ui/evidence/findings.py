"""What the page Evidence says of its numbers, in sentences."""

from __future__ import annotations

from convviz.features.class_evidence import ClassActivationMap
from convviz.features.deletion import DeletionStep
from convviz.features.grad_cam import ClassMap
from convviz.formatting import decimals, percent, probability
from convviz.language import tr
from convviz.networks.network import Network
from convviz.plain_text import plain
from convviz.structure.layers import Layer

_ALIKE = 0.5  # a rank correlation from which two pictures are called much alike


def score(title: str, value: float, share: float, *, against: bool) -> str:
    """Say what is explained: a class's score and probability, or the difference of two scores."""
    name = plain(title)
    if not against:
        return tr(
            "Score of **{name}**: {value}, probability {share}.",
            name=name,
            value=decimals(value),
            share=probability(share),
        )
    return tr(
        "Why **{name}**: the one score exceeds the other by {value}; between these two "
        "alone the first has a probability of {share}.",
        name=name,
        value=decimals(value),
        share=probability(share),
    )


def not_reached(layer: Layer, before: Layer | None, *, is_shown: bool = False) -> str:
    """Say that no gradient reaches a layer, and which layer there is instead.

    Args:
        layer: The layer.
        before: The last one before it that a gradient reaches.
        is_shown: Whether that one is shown in its place, without a click.
    """
    if before is None:
        offer = tr("You can choose another layer.")
    elif is_shown:
        offer = tr("This is the evidence in {title}.", title=plain(before.title))
    else:
        offer = tr("You can look at {title} instead.", title=plain(before.title))
    return tr(
        "No gradient of the score reaches {title}: what comes after it passes nothing of "
        "it on to this class, so its maps are no evidence. {offer}",
        title=plain(layer.title),
        offer=offer,
    )


def no_places(layer: Layer, instead: Layer) -> str:
    """Say that a layer has no map, and which one is shown instead."""
    return tr(
        "{title} puts out one number for each channel and has no places to show, so this "
        "is the evidence in {title_2}.",
        title=plain(layer.title),
        title_2=plain(instead.title),
    )


def alone(height: int, width: int) -> str:
    """Say what the map by itself shows."""
    return tr(
        "The map alone, {height} × {width} values; nothing is scaled or smoothed.",
        height=height,
        width=width,
    )


def seen_at(network: Network, side: int, box: tuple[float, ...] | None) -> str:
    """Say at which size the network saw the image, and why a layer's evidence may stop short of it.

    Args:
        network: The network.
        side: Of the input that the predictions were made of, in pixels.
        box: Where the layer's map lies on it; None for all of it.
    """
    usual = network.weights.input_size
    text = tr("The predictions are made of the image at {side} × {side} pixels", side=side)
    if side != usual:
        text += tr(
            ", the size that the decoder was trained on; the sidebar and Activations "
            "count layers at {usual} × {usual}, so their maps are larger",
            usual=usual,
        )
    if box is not None:
        text += tr(
            ". Each value is drawn around the middle of the pixels that it looks at, so "
            "the coloured field may end before the image does"
        )
    return f"{text}."


def cam(found: ClassActivationMap, class_map: ClassMap) -> str:
    """Compare class activation mapping with Grad-CAM where both apply."""
    largest = float(found.map.max())
    gap = float((found.map - class_map.map * found.positions).abs().max())
    share = gap / largest if largest else 0.0
    return tr(
        "Behind these maps come only averages and one linear layer, so class activation "
        "mapping (Zhou et al. 2016) applies as well: its map is Grad-CAM's times "
        "{positions}, the number of places. Measured here, the two differ by {share} of "
        "the largest value.",
        positions=found.positions,
        share=percent(share),
    )


def channels(class_map: ClassMap, listed: int) -> str:
    """Say what the shares of the listed channels are, and what all of them come to."""
    total = float(class_map.contributions.sum())
    most = (
        tr("channel that adds") if listed == 1 else tr("{listed} channels that add", listed=listed)
    )
    return tr(
        "The {most} most to the score, of {count:,}, by estimate; all {contributions:,} "
        "channels together, with those that subtract, come to {total} of {score}.",
        most=most,
        count=len(class_map.contributions),
        contributions=len(class_map.contributions),
        total=decimals(total),
        score=decimals(class_map.score),
    )


def channel(number: int, estimate: float, measured: float) -> str:
    """Say what a channel adds by estimate, and what the score loses when it is switched off."""
    return tr(
        "**{number}** adds {estimate}; switched off, the score {which} by {measured}",
        number=number,
        estimate=decimals(estimate),
        which="falls" if measured >= 0 else "rises",
        measured=decimals(abs(measured)),
    )


def deletion(step: DeletionStep) -> str:
    """Say whether a map beats shuffled maps when pixels are deleted, and when they are inserted."""
    if step.deletion is None or step.insertion is None:
        return tr("Not all curves are there yet.")
    count = len(step.random_deletions)
    lines = (
        tr(
            "Deleting in the map's order leaves an area of {area}, in shuffled orders "
            "{random_deletion_area} on average of {count}; less is better. ",
            area=decimals(step.deletion.area, 3),
            random_deletion_area=decimals(step.random_deletion_area, 3),
            count=count,
        ),
        tr(
            "Inserting gives {area}, in shuffled orders {random_insertion_area}; more is better. ",
            area=decimals(step.insertion.area, 3),
            random_insertion_area=decimals(step.random_insertion_area, 3),
        ),
    )
    wins = (step.beats_random_in_deletion, step.beats_random_in_insertion)
    verdict = {
        (True, True): tr("**Yes: the map beats every shuffled one in both tests.** "),
        (
            True,
            False,
        ): tr("**Partly: it beats every shuffled map in deletion, but not in insertion.** "),
        (
            False,
            True,
        ): tr("**Partly: it beats every shuffled map in insertion, but not in deletion.** "),
        (False, False): tr("**No: it does not beat chance: do not believe this map here.** "),
    }[wins]
    return (verdict + "".join(lines)).rstrip()


def randomised(similarity: float, method: str) -> str:
    """Say what it means that a picture changes, or does not, when the decoder is randomised."""
    alike = tr("rank correlation {similarity}", similarity=decimals(similarity))
    if similarity >= _ALIKE:
        return tr(
            "With a decoder of random numbers the picture stays much the same ({alike}): "
            "what {method} shows here has little to do with what the network has learned "
            "of the class.",
            alike=alike,
            method=method,
        )
    return tr(
        "With a decoder of random numbers the picture changes ({alike}), as it should if "
        "{method} shows what the network has learned of the class.",
        alike=alike,
        method=method,
    )


def occlusion(similarity: float, uncovered: float, largest: float) -> str:
    """Say how far a map agrees with what covering the places does."""
    alike = "agree" if similarity >= _ALIKE else "differ"
    return tr(
        "Covering the worst place lowers the score of {uncovered} by {largest}. The map "
        "and these falls {alike} (rank correlation {similarity}; 1 is the same order of "
        "places).",
        uncovered=decimals(uncovered),
        largest=decimals(largest),
        alike=alike,
        similarity=decimals(similarity),
    )


def worse(before: tuple[float, float], now: tuple[float, float]) -> str:
    """Compare a class's score and probability with those of the image as it is.

    Args:
        before: Score and probability of the image as it is.
        now: Those of the worse one.
    """
    return tr(
        "Score {now}, probability {now_2}. With the image as it is: score {before}, "
        "probability {before_2}.",
        now=decimals(now[0]),
        now_2=probability(now[1]),
        before=decimals(before[0]),
        before_2=probability(before[1]),
    )


def not_among(title: str, network: str, *, shares_any: bool = True) -> str:
    """Say that a network does not know a class.

    Args:
        title: The class.
        network: The network that lacks it.
        shares_any: Whether it knows any class of the network in the sidebar.
    """
    text = tr(
        "“{title}” is none of the classes of {network}", title=plain(title), network=plain(network)
    )
    if shares_any:
        return tr("{text}: choose another class.", text=text)
    return tr(
        "{text}, nor is any other class of the network in the sidebar: choose another "
        "network under With, one that knows “{title}”.",
        text=text,
        title=plain(title),
    )


def no_class(*, is_nameless: bool) -> str:
    """Say why no class can be explained, and what to do.

    Args:
        is_nameless: Whether it is a network of the user's own that lacks only the classes' names.
    """
    if is_nameless:
        return tr(
            "Without the names of its classes none can be chosen here, so there is "
            "nothing to explain. In the Python file of this network, give `NetworkSpec` "
            'the names, in the order of the outputs: `classes=("cat", "dog", …)`.'
        )
    return tr(
        "Without a decoder no class has a score, so there is nothing to explain. Choose "
        "other weights in the sidebar: GoogLeNet comes with a decoder of its own, "
        "AlexNet and VGG16 with small ones behind their encoders, and the ImageNet "
        "weights of every network include one."
    )
