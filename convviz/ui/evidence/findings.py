"""What the page Evidence says of its numbers, in sentences."""

from __future__ import annotations

from convviz.features.class_evidence import ClassActivationMap
from convviz.features.deletion import DeletionStep
from convviz.features.grad_cam import ClassMap
from convviz.formatting import decimals, percent, probability
from convviz.networks.network import Network
from convviz.plain_text import plain
from convviz.structure.layers import Layer

_ALIKE = 0.5  # a rank correlation from which two pictures are called much alike


def score(title: str, value: float, share: float, *, against: bool) -> str:
    """Say what is explained: a class's score and probability, or the difference of two scores."""
    name = plain(title)
    if not against:
        return f"Score of **{name}**: {decimals(value)}, probability {probability(share)}."
    return (
        f"Why **{name}**: the one score exceeds the other by {decimals(value)}; between these two "
        f"alone the first has a probability of {probability(share)}."
    )


def not_reached(layer: Layer, before: Layer | None, *, is_shown: bool = False) -> str:
    """Say that no gradient reaches a layer, and which layer there is instead.

    Args:
        layer: The layer.
        before: The last one before it that a gradient reaches.
        is_shown: Whether that one is shown in its place, without a click.
    """
    if before is None:
        offer = "You can choose another layer."
    elif is_shown:
        offer = f"This is the evidence in {plain(before.title)}."
    else:
        offer = f"You can look at {plain(before.title)} instead."
    return (
        f"No gradient of the score reaches {plain(layer.title)}: what comes after it passes "
        f"nothing of it on to this class, so its maps are no evidence. {offer}"
    )


def no_places(layer: Layer, instead: Layer) -> str:
    """Say that a layer has no map, and which one is shown instead."""
    return (
        f"{plain(layer.title)} puts out one number for each channel and has no places to show, so "
        f"this is the evidence in {plain(instead.title)}."
    )


def alone(height: int, width: int) -> str:
    """Say what the map by itself shows."""
    return f"The map alone, {height} × {width} values; nothing is scaled or smoothed."


def seen_at(network: Network, side: int, box: tuple[float, ...] | None) -> str:
    """Say at which size the network saw the image, and why a layer's evidence may stop short of it.

    Args:
        network: The network.
        side: Of the input that the predictions were made of, in pixels.
        box: Where the layer's map lies on it; None for all of it.
    """
    usual = network.weights.input_size
    text = f"The predictions are made of the image at {side} × {side} pixels"
    if side != usual:
        text += (
            f", the size that the decoder was trained on; the sidebar and Activations count layers "
            f"at {usual} × {usual}, so their maps are larger"
        )
    if box is not None:
        text += (
            ". Each value is drawn around the middle of the pixels that it looks at, so the "
            "coloured field may end before the image does"
        )
    return f"{text}."


def cam(found: ClassActivationMap, class_map: ClassMap) -> str:
    """Compare class activation mapping with Grad-CAM where both apply."""
    largest = float(found.map.max())
    gap = float((found.map - class_map.map * found.positions).abs().max())
    share = gap / largest if largest else 0.0
    return (
        f"Behind these maps come only averages and one linear layer, so class activation mapping "
        f"(Zhou et al. 2016) applies as well: its map is Grad-CAM's times {found.positions}, the "
        f"number of places. Measured here, the two differ by {percent(share)} of the largest value."
    )


def channels(class_map: ClassMap, listed: int) -> str:
    """Say what the shares of the listed channels are, and what all of them come to."""
    total = float(class_map.contributions.sum())
    most = "channel that adds" if listed == 1 else f"{listed} channels that add"
    return (
        f"The {most} most to the score, of {len(class_map.contributions):,}, by estimate; "
        f"all {len(class_map.contributions):,} channels together, with "
        f"those that subtract, come to {decimals(total)} of {decimals(class_map.score)}."
    )


