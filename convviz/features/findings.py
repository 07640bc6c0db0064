"""What a layer's channels answer to an image, in sentences: which most, which are empty.

Each function takes results and returns text. Channels have the number of their index. Sentences
about what is found out about one of them are in `channel_findings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isnan

from convviz.features.activations import Activations, Seen, what_was_seen
from convviz.features.channel_changes import ChannelChanges
from convviz.features.dead import DeadChannels, DeadStep
from convviz.features.saliency import COMPLETE, Saliency
from convviz.formatting import percent
from convviz.language import again, tr, trn
from convviz.plain_text import code, plain
from convviz.structure.final_activation import FinalActivation
from convviz.structure.layers import Layer
from convviz.structure.ops import kind_text
from convviz.structure.outputs import CLASS_PART, HEADS_PART, OutputName


def empty_here(activations: Activations, threshold: float) -> str:
    """Say what an empty channel of this layer is for this image, to follow “empty:”."""
    bound = activations.empty_up_to(threshold)
    if activations.layer.pre_relu is not None:
        if bound:
            return tr("its ReLU lets nothing above {bound:.3g} through in this image", bound=bound)
        return tr("its ReLU lets nothing through in this image")
    if activations.is_signed:
        if bound:
            return tr("never further than {bound:.3g} from zero in this image", bound=bound)
        return tr("zero everywhere in this image")
    if bound:
        return tr("never above {bound:.3g} in this image", bound=bound)
    return tr("never above zero in this image")


def empty_rule(layer: Layer, threshold: float) -> str:
    """Say which channels of a layer count as empty, without an image, for a column of a table."""
    if layer.pre_relu is not None:
        return (
            tr("≤ {threshold:g} × largest, after its ReLU", threshold=threshold)
            if threshold
            else tr("≤ 0 before its ReLU")
        )
    if layer.soft is not None and not threshold:
        return tr(
            "every number is 0, which {function} hardly ever makes", function=layer.soft.function
        )
    return (
        tr("≤ {threshold:g} × largest, by size", threshold=threshold)
        if threshold
        else tr("every number is 0")
    )


def changed(changes: ChannelChanges, layer: Layer) -> str:
    """Say how far a layer's maps under two sets of weights lie apart, and which channel most.

    Args:
        changes: The distances.
        layer: The layer.
    """
    title = plain(layer.title)
    if not changes.total:
        return tr(
            "For this image the maps of {layer} are the same under both sets of weights.",
            layer=title,
        )
    channel = int(changes.order()[0])
    distance = float(changes.distances[channel])
    if not isfinite(distance):
        return tr(
            "Under the first weights, {layer} is silent for this image, or one of the two "
            "holds numbers that are infinite or none: there is no scale for the distances.",
            layer=title,
        )
    parts = [
        tr(
            "For this image the maps of {layer} differ by {share} of their size under the "
            "first weights. Channel {channel} changed most: its map moved by {distance:.2f} "
            "times the size of the layer's typical map.",
            layer=title,
            share=percent(changes.total),
            channel=channel,
            distance=distance,
        )
    ]
    if changes.only_first or changes.only_second:
        parts.append(
            tr(
                "{second:,} of the layer's channels are empty under the second weights alone, "
                "{first:,} under the first alone.",
                second=changes.only_first,
                first=changes.only_second,
            )
        )
    return " ".join(parts)


def seen_alike(size: int) -> str:
    """Say that both networks get the image in the size of the first.

    Args:
        size: Its side in pixels.
    """
    return tr(
        "Both get the image in {size} × {size} pixels, as the first weights do, so that their "
        "maps lie on one another; by themselves, the second get it in another size.",
        size=size,
    )


def soft_activation(activations: Activations) -> str:
    """Say why no channel is empty behind SiLU and its like, and which τ means something there.

    Returns:
        "" for a layer whose numbers do not come out of such a function.
    """
    soft, threshold = activations.layer.soft, activations.soft_threshold
    if soft is None:
        return ""
    start = tr(
        "{function} puts out hardly any exact 0, so with τ = 0 hardly a channel is empty.",
        function=soft.function,
    )
    if threshold is None and soft.reach is not None:
        reach = tr(
            "For inputs up to 0 it stays within {reach:.3g} of 0, and so does "
            "the whole layer for this image.",
            reach=soft.reach,
        )
        return f"{start} {reach}"
    if threshold is None:
        return start
    values: dict[str, float] = {
        "threshold": threshold,
        "empty": activations.empty_count(threshold),
        "channels": activations.channels,
    }
    if soft.reach is not None:
        count = tr(
            "For inputs up to 0 it stays within {reach:.3g} of 0, which is "
            "{threshold:.2g} times the layer's largest number: {empty} of {channels} channels "
            "never go beyond.",
            reach=soft.reach,
            **values,
        )
    elif soft.function == "LeakyReLU":
        count = tr(
            "With τ = {threshold:.2g}, its slope for negative inputs, {empty} of {channels} "
            "channels are.",
            **values,
        )
    else:
        count = tr(
            "With τ = {threshold:.2g}, all but closed, {empty} of {channels} channels are.",
            **values,
        )
    return f"{start} {count}"


def dead_here(activations: Activations, dead: DeadChannels) -> str:
    """Say what a dead channel of this layer is, and how many there are, to follow “dead:”."""
    count, images = len(dead.numbers) or tr("none"), dead.images
    if activations.layer.pre_relu is not None:
        return tr(
            "its ReLU lets nothing through in any of N = {images} ({count} here)",
            images=images,
            count=count,
        )
    if activations.is_signed:
        return tr(
            "zero everywhere in each of N = {images} ({count} here)", images=images, count=count
        )
    return tr("never above zero in any of N = {images} ({count} here)", images=images, count=count)


_LISTED = 24  # dead channels, before the list is cut


def dead_list(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels of a layer are dead over a set, and which."""
    count, channels, images = len(dead.numbers), activations.channels, dead.images
    if not count:
        return tr(
            "**None of the {channels} channels is dead** over N = {images}: each answers to at "
            "least one of them.",
            channels=channels,
            images=images,
        )
    numbers = ", ".join(map(str, dead.numbers[:_LISTED]))
    if count > _LISTED:
        numbers = tr("{numbers} and {count} more", numbers=numbers, count=count - _LISTED)
    return trn(
        "**{count} of {channels} channels is dead** over N = {images}: {numbers}.",
        "**{count} of {channels} channels are dead** over N = {images}: {numbers}.",
        count,
        channels=channels,
        images=images,
        numbers=numbers,
    )


