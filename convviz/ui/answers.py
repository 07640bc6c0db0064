"""Questions with computed answers: which option is right for these numbers, and why.

Each function takes numbers that a page has computed and compares them; none knows beforehand what
comes out. Numbers are written with as many digits as show what was compared. The names of options
are an interface: tests and what is remembered use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convviz import formatting
from convviz.formatting import decimals, percent
from convviz.language import later, tr, trn
from convviz.plain_text import plain

YES_NO = {"yes": later("Yes"), "no": later("No")}
AMOUNTS = {
    "more": later("A larger share"),
    "less": later("A smaller share"),
    "same": later("The same share"),
}
COUNTS = {
    "one": later("One or none"),
    "two": later("Two"),
    "more": later("Three or more"),
}

_HALF = 0.5


@dataclass(frozen=True)
class Answer:
    """What is right for one image and network.

    Attributes:
        right: The names of the right options; several where values are equal, and none where there
            is nothing to compare.
        sentence: The numbers that were compared, or why there are none.
    """

    right: tuple[str, ...]
    sentence: str


def _yes(holds: bool) -> tuple[str, ...]:
    return ("yes",) if holds else ("no",)


def _amount(before: float, after: float) -> tuple[str, ...]:
    if before == after:
        return ("same",)
    return ("more",) if after > before else ("less",)


def _beside_half(share: float) -> str:
    """Write a share so that it is a half only if it is one, and all of it only if it is all."""
    return formatting.apart([share, _HALF, 1.0], percent, 1)[0]


def sureness(network: str, label: str, probability: float) -> Answer:
    """Whether a network gives its first guess more than half of the probability, 0…1."""
    return Answer(
        _yes(probability > _HALF),
        tr(
            "{network} gives its first guess, *{label}*, {probability} of the probability.",
            network=plain(network),
            label=plain(label),
            probability=formatting.apart([probability, _HALF], formatting.probability, 1)[0],
        ),
    )


def active_share(channel: int, share: float) -> Answer:
    """Whether a channel is above 0 at more than half of its positions."""
    return Answer(
        _yes(share > _HALF),
        tr(
            "Channel {channel} is above 0 at {share} of its positions.",
            channel=channel,
            share=_beside_half(share),
        ),
    )


def same_class(first: tuple[str, str], others: Sequence[tuple[str, str]]) -> Answer:
    """Whether another network names the class first that the first one names first.

    Args:
        first: The network's title, and its guess.
        others: Those of the other networks.
    """
    named = ", ".join(
        tr("{network} says *{label}*", network=plain(title), label=plain(label))
        for title, label in (first, *others)
    )
    return Answer(_yes(any(label == first[1] for _, label in others)), f"{named}.")


def surest(probabilities: Mapping[str, tuple[str, float]]) -> Answer:
    """Which network gives its first guess most: title and probability, by the option's name."""
    values = [probability for _, probability in probabilities.values()]
    texts = formatting.apart(values, formatting.probability, 1)
    given = tr(" and ").join(
        tr("{network} gives its first guess {probability}", network=plain(title), probability=text)
        for (title, _), text in zip(probabilities.values(), texts, strict=True)
    )
    right = tuple(name for name, (_, value) in probabilities.items() if value == max(values))
    return Answer(right, f"{given}.")


def empty_shares(first: tuple[str, int, int], last: tuple[str, int, int]) -> Answer:
    """Whether a larger share of channels is empty in the second of two layers.

    Args:
        first: The layer's title, its empty channels, and all of them.
        last: The same of the layer that is compared with it.
    """
    shares = formatting.apart(
        [empty / channels for _, empty, channels in (first, last)], percent, 1
    )
    told = tr(" and ").join(
        tr(
            "{empty:,} of {channels:,} channels ({share}) of {layer}",
            empty=empty,
            channels=channels,
            share=share,
            layer=plain(title),
        )
        for (title, empty, channels), share in zip((first, last), shares, strict=True)
    )
    # Whole numbers, so that equal shares are equal.
    return Answer(
        _amount(first[1] * last[2], last[1] * first[2]),
        tr("Empty for this image: {layers}.", layers=told),
    )


def no_relu(network: str) -> Answer:
    """Say that a network has no layers whose channels can be empty."""
    return Answer(
        (),
        tr(
            "{network} has fewer than two layers with a ReLU, so there is nothing to "
            "compare: without a ReLU no channel is silent by nature.",
            network=plain(network),
        ),
    )


def never_empty(layer: str) -> Answer:
    """Say that no channel of a layer is exactly 0 by nature, since no ReLU made its numbers."""
    return Answer(
        (),
        tr(
            "No ReLU sets the numbers of {layer} to 0, so no channel of it is empty by nature, and "
            "there is nothing to compare.",
            layer=plain(layer),
        ),
    )


