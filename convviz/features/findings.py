"""What the numbers of a channel mean, in sentences.

Each function takes results and returns text. Signs and edges are in the text: a response below 0
that comes nearer to 0 rises; a channel that nothing moves is said not to move. Rows and columns are
counted from 1, as a reader does; channels have the number of their index.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, isnan

from convviz.features.ablation import Ablation
from convviz.features.activations import Activations, Seen, what_was_seen
from convviz.features.arithmetic import Arithmetic
from convviz.features.arithmetic_steps import (
    BranchChoice,
    Identity,
    Normalised,
    Opaque,
    Pooled,
    Rectified,
    Stage,
    WeightedSum,
)
from convviz.features.channel_changes import ChannelChanges
from convviz.features.dead import DeadChannels
from convviz.features.effective_field import EffectiveField
from convviz.features.occlusion import OcclusionStep
from convviz.features.saliency import COMPLETE, Saliency
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import TopPatches
from convviz.formatting import in_words, percent
from convviz.language import again, in_english, tr, trn
from convviz.plain_text import code, plain
from convviz.structure.layers import Layer
from convviz.structure.ops import kind_text
from convviz.structure.outputs import CLASS_PART, HEADS_PART, OutputName

_NOISE = 1e-5  # of a response: passes over batches differ by no more, from float32's rounding
_ROUNDING = 1e-3  # a float32 sum differs from the exact one by a much smaller share of its terms


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
            "Under the weights on the left, {layer} is silent for this image, or one of "
            "the two holds numbers that are infinite or none: there is no scale for the "
            "distances.",
            layer=title,
        )
    parts = [
        tr(
            "For this image the maps of {layer} differ by {share} of their size on the left. "
            "Channel {channel} changed most: its map moved by {distance:.2f} times the size "
            "of the layer's typical map.",
            layer=title,
            share=percent(changes.total),
            channel=channel,
            distance=distance,
        )
    ]
    if changes.only_first or changes.only_second:
        parts.append(
            tr(
                "{right:,} of its channels are empty on the right alone, "
                "{left:,} on the left alone.",
                right=changes.only_first,
                left=changes.only_second,
            )
        )
    return " ".join(parts)


def seen_alike(size: int) -> str:
    """Say that both networks get the image in the size of the one on the left.

    Args:
        size: Its side in pixels.
    """
    return tr(
        "Both get the image in {size} × {size} pixels, as the weights on the left do, so "
        "that their maps lie on one another; by themselves, those on the right get it in "
        "another size.",
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
            "**None of {channels} channels is dead** over N = {images}: each answers to at least "
            "one of them.",
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


def dead_mark(dead: DeadChannels) -> str:
    """Say what the mark of dead channels means in a saved image."""
    return tr("dead: empty for each of {images}", images=dead.images)


_NAMED = 3  # channels that draw most of a pattern


def strongest(activations: Activations, threshold: float, seen: Seen = "image") -> str:
    """Say how many channels a layer has, and which draw most of a pattern, by their salience.

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
        return tr("None of {channels} channels answers to {seen}.", channels=channels, seen=this)
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
            "{channels}; {listed} draws most of a pattern from {seen}.",
            "{channels}; {listed} draw most of a pattern from {seen}.",
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
    network, kind = plain(again(network_title)), plain(kind_text(layer.kind))
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
        else tr("None of the layer's {channels} channels are dead over them.", channels=channels)
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


def occlusion_watched(step: OcclusionStep, measured: str) -> str:
    """Say what was covered, and what was measured of the channel, named by `measured`.

    Args:
        step: The last step of the occlusion.
        measured: In the reader's language.
    """
    return tr(
        "A plain square of {patch} × {patch} pixels, in the colour that the network "
        "reads as 0, was laid over {total} places. Watched was {measured}, "
        "{uncovered:.3g} for the image as it is.",
        patch=step.patch,
        total=step.total,
        measured=measured,
        uncovered=step.uncovered,
    )


def occlusion_extremes(step: OcclusionStep) -> tuple[float, float]:
    """Return the lowest and the highest response with a part covered; not-a-numbers do not count.

    Returns:
        Both are the uncovered response where nothing else is known.
    """
    numbers = [value for value in step.responses.flatten().tolist() if isfinite(value)]
    return min(numbers, default=step.uncovered), max(numbers, default=step.uncovered)