def dead_in_network(network: str, count: DeadStep) -> str:
    """Say how many channels of a network are dead over a set, in its layers with a ReLU.

    Args:
        network: The network's title.
        count: The end of a pass over the set.
    """
    with_relu = [each for each in count.layers if each.layer.has_relu]
    named = {"network": plain(network), "images": again(count.seen_images)}
    if not with_relu:
        return tr(
            "{network} has no layer with a ReLU, so by nature hardly any channel of it is dead "
            "(N = {images}).",
            **named,
        )
    return trn(
        "**{dead:,} of {channels:,} channels of {network} are dead** in its {count} layer with a "
        "ReLU, over N = {images}.",
        "**{dead:,} of {channels:,} channels of {network} are dead** in its {count} layers with a "
        "ReLU, over N = {images}.",
        len(with_relu),
        dead=sum(each.dead for each in with_relu),
        channels=sum(each.channels for each in with_relu),
        **named,
    )


def dead_mark(dead: DeadChannels) -> str:
    """Say what the mark of dead channels means in a saved image."""
    return tr("dead: empty for each of {images}", images=dead.images)


_NAMED = 3  # channels that draw the clearest maps


def strongest(activations: Activations, threshold: float, seen: Seen = "image") -> str:
    """Say how many channels a layer has, and which draw the clearest maps, by their salience.

    Channels that are equally salient are named together or not at all.

    Args:
        activations: The layer's activations.
        threshold: τ, as in `Activations.empty`.
        seen: What was seen: an image, or a camera's frame.
    """
    channels = activations.channels
    empty = activations.empty(threshold).tolist()
    salience = activations.salience.tolist()
    answering = [channel for channel in range(channels) if not empty[channel]]
    this = what_was_seen(seen)
    if channels == 1:
        if answering:
            return tr("The only channel answers to {seen}.", seen=this)
        return tr("The only channel does not answer to {seen}.", seen=this)
    if not answering:
        return tr(
            "None of the {channels} channels answers to {seen}.", channels=channels, seen=this
        )
    order = [channel for channel in activations.order("salience").tolist() if not empty[channel]]
    ranked = [channel for channel in order if not isnan(salience[channel])]
    named = ranked[:_NAMED]
    if len(ranked) > _NAMED:
        named = [each for each in named if salience[each] > salience[ranked[_NAMED]]]
    start = tr("{count} channels", count=channels)
    if len(ranked) < len(answering):
        start = tr(
            "{channels}, {count} of them with a not-a-number",
            channels=start,
            count=len(answering) - len(ranked),
        )
    if not ranked:
        return f"{start}."
    if not named:
        return tr("{channels}; {count} answer alike.", channels=start, count=len(ranked))
    values = {"channels": start, "listed": _listed(named), "seen": this}
    if len(answering) > len(named):
        return trn(
            "{channels}; {listed} draws the clearest map of {seen}.",
            "{channels}; {listed} draw the clearest maps of {seen}.",
            len(named),
            **values,
        )
    if len(answering) == channels:
        return tr("{channels}; {listed} answer to {seen}.", **values)
    return trn(
        "{channels}; only {listed} answers to {seen}.",
        "{channels}; only {listed} answer to {seen}.",
        len(named),
        **values,
    )