def highest(maxima: Mapping[str, tuple[str, float]], why: str) -> Answer:
    """Where the largest activation is.

    Args:
        maxima: Title and maximum of each part, by the option's name.
        why: What explains it, said after the numbers.
    """
    values = [value for _, value in maxima.values()]
    texts = formatting.apart(values, decimals, 2)
    told = ", ".join(
        f"{plain(title)} {text}" for (title, _), text in zip(maxima.values(), texts, strict=True)
    )
    right = tuple(name for name, (_, value) in maxima.items() if value == max(values))
    numbers = tr("The largest activation of each: {maxima}.", maxima=told)
    return Answer(right, f"{numbers} {why}")


def few_channels(label: str, contributions: Sequence[float], few: int = 10) -> Answer:
    """Whether the few channels that add most make up more than half of what speaks for a class.

    Args:
        label: The class.
        contributions: What each channel adds to its score; negative where it takes away.
        few: How many channels.
    """
    adding = sorted((value for value in contributions if value > 0), reverse=True)
    if not adding:
        return Answer((), tr("No channel adds to the score of *{label}*.", label=plain(label)))
    if len(adding) <= few:
        return Answer(
            ("yes",),
            trn(
                "Only one channel adds to the score of *{label}*: it brings all of it.",
                "Only {count} channels add to the score of *{label}*: they bring all of it.",
                len(adding),
                label=plain(label),
            ),
        )
    share = sum(adding[:few]) / sum(adding)
    return Answer(
        _yes(share > _HALF),
        tr(
            "{count:,} channels add to the score of *{label}*; the {few} that add most bring "
            "{share} of it.",
            few=few,
            label=plain(label),
            share=_beside_half(share),
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


def alike(similarities: Mapping[str, float]) -> Answer:
    """How many layers give back an image whose structural similarity is above 0.5.

    Args:
        similarities: Of the image that each layer gives back, by the layer's title.
    """
    values = list(similarities.values())
    count = sum(value > _HALF for value in values)
    texts = formatting.apart([*values, _HALF], decimals, 2)
    told = ", ".join(
        f"{plain(layer)} {text}" for layer, text in zip(similarities, texts[:-1], strict=True)
    )
    return Answer(
        ("more" if count > 2 else "two" if count == 2 else "one",),
        tr(
            "Structural similarity to the original: {layers}. Above 0.5: {count} of "
            "{layers_count}; 1 would be equal.",
            layers=told,
            count=count,
            layers_count=len(values),
        ),
    )


def same_nearest(by_maps: str, by_pixels: str) -> Answer:
    """Whether the photograph that is most like an image by its last maps is so by pixels too.

    Args:
        by_maps: Title of the one whose last maps are most alike.
        by_pixels: Title of the one whose pixels are.
    """
    return Answer(
        _yes(by_maps == by_pixels),
        tr(
            "By the last maps your image is most like *{by_maps}*, by its pixels like "
            "*{by_pixels}*.",
            by_maps=plain(by_maps),
            by_pixels=plain(by_pixels),
        ),
    )


def wide_field(layer: str, field: int, side: int) -> Answer:
    """Whether the receptive field of a layer's positions is as large as the image, in pixels."""
    return Answer(
        _yes(field >= side),
        tr(
            "The receptive field of one position of {layer} is {field:,} pixels across, the longer "
            "side of the image {side:,}.",
            layer=plain(layer),
            field=field,
            side=side,
        ),
    )


def no_field(layer: str) -> Answer:
    """Say that what a layer's positions see of the image is not known."""
    return Answer(
        (),
        tr(
            "What one position of {layer} sees of the image cannot be followed through this "
            "network.",
            layer=plain(layer),
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
            share=_beside_half(decoder / total if total else 0.0),
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


def loss_fell_half(
    first: tuple[int, float], middle: tuple[int, float], last: tuple[int, float]
) -> Answer:
    """Whether more than half of what a training lowered its loss by came in its first half.

    Args:
        first: The first recorded step, and the loss there.
        middle: The same half way.
        last: The same at the end.
    """
    (first_step, first_loss), (middle_step, middle_loss) = first, middle
    last_step, last_loss = last
    losses = tr(
        "The loss was {first} after {first_step:,} steps, {middle} after {middle_step:,} and "
        "{last} after {last_step:,}.",
        first=decimals(first_loss),
        first_step=first_step,
        middle=decimals(middle_loss),
        middle_step=middle_step,
        last=decimals(last_loss),
        last_step=last_step,
    )
    whole, half = first_loss - last_loss, first_loss - middle_loss
    if whole <= 0:
        risen = tr("It did not fall.")
        return Answer((), f"{losses} {risen}")
    if not 0 <= half <= whole:  # no share: it rose in one of the halves
        return Answer(_yes(half > 0), losses)
    share = tr("{share} of the fall came in the first half.", share=_beside_half(half / whole))
    return Answer(_yes(half / whole > _HALF), f"{losses} {share}")
