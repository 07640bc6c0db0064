"""Questions with computed answers: which option is right for these numbers, and why.

Each function takes numbers that a page has computed and compares them; none knows beforehand what
comes out. The names of options are an interface: tests and what is remembered use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convviz import formatting
from convviz.formatting import percent
from convviz.language import later, numeral, tr
from convviz.plain_text import plain

YES_NO = {"yes": later("Yes"), "no": later("No")}
AMOUNTS = {
    "more": later("A larger share"),
    "less": later("A smaller share"),
    "same": later("The same share"),
}


@dataclass(frozen=True)
class Answer:
    """What is right for one image and network.

    Attributes:
        right: The names of the right options; several where values are equal.
        sentence: The numbers that were compared.
    """

    right: tuple[str, ...]
    sentence: str


def _yes(holds: bool) -> tuple[str, ...]:
    return ("yes",) if holds else ("no",)


def _amount(before: float, after: float) -> tuple[str, ...]:
    if before == after:
        return ("same",)
    return ("more",) if after > before else ("less",)


def sureness(network: str, label: str, probability: float) -> Answer:
    """Whether a network gives its first guess more than half of the probability, 0…1."""
    return Answer(
        _yes(probability > 0.5),
        tr(
            "{network} gives its first guess, *{label}*, {probability} of the probability.",
            network=plain(network),
            label=plain(label),
            probability=formatting.probability(probability),
        ),
    )


def active_share(channel: int, share: float) -> Answer:
    """Whether a channel is above 0 at more than half of its positions."""
    return Answer(
        _yes(share > 0.5),
        tr(
            "Channel {channel} is above 0 at {share} of its positions.",
            channel=channel,
            share=percent(share, 1),
        ),
    )


def same_class(guesses: Mapping[str, str]) -> Answer:
    """Whether networks, by title, name the same class first."""
    named = ", ".join(
        tr("{network} says *{label}*", network=plain(title), label=plain(label))
        for title, label in guesses.items()
    )
    return Answer(_yes(len(set(guesses.values())) <= 1), f"{named}.")


def surest(probabilities: Mapping[str, tuple[str, float]]) -> Answer:
    """Which network gives its first guess most: title and probability, by the option's name."""
    highest = max(probability for _, probability in probabilities.values())
    given = tr(" and ").join(
        tr(
            "{network} gives its first guess {probability}",
            network=plain(title),
            probability=formatting.probability(probability),
        )
        for title, probability in probabilities.values()
    )
    right = tuple(name for name, (_, value) in probabilities.items() if value == highest)
    return Answer(right, f"{given}.")


def empty_shares(first: tuple[str, int, int], last: tuple[str, int, int]) -> Answer:
    """Whether a larger share of channels is empty in the second of two layers.

    Args:
        first: The layer's title, its empty channels, and all of them.
        last: The same of the layer that is compared with it.
    """
    told = tr(" and ").join(
        tr(
            "{empty:,} of {channels:,} channels ({share}) of {layer}",
            empty=empty,
            channels=channels,
            share=percent(empty / channels, 1),
            layer=plain(title),
        )
        for title, empty, channels in (first, last)
    )
    # Whole numbers, so that equal shares are equal.
    return Answer(
        _amount(first[1] * last[2], last[1] * first[2]),
        tr("Empty for this image: {layers}.", layers=told),
    )


def no_relu(network: str) -> Answer:
    """Say that a network has no layers whose channels can be empty; every option is right."""
    return Answer(
        tuple(AMOUNTS),
        tr(
            "{network} has fewer than two layers with a ReLU, so there is nothing to "
            "compare: without a ReLU no channel is silent by nature.",
            network=plain(network),
        ),
    )


def highest(maxima: Mapping[str, tuple[str, float]]) -> Answer:
    """Where the largest activation is: title and maximum of each part, by the option's name."""
    top = max(value for _, value in maxima.values())
    told = ", ".join(
        f"{plain(title)} {numeral(f'{value:.2f}')}" for title, value in maxima.values()
    )
    right = tuple(name for name, (_, value) in maxima.items() if value == top)
    return Answer(right, tr("The largest activation of each: {maxima}.", maxima=told))