def _listed(channels: Sequence[int]) -> str:
    """List channels in words: “3, 7 and 1”."""
    *before, last = map(str, channels)
    if not before:
        return last
    return tr("{numbers} and {last}", numbers=", ".join(before), last=last)


def layer_headline(activations: Activations, network_title: str, threshold: float) -> str:
    """Say which layer it is, its dotted name as code, and how many channels are empty."""
    parts = [which_layer(activations, network_title), activations.sentence(threshold)]
    # Their sum is finite if all of them are, and is had in a tenth of the time.
    odd = 0
    if not isfinite(activations.maps.sum()):
        odd = int((~activations.maps.isfinite()).sum())
    if odd:
        parts.append(
            trn(
                "{count:,} of the {total:,} activations is infinite or not a number, drawn as 0: "
                "the weights are too large, or damaged.",
                "{count:,} of the {total:,} activations are infinite or not a number, drawn as 0: "
                "the weights are too large, or damaged.",
                odd,
                total=activations.maps.numel(),
            )
        )
    return " ".join(parts)


def which_layer(activations: Activations, network_title: str) -> str:
    """Say which layer it is, its dotted name as code, and how its maps are made."""
    layer = activations.layer
    channels, height, width = activations.maps.shape
    dotted = code(layer.name)
    name = (
        tr("Layer {dotted}", dotted=dotted)
        if layer.name == layer.title
        else f"{plain(layer.title)} ({dotted})"
    )
    network, kind = plain(network_title), plain(kind_text(layer.kind))
    if height == width == 1:
        what = tr(
            "{layer} of {network}, {kind}: {channels} numbers.",
            layer=name,
            network=network,
            kind=kind,
            channels=channels,
        )
    else:
        what = tr(
            "{layer} of {network}, {kind}: {channels} maps of {height} × {width}.",
            layer=name,
            network=network,
            kind=kind,
            channels=channels,
            height=height,
            width=width,
        )
    return " ".join(filter(None, [what, arranged(layer)]))