def occlusion_falls(step: OcclusionStep) -> str:
    """Say by how much covering a part lowers the response at most."""
    lowest, _ = occlusion_extremes(step)
    if not step.uncovered - lowest > _NOISE * abs(step.uncovered):
        return tr("falls nowhere")
    size = step.uncovered - lowest
    if not step.uncovered > 0:
        return tr("falls, by up to {size:.3g}, to {lowest:.3g}", size=size, lowest=lowest)
    return tr(
        "falls, by up to {size:.3g} ({share}), to {lowest:.3g}",
        size=size,
        share=percent(size / step.uncovered),
        lowest=lowest,
    )


def occlusion_rises(step: OcclusionStep) -> str:
    """Say by how much covering a part raises the response at most."""
    _, highest = occlusion_extremes(step)
    if not highest - step.uncovered > _NOISE * abs(step.uncovered):
        return tr("rises nowhere")
    size = highest - step.uncovered
    if not step.uncovered > 0:
        return tr("rises, by up to {size:.3g}, to {highest:.3g}", size=size, highest=highest)
    return tr(
        "rises, by up to {size:.3g} ({share}), to {highest:.3g}",
        size=size,
        share=percent(size / step.uncovered),
        highest=highest,
    )


def occlusion_colours(bound: float) -> str:
    """Say what the colours over the image stand for.

    Args:
        bound: The magnitude that is drawn in the strongest colour, above 0; 0 if nothing changes.
    """
    if not bound > 0:
        return tr("Covering any part leaves the number as it is, so nothing is coloured.")
    return tr(
        "Each pixel is coloured by the mean change over the squares that covered it; the "
        "strongest colour stands for a change of {bound:.3g}.",
        bound=bound,
    )


def synthesis(step: SynthesisStep) -> str:
    """Say what an optimisation maximised, and how far it came, measured on the image it made."""
    number, steps = _maximised(step), trn("{count} step", "{count} steps", step.step)
    if not step.changed:
        return tr(
            "In {steps} {number} stayed at {start:.3g}: no pixel of the noise has an "
            "influence on it, so this is still the noise that it began with. Another "
            "seed, or the layer before this one, may give a start.",
            steps=steps,
            number=number,
            start=step.start,
        )
    if step.score == step.start:
        came = tr(
            "In {steps} {number} ended where it began, at {score:.3g}, measured on this image and "
            "on the noise that it began with.",
            steps=steps,
            number=number,
            score=step.score,
        )
    elif step.score > step.start:
        came = tr(
            "In {steps} {number} went from {start:.3g} to {score:.3g}, measured on this image and "
            "on the noise that it began with.",
            steps=steps,
            number=number,
            start=step.start,
            score=step.score,
        )
    else:
        came = tr(
            "In {steps} {number} fell from {start:.3g} to {score:.3g}, measured on this image and "
            "on the noise that it began with.",
            steps=steps,
            number=number,
            start=step.start,
            score=step.score,
        )
    how = tr(
        "Before every step the image was shifted, scaled and "
        "turned a little, so that it cannot rely on single pixels."
    )
    return f"{came} {how}"


def _maximised(step: SynthesisStep) -> str:
    """Name the number that an optimisation maximised."""
    if not step.has_map:
        if step.before_relu:
            return tr("the channel's number, before its ReLU,")
        return tr("the channel's number")
    if step.target == "channel":
        if step.before_relu:
            return tr("the mean of the map, before its ReLU,")
        return tr("the mean of the map")
    if step.before_relu:
        return tr("the number in its middle, before its ReLU,")
    return tr("the number in its middle")


def effective_field(field: EffectiveField) -> str:
    """Say what the picture of an effective receptive field shows."""
    if field.support is None:
        return tr(
            "The number is {number:.4g}, and a little more or less of any pixel leaves it there.",
            number=field.value,
        )
    if field.core is None:
        return tr(
            "How much each pixel matters cannot be measured: the gradient is no finite number."
        )
    return tr(
        "How much a small change of each pixel would change this number: the brighter, "
        "the more. Brightness is the square root, so that weak pixels can be seen: half "
        "as bright means a quarter as much. Half of it all lies within {width} × "
        "{height} pixels, all of it within {all_width} × {all_height}.",
        width=field.core.width,
        height=field.core.height,
        all_width=field.support.width,
        all_height=field.support.height,
    )


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


