"""What the page Evidence says of its numbers, in sentences."""

from __future__ import annotations

import math

from convviz.features.class_evidence import ClassActivationMap
from convviz.features.corruption import CorruptionStep
from convviz.features.deletion import NOTHING, DeletionStep
from convviz.features.grad_cam import ClassMap
from convviz.formatting import apart, decimals, digits_of, percent, probability
from convviz.language import later, tr, trn
from convviz.plain_text import plain
from convviz.structure.layers import Layer
from convviz.ui.findings import drawn_where_it_looks

_VERDICTS = {  # by whether it wins in deletion, and in insertion
    (True, True): later("**Yes: the map beats every shuffled one in both tests.**"),
    (True, False): later(
        "**Partly: it beats every shuffled map in deletion, but not in insertion.**"
    ),
    (False, True): later(
        "**Partly: it beats every shuffled map in insertion, but not in deletion.**"
    ),
    (False, False): later("**No: it does not beat chance: do not believe this map here.**"),
}
_ALIKE = 0.5  # a rank correlation from which two pictures are called much alike


def score(title: str, value: float, share: float, *, against: bool) -> str:
    """Say what is explained: a class's score and probability, or the difference of two scores."""
    name = plain(title)
    if not against:
        return tr(
            "Score of **{class_name}**: {score}, probability {share}.",
            class_name=name,
            score=decimals(value, digits_of(value)),
            share=probability(share),
        )
    return tr(
        "Why **{class_name}**: the one score exceeds the other by {difference}; between these two "
        "alone the first has a probability of {share}.",
        class_name=name,
        difference=decimals(value, digits_of(value)),
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
        offer = tr("Choose another layer or another class.")
    elif is_shown:
        offer = tr("This is the evidence in {layer}.", layer=plain(before.title))
    else:
        offer = tr("You can look at {layer} instead.", layer=plain(before.title))
    text = tr(
        "No gradient of the score reaches {layer}: what comes after it passes nothing of it on to "
        "this class, so its maps are no evidence.",
        layer=plain(layer.title),
    )
    return f"{text} {offer}"


def no_places(layer: Layer, instead: Layer) -> str:
    """Say that a layer has no map, and which one is shown instead."""
    return tr(
        "{layer} puts out one number for each channel and has no places to show, so this is the "
        "evidence in {other}.",
        layer=plain(layer.title),
        other=plain(instead.title),
    )


def alone(height: int, width: int) -> str:
    """Say what the map by itself shows."""
    return tr(
        "The map alone, {height} × {width} values; nothing is scaled or smoothed.",
        height=height,
        width=width,
    )


def early(layer: str, number: int, count: int, last: str) -> str:
    """Say that an early layer is asked, as one that was chosen on another page may be.

    Args:
        layer: Its title.
        number: Its place among the layers that the slider goes through, from 1.
        count: How many these are.
        last: Title of the last of them.
    """
    return tr(
        "This is {layer}, number {number} of the {count} layers of the slider. Early layers answer "
        "edges and textures: to see which object counts, go to the last, {last}.",
        layer=plain(layer),
        number=number,
        count=count,
        last=plain(last),
    )


def over(about: str, box: tuple[float, ...] | None) -> str:
    """Say what the map over the image is, and why its colours may stop short of the image's edge.

    Args:
        about: What the method does.
        box: Where the layer's map lies on the image; None for all of it.
    """
    return about if box is None else f"{about} {drawn_where_it_looks()}"


def one_scale(count: int) -> str:
    """Say that the channels' maps share their colours."""
    return tr("One scale for all {count} maps: the same colour is the same value.", count=count)


def cam(found: ClassActivationMap, class_map: ClassMap) -> str:
    """Compare class activation mapping with Grad-CAM where both apply."""
    largest = float(found.map.max())
    gap = float((found.map - class_map.map * found.positions).abs().max())
    share = gap / largest if largest else 0.0
    return tr(
        "Behind these maps come only averages and one linear layer, so class activation "
        "mapping (Zhou et al. 2016) applies as well: its map is Grad-CAM's times {places}, the "
        "number of places. Measured here, the two differ by {share} of the largest value.",
        places=found.positions,
        share=percent(share),
    )


def channels(class_map: ClassMap, listed: int, bias: float | None = None) -> str:
    """Say what the shares of the listed channels are, and what all of them come to.

    Args:
        class_map: Has the shares.
        listed: How many channels are listed.
        bias: What the shares and this add up to the score with, where they do; else None.
    """
    total = float(class_map.contributions.sum())
    digits = digits_of(total, class_map.score)
    text = trn(
        "The channel that adds most to the score, of {channels:,}, by estimate; all {channels:,} "
        "channels together, with those that subtract, come to {total} of {score}.",
        "The {count} channels that add most to the score, of {channels:,}, by estimate; all "
        "{channels:,} channels together, with those that subtract, come to {total} of {score}.",
        listed,
        channels=len(class_map.contributions),
        total=decimals(total, digits),
        score=decimals(class_map.score, digits),
    )
    if bias is None:
        line = tr(
            "An estimate takes the way from here to the score for a straight line; “switched off” "
            "is measured, and comes to more or less where that way is bent, as by a ReLU."
        )
        return f"{text} {line}"
    rest = tr(
        "The rest is the bias of the linear layer behind them, {bias}. From here to the score the "
        "way is a straight line, so “switched off”, which is measured, comes to the estimate.",
        bias=decimals(bias, digits),
    )
    return f"{text} {rest}"


def switched_off(layer: Layer, behind: Layer) -> str:
    """Say that a channel is estimated at one layer and switched off at another.

    Args:
        layer: The layer whose maps the shares are of.
        behind: The batch norm behind it, whose output a ReLU follows.
    """
    return tr(
        "The estimates are of what {layer} puts out. A 0 there would not stay 0 in {behind}, so a "
        "channel is switched off behind that, and the two need not agree.",
        layer=plain(layer.title),
        behind=plain(behind.title),
    )


def channel(number: int, estimate: float, measured: float, digits: int = 2) -> str:
    """Say what a channel adds by estimate, and what the score loses when it is switched off.

    Args:
        number: Of the channel.
        estimate: What it adds.
        measured: What the score loses.
        digits: After the point; the same for all channels of a list.
    """
    text = (
        later("**{channel}** adds {estimate}; switched off, the score falls by {measured}")
        if measured >= 0
        else later("**{channel}** adds {estimate}; switched off, the score rises by {measured}")
    )
    return tr(
        text,
        channel=number,
        estimate=decimals(estimate, digits),
        measured=decimals(abs(measured), digits),
    )


def deletion(step: DeletionStep) -> str:
    """Say whether a map beats shuffled maps when pixels are deleted, and when they are inserted."""
    if step.deletion is None or step.insertion is None:
        return tr("Not all curves are there yet.")
    if step.is_flat:
        return tr(
            "The probability stays at {share}, whichever pixels are taken away or put back, so "
            "this test tells nothing of the map.",
            share=probability(step.deletion.probabilities[0]),
        )
    wins = (step.beats_random_in_deletion, step.beats_random_in_insertion)
    area, shuffled = _areas(step.deletion.area, step.random_deletion_area)
    deletion = tr(
        "Deleting in the map's order leaves an area of {area}, in shuffled orders {shuffled} on "
        "average of {count}; less is better.",
        area=area,
        shuffled=shuffled,
        count=len(step.random_deletions),
    )
    area, shuffled = _areas(step.insertion.area, step.random_insertion_area)
    insertion = tr(
        "Inserting gives {area}, in shuffled orders {shuffled}; more is better.",
        area=area,
        shuffled=shuffled,
    )
    text = f"{tr(_VERDICTS[wins])} {deletion} {insertion}"
    if not any(wins):
        return text
    chance = tr(
        "By chance alone a map would beat them all in one of the tests in {share} of cases.",
        share=percent(1 / (len(step.random_deletions) + 1)),
    )
    return f"{text} {chance}"


def _areas(*areas: float) -> list[str]:
    """Write areas that are compared so that those look different that differ by more than rounding.

    Args:
        areas: That of a map, and of the shuffled maps.
    """
    digits = round(-math.log10(NOTHING))
    return apart([round(area, digits) for area in areas], decimals, 3)


def randomised(similarity: float | None, method: str) -> str:
    """Say what it means that a picture changes, or does not, when the decoder is randomised.

    Args:
        similarity: Of the two pictures; None where one of them is the same everywhere.
        method: Title of the method.
    """
    if similarity is None:
        return tr(
            "With the trained decoder or with one of random numbers the map is the same "
            "everywhere, so the two have no order to compare, and this test tells nothing of "
            "{method} here.",
            method=method,
        )
    text = (
        later(
            "With a decoder of random numbers the picture stays much the same (rank correlation "
            "{correlation}): what {method} shows here has little to do with what the network has "
            "learned of the class."
        )
        if similarity >= _ALIKE
        else later(
            "With a decoder of random numbers the picture changes (rank correlation "
            "{correlation}), as it should if {method} shows what the network has learned of the "
            "class."
        )
    )
    return tr(text, correlation=decimals(similarity), method=method)


def growing(curve: CorruptionStep | None, *, is_over_another: bool) -> str:
    """Say how far a curve over the range of a slider is computed.

    Args:
        curve: What is known of it; None before the first value.
        is_over_another: Whether the curve that was shown before lies under it.
    """
    if curve is None and is_over_another:
        return tr(
            "The grey curve is of the sliders as they stood before; the new one is on its way."
        )
    if curve is None:
        return tr("The curve is on its way.")
    text = trn(
        "{count} of {total} value of the curve is computed.",
        "{count} of {total} values of the curve are computed.",
        len(curve.values),
        total=curve.total,
    )
    if not is_over_another:
        return text
    return f"{text} {tr('The grey one is of the sliders as they stood before.')}"


def drawn_anew(count: int) -> str:
    """Say how many random decoders gave a map without evidence before the one that is shown."""
    return trn(
        "In one draw of random numbers before this one the map was the same everywhere.",
        "In {count} draws of random numbers before this one the map was the same everywhere.",
        count,
    )


def occlusion(similarity: float | None, uncovered: float, largest: float) -> str:
    """Say how far a map agrees with what covering the places does.

    Args:
        similarity: Of the map and the falls; None where one of them is the same everywhere.
        uncovered: The score of the whole image.
        largest: How far it falls where a covered place lowers it most; not above 0 where none does.
    """
    digits = max(digits_of(uncovered), digits_of(largest))
    text = (
        tr(
            "Covering the worst place lowers the score of {score} by {fall}; a pixel's colour is "
            "the mean fall of the squares that cover it.",
            score=decimals(uncovered, digits),
            fall=decimals(largest, digits),
        )
        if largest > 0
        else tr("No covered place lowers the score of {score}.", score=decimals(uncovered, digits))
    )
    if similarity is None:
        same = tr(
            "The map or these falls are the same everywhere, so they have no order to compare."
        )
        return f"{text} {same}"
    alike = (
        later(
            "The map and these falls agree (rank correlation {correlation}; 1 is the same order "
            "of places)."
        )
        if similarity >= _ALIKE
        else later(
            "The map and these falls differ (rank correlation {correlation}; 1 is the same order "
            "of places)."
        )
    )
    return f"{text} {tr(alike, correlation=decimals(similarity))}"


def worse(before: tuple[float, float], now: tuple[float, float]) -> str:
    """Compare a class's score and probability with those of the image as it is.

    Args:
        before: Score and probability of the image as it is.
        now: Those of the worse one.
    """
    score, score_before = apart((now[0], before[0]), decimals, 2)
    share, share_before = apart((now[1], before[1]), probability, 1)
    return tr(
        "Score {score}, probability {share}. With the image as it is: score {score_before}, "
        "probability {share_before}.",
        score=score,
        share=share,
        score_before=score_before,
        share_before=share_before,
    )


def not_among(title: str, network: str, *, shares_any: bool = True) -> str:
    """Say that a network does not know a class.

    Args:
        title: The class.
        network: The network that lacks it.
        shares_any: Whether it knows any class of the network in the sidebar.
    """
    text = (
        later("“{class_name}” is none of the classes of {network}: choose another class.")
        if shares_any
        else later(
            "“{class_name}” is none of the classes of {network}, nor is any other class of the "
            "network in the sidebar: choose another network under With, one that knows "
            "“{class_name}”."
        )
    )
    return tr(text, class_name=plain(title), network=plain(network))


def namesakes(title: str, network: str) -> str:
    """Say that a name does not tell which class of another network is the same.

    Args:
        title: The class.
        network: The other network.
    """
    return tr(
        "More than one class is called “{class_name}” in {network} or in the network in the "
        "sidebar, so it is not known which of them are the same: choose another class.",
        class_name=plain(title),
        network=plain(network),
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