def arranged(layer: Layer) -> str:
    """Say how a layer's maps are made of what its module puts out; "" where that is maps."""
    name, layout = OutputName.of(layer.name), layer.layout
    if name.part == HEADS_PART:
        return tr(
            "Each of the {count} maps is one head of the attention: how much it takes "
            "from each place of the image for the class token, or in the mean over all "
            "places where there is none. All that a head takes adds up to 1, what it "
            "takes from the class token included.",
            count=layer.shape[0],
        )
    if name.part == CLASS_PART:
        return tr(
            "The class token has {count} numbers and belongs to no place of the image.",
            count=layer.shape[0],
        )
    if layout is None or layout.words == "channels last":
        return ""
    _, height, width = layer.shape
    if layout.words == "windows":
        text = tr(
            "Windows of an attention, put together to {height} × {width} places again.",
            height=height,
            width=width,
        )
    else:
        text = tr(
            "The {count} tokens that stand for places of the image, laid out as "
            "{height} × {width}.",
            count=height * width,
            height=height,
            width=width,
        )
    count = layout.before + layout.after
    if not count:
        return text
    without = (
        tr("The class token belongs to no place and is not among them.")
        if (layout.before, layout.after) == (1, 0)
        else tr("Tokens that belong to no place, {count} of them, are left out.", count=count)
    )
    return f"{text} {without}"


def what_is_empty(activations: Activations, threshold: float) -> str:
    """Say what counts as empty in a layer, and which numbers of it count."""
    layer = activations.layer
    parts: list[str] = []
    bound = activations.empty_up_to(threshold)
    if threshold > 0 and activations.is_signed:
        parts.append(
            tr(
                "Empty: nothing further than {bound:.3g} from 0, which is τ times the "
                "layer's largest absolute value.",
                bound=bound,
            )
        )
    elif threshold > 0:
        parts.append(
            tr(
                "Empty: no activation beyond {bound:.3g}, which is τ times the strongest.",
                bound=bound,
            )
        )
    elif layer.pre_relu is None:
        parts.append(tr("Empty: every activation is 0."))
        if layer.soft is not None:
            parts.append(soft_activation(activations))
    else:
        parts.append(tr("Empty: no activation above 0."))
    if layer.pre_relu is not None:
        parts.append(
            tr("The ReLU after this layer is still to come: what it would let through counts.")
            if layer.ceiling is None
            else tr(
                "The ReLU after this layer is still to come: what it would let "
                "through, at most {ceiling:g}, counts.",
                ceiling=layer.ceiling,
            )
        )
    elif activations.is_signed:
        parts.append(
            tr(
                "No ReLU follows directly, so numbers may be negative; a channel's maximum "
                "is its highest number, not its largest in size."
            )
        )
    return " ".join(parts)


def dead_channel(activations: Activations, channel: int, dead: DeadChannels | None) -> str:
    """Say whether a channel is dead, that is, empty for every image of a set.

    Args:
        activations: The layer's activations for the image in use.
        channel: The channel.
        dead: The layer's dead channels; None before a set was looked through.
    """
    if dead is None:
        return tr(
            "Whether it is dead, that is, empty for every picture of a set, is not known "
            "yet: look through one under “What stimulates it”."
        )
    count, channels = len(dead.numbers), activations.channels
    others = (
        trn(
            "{count} of the layer's {channels} channels is dead over them.",
            "{count} of the layer's {channels} channels are dead over them.",
            count,
            channels=channels,
        )
        if count
        else tr("None of the layer's {channels} channels is dead over them.", channels=channels)
    )
    if channel not in dead.numbers:
        alive = tr(
            ":material/check_circle: Alive over N = {images} ({set}).",
            images=dead.images,
            set=tr(dead.pictures),
        )
        return f"{alive} {others}"
    sentences = [
        tr(
            ":material/horizontal_rule: **Dead** over N = {images} ({set}).",
            images=dead.images,
            set=tr(dead.pictures),
        )
    ]
    if not bool(activations.empty()[channel]):
        sentences.append(tr("Yet it answers to this image, so another set would not call it dead."))
    return " ".join([*sentences, others])