def patches(top: TopPatches, channel: int, set_name: str, *, is_partial: bool) -> str:
    """Say what the strongest patches of a channel are, or that it is dead over the set.

    Args:
        top: The pass over the set.
        channel: The channel.
        set_name: What the set is called.
        is_partial: Whether the pass was stopped before it had seen all.
    """
    count = len(top.patches(channel))
    values: dict[str, str | int] = {
        "channel": channel,
        "images": top.seen_images,
        "set": plain(tr(set_name)),
    }
    if not count:
        text = tr(
            "Channel {channel} is dead over {images} ({set}): it is empty for each of them.",
            **values,
        )
    elif _are_of_photographs(top):
        text = trn(
            "**The strongest patch** for channel {channel} over {images} ({set}), at most "
            "one of each photograph, cut to what the number can see.",
            "**The {count} strongest patches** for channel {channel} over {images} ({set}), at "
            "most one of each photograph, cut to what the number can see.",
            count,
            **values,
        )
    else:
        text = trn(
            "**The strongest patch** for channel {channel} over {images} ({set}), at most "
            "one of each picture, cut to what the number can see.",
            "**The {count} strongest patches** for channel {channel} over {images} ({set}), at "
            "most one of each picture, cut to what the number can see.",
            count,
            **values,
        )
    if not is_partial:
        return text
    stopped = tr("It was stopped before it had seen all.")
    return f"{text} {stopped}"


def _are_of_photographs(top: TopPatches) -> bool:
    """Tell crops of photographs, which the words for them name, from pictures."""
    return "photograph" in in_english(top.seen_images)


def patches_dead(top: TopPatches) -> str:
    """List the channels that are dead over a set; "" if none is."""
    numbers = top.dead().nonzero().flatten().tolist()
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers[:40]))
    if len(numbers) > 40:
        listed = tr("{numbers} and {count} more", numbers=listed, count=len(numbers) - 40)
    return trn(
        "Dead over these {images}: channel {numbers}.",
        "Dead over these {images}: channels {numbers}.",
        len(numbers),
        images=top.seen_images,
        numbers=listed,
    )


def ablation(result: Ablation) -> str:
    """Say how many channels are off, and how change is measured."""
    count, channels = len(result.channels), result.layer.shape[0]
    title = plain(result.layer.title)
    off = (
        trn(
            "{count} of {channels} channels of {layer} is off.",
            "{count} of {channels} channels of {layer} are off.",
            count,
            channels=channels,
            layer=title,
        )
        if count
        else tr("None of {channels} channels of {layer} are off.", channels=channels, layer=title)
    )
    how = tr(
        "The change of a layer is "
        "the Euclidean norm of the difference of its output, divided by the norm of the "
        "output before."
    )
    return f"{off} {how}"


def ablation_channel(channel: int, relative: float) -> str:
    """Say how much a channel of the deeper layer changed.

    Args:
        channel: The channel.
        relative: ‖after − before‖ / ‖before‖; infinite where it was empty before.
    """
    if relative == inf:
        return tr("Channel {channel}, was empty, now active", channel=channel)
    if isnan(relative):
        return tr("Channel {channel}, change not known", channel=channel)
    if relative == 0:
        return tr("Channel {channel}, unchanged", channel=channel)
    if relative < 10:
        return tr("Channel {channel}, changed by {share}", channel=channel, share=percent(relative))
    return tr(
        "Channel {channel}, changed by {factor} times its size",
        channel=channel,
        factor=in_words(relative),
    )