def channel(number: int, estimate: float, measured: float) -> str:
    """Say what a channel adds by estimate, and what the score loses when it is switched off."""
    return (
        f"**{number}** adds {decimals(estimate)}; switched off, the score "
        f"{'falls' if measured >= 0 else 'rises'} by {decimals(abs(measured))}"
    )


def deletion(step: DeletionStep) -> str:
    """Say whether a map beats shuffled maps when pixels are deleted, and when they are inserted."""
    if step.deletion is None or step.insertion is None:
        return "Not all curves are there yet."
    count = len(step.random_deletions)
    lines = (
        f"Deleting in the map's order leaves an area of {decimals(step.deletion.area, 3)}, in "
        f"shuffled orders {decimals(step.random_deletion_area, 3)} on average of {count}; less is "
        f"better. ",
        f"Inserting gives {decimals(step.insertion.area, 3)}, in shuffled orders "
        f"{decimals(step.random_insertion_area, 3)}; more is better. ",
    )
    wins = (step.beats_random_in_deletion, step.beats_random_in_insertion)
    verdict = {
        (True, True): "**Yes: the map beats every shuffled one in both tests.** ",
        (
            True,
            False,
        ): "**Partly: it beats every shuffled map in deletion, but not in insertion.** ",
        (
            False,
            True,
        ): "**Partly: it beats every shuffled map in insertion, but not in deletion.** ",
        (False, False): "**No: it does not beat chance: do not believe this map here.** ",
    }[wins]
    return (verdict + "".join(lines)).rstrip()


def randomised(similarity: float, method: str) -> str:
    """Say what it means that a picture changes, or does not, when the decoder is randomised."""
    alike = f"rank correlation {decimals(similarity)}"
    if similarity >= _ALIKE:
        return (
            f"With a decoder of random numbers the picture stays much the same ({alike}): what "
            f"{method} shows here has little to do with what the network has learned of the class."
        )
    return (
        f"With a decoder of random numbers the picture changes ({alike}), as it should if "
        f"{method} shows what the network has learned of the class."
    )


def occlusion(similarity: float, uncovered: float, largest: float) -> str:
    """Say how far a map agrees with what covering the places does."""
    alike = "agree" if similarity >= _ALIKE else "differ"
    return (
        f"Covering the worst place lowers the score of {decimals(uncovered)} by "
        f"{decimals(largest)}. The map and these falls {alike} (rank correlation "
        f"{decimals(similarity)}; 1 is the same order of places)."
    )


def worse(before: tuple[float, float], now: tuple[float, float]) -> str:
    """Compare a class's score and probability with those of the image as it is.

    Args:
        before: Score and probability of the image as it is.
        now: Those of the worse one.
    """
    return (
        f"Score {decimals(now[0])}, probability {probability(now[1])}. With the image as it is: "
        f"score {decimals(before[0])}, probability {probability(before[1])}."
    )


def not_among(title: str, network: str, *, shares_any: bool = True) -> str:
    """Say that a network does not know a class.

    Args:
        title: The class.
        network: The network that lacks it.
        shares_any: Whether it knows any class of the network in the sidebar.
    """
    text = f"“{plain(title)}” is none of the classes of {plain(network)}"
    if shares_any:
        return f"{text}: choose another class."
    return (
        f"{text}, nor is any other class of the network in the sidebar: choose another network "
        f"under With, one that knows “{plain(title)}”."
    )


def no_class(*, is_nameless: bool) -> str:
    """Say why no class can be explained, and what to do.

    Args:
        is_nameless: Whether it is a network of the user's own that lacks only the classes' names.
    """
    if is_nameless:
        return (
            "Without the names of its classes none can be chosen here, so there is nothing to "
            "explain. In the Python file of this network, give `NetworkSpec` the names, in the "
            'order of the outputs: `classes=("cat", "dog", …)`.'
        )
    return (
        "Without a decoder no class has a score, so there is nothing to explain. Choose other "
        "weights in the sidebar: GoogLeNet comes with a decoder of its own, AlexNet and VGG16 "
        "with small ones behind their encoders, and the ImageNet weights of every network "
        "include one."
    )