def dead_yet_excited(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels that are dead over a set answer to this image; "" if none does."""
    excited = len(dead.numbers) - len(dead.of(activations))
    if not excited:
        return ""
    count, pictures = len(dead.numbers), tr(dead.pictures)
    if count == 1:
        return tr(
            "The only channel that is dead over {set} answers to this image: "
            "another set would not call it dead.",
            set=pictures,
        )
    return trn(
        "{count} of the {dead} channels that are dead over {set} answers to this image: another "
        "set would not call it dead.",
        "{count} of the {dead} channels that are dead over {set} answer to this image: another "
        "set would not call them dead.",
        excited,
        dead=count,
        set=pictures,
    )


def dead_beside(activations: Activations, threshold: float, dead: DeadChannels | None) -> str:
    """Say how many channels are empty and, where it is known, how many are dead."""
    sentence = activations.sentence(threshold)
    if dead is None:
        return sentence
    count = len(dead.numbers)
    dead_ones = (
        trn(
            "{count} dead over N = {images}.",
            "{count} dead over N = {images}.",
            count,
            images=dead.images,
        )
        if count
        else tr("None dead over N = {images}.", images=dead.images)
    )
    return f"{sentence} {dead_ones}"


def second_image(one: Activations, other: Activations, channel: int, titles: list[str]) -> str:
    """Compare a channel's maxima for two images.

    Args:
        one: The layer's activations for the image in use.
        other: For the second image.
        channel: The channel.
        titles: Of the image in use and of the second one.
    """
    values: dict[str, str | float] = {
        "second": titles[1],
        "maximum": float(other.maximum[channel]),
        "first": titles[0],
        "first_maximum": float(one.maximum[channel]),
    }
    if one.layer.pre_relu is None:
        return tr(
            "Its map over {second} and alone, on the scale that both images share: its "
            "maximum is {maximum:.3g}, for {first} {first_maximum:.3g}.",
            **values,
        )
    return tr(
        "Its map over {second} and alone, on the scale that both images share: its "
        "maximum after the ReLU is {maximum:.3g}, for {first} {first_maximum:.3g}.",
        **values,
    )


def what_is_scored(final: FinalActivation, *, is_reached: bool) -> str:
    """Say what the score of a class is where a network itself ends in a softmax or sigmoid.

    Args:
        final: What it ends in.
        is_reached: Whether what goes into it can be taken up.
    """
    if final.name == "softmax":
        if is_reached:
            return tr(
                "This network ends in a softmax. The score is what goes into it; the probability "
                "is what comes out, and no softmax is taken a second time."
            )
        return tr(
            "This network ends in a softmax, and what goes into it cannot be reached. So the score "
            "is the logarithm of the probability: it differs from the score before the softmax by "
            "a number that all classes share, and the evidence is of that logarithm."
        )
    if is_reached:
        return tr(
            "This network ends in a sigmoid, which gives each class a probability of its own: "
            "together they need not come to 100 %. The score is what goes into it."
        )
    return tr(
        "This network ends in a sigmoid, which gives each class a probability of its own: together "
        "they need not come to 100 %. What goes into it cannot be reached, so the score is worked "
        "out from the probability, as the logarithm of the odds."
    )


def completeness(saliency: Saliency) -> str:
    """Say how exactly integrated gradients add up to the difference of two scores."""
    difference, gap = saliency.difference, saliency.completeness_gap
    if difference is None:
        return tr("Completeness is measured of integrated gradients only.")
    total = float(saliency.attribution.double().sum())
    sums = tr(
        "The pixels' shares add up to {total:.3f}; the score exceeds that of plain grey "
        "by {difference:.3f}, after {samples} steps",
        total=total,
        difference=difference,
        samples=saliency.samples,
    )
    if gap is None:
        return tr(
            "{sums}. The two scores are nearly equal, so no share of their difference is given.",
            sums=sums,
        )
    if gap <= COMPLETE:
        return tr("{sums}: {gap} off, complete within 1 %.", sums=sums, gap=percent(gap))
    return tr(
        "{sums}: {gap} off, not complete: more steps are needed.", sums=sums, gap=percent(gap)
    )