def stage(stage: Stage, source: str) -> str:
    """Say in one line what a stage of the arithmetic does.

    Args:
        stage: The stage.
        source: Title of the layer that its inputs come from, for a sum or a pooling; safe to show.
    """
    after = f"**{in_words(stage.after, 7)}**"
    match stage:
        case WeightedSum():
            rows, columns = stage.kernel.shape[1:]
            size = trn(
                "{count} channel × {rows} × {columns}",
                "{count} channels × {rows} × {columns}",
                len(stage.kernel),
                rows=rows,
                columns=columns,
            )
            count = stage.kernel.numel()
            if not stage.has_bias:
                return tr(
                    "Weighted sum over {source}: {size} = {count:,} products → {after}",
                    source=source,
                    size=size,
                    count=count,
                    after=after,
                )
            return tr(
                "Weighted sum over {source}: {size} = {count:,} products + bias {bias} → {after}",
                source=source,
                size=size,
                count=count,
                bias=in_words(stage.bias, 5),
                after=after,
            )
        case Pooled():
            rows, columns = stage.window.shape
            if stage.kind == "average":
                if stage.divisor == stage.window.numel():
                    return tr(
                        "Average of {rows} × {columns} values of {source} → {after}",
                        rows=rows,
                        columns=columns,
                        source=source,
                        after=after,
                    )
                return tr(
                    "Average of {rows} × {columns} values of {source}, their sum divided by "
                    "{divisor} as padding counts too, → {after}",
                    rows=rows,
                    columns=columns,
                    source=source,
                    divisor=stage.divisor,
                    after=after,
                )
            row, column = stage.winner
            return tr(
                "The largest of {rows} × {columns} values of {source}, found at row "
                "{row}, column {column} → {after}",
                rows=rows,
                columns=columns,
                source=source,
                row=row + 1,
                column=column + 1,
                after=after,
            )
        case Normalised():
            return tr(
                "Batch norm: ({before} − {mean}) / √({variance} + {epsilon}) × {scale} + {shift} "
                "→ {after}",
                before=in_words(stage.before, 5),
                mean=in_words(stage.mean, 5),
                variance=in_words(stage.variance, 5),
                epsilon=in_words(stage.epsilon),
                scale=in_words(stage.scale, 5),
                shift=in_words(stage.shift, 5),
                after=after,
            )
        case Rectified():
            if stage.ceiling is None:
                return tr(
                    "ReLU: the larger of {before} and 0 → {after}",
                    before=in_words(stage.before, 5),
                    after=after,
                )
            return tr(
                "ReLU: the larger of {before} and 0, at most {ceiling:g} → {after}",
                before=in_words(stage.before, 5),
                ceiling=stage.ceiling,
                after=after,
            )
        case BranchChoice():
            return tr(
                "Concatenation: it is channel {channel} of the branch {branch} ({name}), "
                "taken over as it is → {after}",
                channel=stage.channel,
                branch=plain(stage.branch.title),
                name=code(stage.branch.name),
                after=after,
            )
        case Identity():
            return tr(
                "The {kind} hands it on unchanged → {after}",
                kind=plain(kind_text(stage.kind)),
                after=after,
            )
        case Opaque():
            return tr(
                "How a {kind} makes its numbers is not known here; this one is {after}",
                kind=plain(kind_text(stage.kind)),
                after=after,
            )


def arithmetic_number(arithmetic: Arithmetic, *, is_map: bool) -> str:
    """Say which number is taken apart."""
    row, column = arithmetic.row + 1, arithmetic.column + 1
    number = in_words(arithmetic.number, 7)
    if not is_map:
        return tr(
            "**Channel {channel} is {number}.** It is made like this:",
            channel=arithmetic.channel,
            number=number,
        )
    return tr(
        "**Channel {channel} at row {row}, column {column} is {number}.** It is made like this:",
        channel=arithmetic.channel,
        row=row,
        column=column,
        number=number,
    )


def arithmetic_check(arithmetic: Arithmetic) -> str:
    """Compare the number that the steps end in with the map's own."""
    ends = tr(
        "The map says {number}; these steps end in {result}, {difference} off.",
        number=in_words(arithmetic.number, 9),
        result=in_words(arithmetic.result, 9),
        difference=in_words(arithmetic.difference, 1),
    )
    sizes = [abs(arithmetic.number)]
    for part in arithmetic.stages:
        sizes.append(abs(part.after))
        if isinstance(part, WeightedSum):
            sizes.append(float(part.products.abs().sum()) + abs(part.bias))
    if isinstance(arithmetic.stages[-1], Opaque) or len(arithmetic.stages) == 0:
        return ends
    if not arithmetic.difference <= _ROUNDING * max(sizes):
        beyond = tr("That is more than rounding: the layer does something else besides.")
        return f"{ends} {beyond}"
    rounding = tr(
        "The network rounds its sums to float32, which has 24 binary digits; here "
        "they are added up in float64."
    )
    return f"{ends} {rounding}"


def contributions_heading(source: str) -> str:
    """Name the chart of what the input channels add; it is ordered by size, whatever the sign.

    Args:
        source: Title of the layer that they are channels of.
    """
    return tr("What each channel of {source} adds, the largest in size first", source=source)


def most_changed_heading(title: str) -> str:
    """Name the maps of a layer before and after an ablation."""
    return tr(
        "**Channels of {layer} that change most**: above before, below after", layer=plain(title)
    )


def nothing_changed(title: str) -> str:
    """Say that an ablation leaves a layer as it is."""
    return tr("No channel of {layer} changes.", layer=plain(title))


def field_heading(row: int, column: int) -> str:
    """Name the effective receptive field of one position, given from 0; it is named from 1."""
    return tr("**What matters at row {row}, column {column}**", row=row + 1, column=column + 1)


def synthesis_title(channel: int, title: str) -> str:
    """Name the image that is made for a channel of a layer."""
    return tr("An image for channel {channel} of {layer}", channel=channel, layer=title)


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