def few_channels(label: str, contributions: Sequence[float], few: int = 10) -> Answer:
    """Whether the few channels that add most make up more than half of what speaks for a class.

    Args:
        label: The class.
        contributions: What each channel adds to its score; negative where it takes away.
        few: How many channels.
    """
    adding = sorted((value for value in contributions if value > 0), reverse=True)
    total = sum(adding)
    share = sum(adding[:few]) / total if total else 0.0
    return Answer(
        _yes(share > 0.5),
        tr(
            "The {few} channels that add most to the score of *{label}* bring {share} of "
            "what {count:,} channels add to it.",
            few=min(few, len(contributions)),
            label=plain(label),
            share=percent(share, 1),
            count=len(adding),
        ),
    )


def heads_agree(first: str, main: str) -> Answer:
    """Whether the first head on the way names the class that the main classifier names."""
    return Answer(
        _yes(first == main),
        tr(
            "The first auxiliary classifier says *{first}*, the main one *{main}*.",
            first=plain(first),
            main=plain(main),
        ),
    )


def alike(layer: str, ssim: float) -> Answer:
    """Whether the image made again from a layer has a structural similarity above 0.5."""
    return Answer(
        _yes(ssim > 0.5),
        tr(
            "The image made again from {layer} has a structural similarity of {ssim:.2f} to "
            "the original; 1 would be equal.",
            layer=plain(layer),
            ssim=ssim,
        ),
    )


def always_gains(network: str, gains: Sequence[float]) -> Answer:
    """Whether fine-tuning improved the accuracy with every seed.

    Args:
        network: The network's title.
        gains: Of each seed, by how much the share of correct answers rose, -1…1.
    """
    better = sum(gain > 0 for gain in gains)
    return Answer(
        _yes(better == len(gains)),
        tr(
            "Fine-tuning {network} improved the test accuracy with {better} of {count} "
            "seeds, by {least:+.1f} to {most:+.1f} percentage points.",
            network=plain(network),
            better=better,
            count=len(gains),
            least=100 * min(gains),
            most=100 * max(gains),
        ),
    )


def deepest_field(layer: str, field: int, side: int) -> Answer:
    """Whether one position of a layer can depend on the whole width of the image, in pixels."""
    return Answer(
        _yes(field >= side),
        tr(
            "One position of {layer} sees {field:,} pixels of the image's {side:,} in width.",
            layer=plain(layer),
            field=field,
            side=side,
        ),
    )


def decoder_share(network: str, decoder: int, total: int) -> Answer:
    """Whether more than half of a network's parameters are the decoder's."""
    return Answer(
        _yes(decoder > total - decoder),
        tr(
            "{decoder:,} of {network}'s {total:,} parameters ({share}) are the decoder's.",
            decoder=decoder,
            network=plain(network),
            total=total,
            share=percent(decoder / total if total else 0.0, 1),
        ),
    )


def fewer(first: tuple[str, int], second: tuple[str, int], what: str) -> Answer:
    """Whether the first of two networks, title and count, has fewer of something.

    Args:
        first: The first network.
        second: The second.
        what: What is counted, in the plural and in the reader's language.
    """
    return Answer(
        _yes(first[1] < second[1]),
        tr(
            "{first} has {first_count:,} and {second} has {second_count:,} {things}.",
            first=plain(first[0]),
            first_count=first[1],
            second=plain(second[0]),
            second_count=second[1],
            things=what,
        ),
    )


def strongest_is_salient(strongest: int, salient: int) -> Answer:
    """Whether the channel with the largest value is also the one that draws the clearest map."""
    return Answer(
        _yes(strongest == salient),
        tr(
            "Channel {strongest} holds the largest value, channel {salient} draws the "
            "clearest map.",
            strongest=strongest,
            salient=salient,
        ),
    )


def loss_fell_half(first: float, middle: float, last: float) -> Answer:
    """Whether more than half of what a training lowered its loss by came in its first half."""
    whole, half = first - last, first - middle
    share = half / whole if whole else 0.0
    return Answer(
        _yes(share > 0.5),
        tr(
            "The loss fell from {first:.2f} to {middle:.2f} in the first half and to "
            "{last:.2f} in the end: {share} of the fall came in the first half.",
            first=first,
            middle=middle,
            last=last,
            share=percent(share, 1),
        ),
    )
