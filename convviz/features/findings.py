"""What the numbers of a channel mean, in sentences.

Each function takes results and returns text. Signs and edges are in the text: a response below 0
that comes nearer to 0 rises; a channel that nothing moves is said not to move. Rows and columns are
counted from 1, as a reader does; channels have the number of their index.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, isnan

from convviz.features.ablation import Ablation
from convviz.features.activations import Activations
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
from convviz.language import tr
from convviz.plain_text import code, plain
from convviz.structure.layers import Layer
from convviz.structure.outputs import CLASS_PART, HEADS_PART, OutputName

_NOISE = 1e-5  # of a response: passes over batches differ by no more, from float32's rounding
_ROUNDING = 1e-3  # a float32 sum differs from the exact one by a much smaller share of its terms


def empty_here(activations: Activations, threshold: float) -> str:
    """Say what an empty channel of this layer is for this image, to follow “empty:”."""
    bound = activations.empty_up_to(threshold)
    above = f"{bound:.3g}" if bound else "zero"
    if activations.layer.pre_relu is not None:
        what = tr("nothing above {above}", above=above) if bound else "nothing"
        return tr("its ReLU lets {what} through in this image", what=what)
    if activations.is_signed:
        where = (
            tr("never further than {above} from zero", above=above)
            if bound
            else tr("zero everywhere")
        )
        return tr("{where} in this image", where=where)
    return tr("never above {above} in this image", above=above)


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
            "For this image the maps of {title} are the same under both sets of weights.",
            title=title,
        )
    channel = int(changes.order()[0])
    distance = float(changes.distances[channel])
    if not isfinite(distance):
        return tr(
            "Under the weights on the left, {title} is silent for this image, or one of "
            "the two holds numbers that are infinite or none: there is no scale for the "
            "distances.",
            title=title,
        )
    parts = [
        tr(
            "For this image the maps of {title} differ by {total} of their size on the left. "
            "Channel {channel} changed most: its map moved by {distance:.2f} times the size "
            "of the layer's typical map.",
            title=title,
            total=percent(changes.total),
            channel=channel,
            distance=distance,
        )
    ]
    if changes.only_first or changes.only_second:
        parts.append(
            tr(
                "{only_first:,} of its channels are empty on the right alone, "
                "{only_second:,} on the left alone.",
                only_first=changes.only_first,
                only_second=changes.only_second,
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
        return tr(
            "{start} For inputs up to 0 it stays within {reach:.3g} of 0, and so does "
            "the whole layer for this image.",
            start=start,
            reach=soft.reach,
        )
    if threshold is None:
        return start
    count = tr(
        "{empty_count} of {channels}",
        empty_count=activations.empty_count(threshold),
        channels=activations.channels,
    )
    if soft.reach is not None:
        return tr(
            "{start} For inputs up to 0 it stays within {reach:.3g} of 0, which is "
            "{threshold:.2g} times the layer's largest number: {count} channels never go "
            "beyond.",
            start=start,
            reach=soft.reach,
            threshold=threshold,
            count=count,
        )
    what = (
        tr("its slope for negative inputs")
        if soft.function == "LeakyReLU"
        else tr("all but closed")
    )
    return tr(
        "{start} With τ = {threshold:.2g}, {what}, {count} channels are.",
        start=start,
        threshold=threshold,
        what=what,
        count=count,
    )


def dead_here(activations: Activations, dead: DeadChannels) -> str:
    """Say what a dead channel of this layer is, and how many there are, to follow “dead:”."""
    count = len(dead.numbers) or "none"
    if activations.layer.pre_relu is not None:
        what = tr("its ReLU lets nothing through in any")
    else:
        what = (
            tr("zero everywhere in each")
            if activations.is_signed
            else tr("never above zero in any")
        )
    return tr("{what} of N = {images} ({count} here)", what=what, images=dead.images, count=count)


_LISTED = 24  # dead channels, before the list is cut


def dead_list(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels of a layer are dead over a set, and which."""
    count, channels = len(dead.numbers), activations.channels
    verb = "are" if count > 1 else "is"
    headline = tr(
        "**{value} of {channels} channels {verb} dead** over N = {images}",
        value=count or "None",
        channels=channels,
        verb=verb,
        images=dead.images,
    )
    if not count:
        return tr("{headline}: each answers to at least one of them.", headline=headline)
    numbers = ", ".join(map(str, dead.numbers[:_LISTED]))
    more = tr(" and {count} more", count=count - _LISTED) if count > _LISTED else ""
    return f"{headline}: {numbers}{more}."


def dead_mark(dead: DeadChannels) -> str:
    """Say what the mark of dead channels means in a saved image."""
    return tr("dead: empty for each of {images}", images=dead.images)


_NAMED = 3  # channels that draw most of a pattern


def strongest(activations: Activations, threshold: float, seen: str = "image") -> str:
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
    if channels == 1:
        return tr(
            "The only channel {which} to this {seen}.",
            which="answers" if answering else "does not answer",
            seen=seen,
        )
    if not answering:
        return tr(
            "None of {channels} channels answers to this {seen}.", channels=channels, seen=seen
        )
    order = [channel for channel in activations.order("salience").tolist() if not empty[channel]]
    ranked = [channel for channel in order if not isnan(salience[channel])]
    named = ranked[:_NAMED]
    if len(ranked) > _NAMED:
        named = [each for each in named if salience[each] > salience[ranked[_NAMED]]]
    start = tr("{channels} channels", channels=channels)
    if len(ranked) < len(answering):
        start += tr(", {count} of them with a not-a-number", count=len(answering) - len(ranked))
    if not ranked:
        return f"{start}."
    if not named:
        return tr("{start}; {count} answer alike.", start=start, count=len(ranked))
    if len(answering) == len(named):
        only = "only " if len(answering) < channels else ""
        return tr(
            "{start}; {only}{listed} {answer} to this {seen}.",
            start=start,
            only=only,
            listed=_listed(named),
            answer=_answer(named),
            seen=seen,
        )
    draw = "draws" if len(named) == 1 else "draw"
    return tr(
        "{start}; {listed} {draw} most of a pattern from this {seen}.",
        start=start,
        listed=_listed(named),
        draw=draw,
        seen=seen,
    )


def _answer(channels: Sequence[int]) -> str:
    return "answers" if len(channels) == 1 else "answer"


def _listed(channels: Sequence[int]) -> str:
    """List channels in words: “3, 7 and 1”."""
    *before, last = map(str, channels)
    return tr("{join} and {last}", join=", ".join(before), last=last) if before else last


def layer_headline(activations: Activations, network_title: str, threshold: float) -> str:
    """Say which layer it is, its dotted name as code, and how many channels are empty."""
    parts = [which_layer(activations, network_title), activations.sentence(threshold)]
    # Their sum is finite if all of them are, and is had in a tenth of the time.
    odd = 0
    if not isfinite(activations.maps.sum()):
        odd = int((~activations.maps.isfinite()).sum())
    if odd:
        count = tr("{odd:,} of the {numel:,} activations", odd=odd, numel=activations.maps.numel())
        parts.append(
            tr(
                "{count} {which} infinite or not a number, drawn as 0: the weights are too "
                "large, or damaged.",
                count=count,
                which="is" if odd == 1 else "are",
            )
        )
    return " ".join(parts)


def which_layer(activations: Activations, network_title: str) -> str:
    """Say which layer it is, its dotted name as code, and how its maps are made."""
    layer = activations.layer
    channels, height, width = activations.maps.shape
    unit = (
        "numbers"
        if height == width == 1
        else tr("maps of {height} × {width}", height=height, width=width)
    )
    dotted = code(layer.name)
    name = (
        tr("Layer {dotted}", dotted=dotted)
        if layer.name == layer.title
        else f"{plain(layer.title)} ({dotted})"
    )
    what = tr(
        "{name} of {network_title}, {kind}: {channels} {unit}.",
        name=name,
        network_title=plain(network_title),
        kind=plain(layer.kind),
        channels=channels,
        unit=unit,
    )
    return " ".join(filter(None, [what, arranged(layer)]))


def arranged(layer: Layer) -> str:
    """Say how a layer's maps are made of what its module puts out; "" where that is maps."""
    name, layout = OutputName.of(layer.name), layer.layout
    if name.part == HEADS_PART:
        return tr(
            "Each of the {shape} maps is one head of the attention: how much it takes "
            "from each place of the image for the class token, or in the mean over all "
            "places where there is none. All that a head takes adds up to 1, what it "
            "takes from the class token included.",
            shape=layer.shape[0],
        )
    if name.part == CLASS_PART:
        return tr(
            "The class token has {shape} numbers and belongs to no place of the image.",
            shape=layer.shape[0],
        )
    if layout is None or layout.words == "channels last":
        return ""
    _, height, width = layer.shape
    text = tr(
        "The {height} tokens that stand for places of the image, laid out as {height_2} × {width}.",
        height=height * width,
        height_2=height,
        width=width,
    )
    if layout.words == "windows":
        text = tr(
            "Windows of an attention, put together to {height} × {width} places again.",
            height=height,
            width=width,
        )
    count = layout.before + layout.after
    if count:
        text += (
            tr(" The class token belongs to no place and is not among them.")
            if (layout.before, layout.after) == (1, 0)
            else tr(" Tokens that belong to no place, {count} of them, are left out.", count=count)
        )
    return text


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
        limit = "" if layer.ceiling is None else tr(", at most {ceiling:g},", ceiling=layer.ceiling)
        parts.append(
            tr(
                "The ReLU after this layer is still to come: what it would let "
                "through{limit} counts.",
                limit=limit,
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
    images = f"N = {dead.images} ({dead.pictures})"
    count = len(dead.numbers)
    verb = "is" if count == 1 else "are"
    others = tr(
        "{value} of the layer's {channels} channels {verb} dead over them.",
        value=count or "None",
        channels=activations.channels,
        verb=verb,
    )
    if channel not in dead.numbers:
        return tr(
            ":material/check_circle: Alive over {images}. {others}", images=images, others=others
        )
    if not bool(activations.empty()[channel]):
        others = tr(
            "Yet it answers to this image, so another set would not call it dead. {others}",
            others=others,
        )
    return tr(
        ":material/horizontal_rule: **Dead** over {images}. {others}", images=images, others=others
    )


def dead_yet_excited(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels that are dead over a set answer to this image; "" if none does."""
    excited = len(dead.numbers) - len(dead.of(activations))
    if not excited:
        return ""
    count = len(dead.numbers)
    if count == 1:
        return tr(
            "The only channel that is dead over {pictures} answers to this image: "
            "another set would not call it dead.",
            pictures=dead.pictures,
        )
    verb, them = ("answers", "it") if excited == 1 else ("answer", "them")
    return tr(
        "{excited} of the {count} channels that are dead over {pictures} {verb} to this "
        "image: another set would not call {them} dead.",
        excited=excited,
        count=count,
        pictures=dead.pictures,
        verb=verb,
        them=them,
    )


def dead_beside(activations: Activations, threshold: float, dead: DeadChannels | None) -> str:
    """Say how many channels are empty and, where it is known, how many are dead."""
    sentence = activations.sentence(threshold)
    if dead is None:
        return sentence
    return tr(
        "{sentence} {value} dead over N = {images}.",
        sentence=sentence,
        value=len(dead.numbers) or "None",
        images=dead.images,
    )


def _change(size: float, before: float, after: float) -> str:
    share = f" ({percent(size / before)})" if before > 0 else ""
    return tr("by up to {size:.3g}{share}, to {after:.3g}", size=size, share=share, after=after)


def occlusion_watched(step: OcclusionStep, measured: str) -> str:
    """Say what was covered, and what was measured of the channel, named by `measured`."""
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
    return tr("falls, {change}", change=_change(step.uncovered - lowest, step.uncovered, lowest))


def occlusion_rises(step: OcclusionStep) -> str:
    """Say by how much covering a part raises the response at most."""
    _, highest = occlusion_extremes(step)
    if not highest - step.uncovered > _NOISE * abs(step.uncovered):
        return tr("rises nowhere")
    return tr("rises, {change}", change=_change(highest - step.uncovered, step.uncovered, highest))


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
    name = tr("mean of the map") if step.target == "channel" else tr("number in its middle")
    if not step.has_map:
        name = tr("channel's number")
    if step.before_relu:
        name += tr(", before its ReLU,")
    steps = "1 step" if step.step == 1 else tr("{step} steps", step=step.step)
    if not step.changed:
        return tr(
            "In {steps} the {name} stayed at {start:.3g}: no pixel of the noise has an "
            "influence on it, so this is still the noise that it began with. Another "
            "seed, or the layer before this one, may give a start.",
            steps=steps,
            name=name,
            start=step.start,
        )
    if step.score == step.start:
        verb = tr("ended where it began, at")
    else:
        verb = "went" if step.score > step.start else "fell"
        verb += tr(" from {start:.3g} to", start=step.start)
    return tr(
        "In {steps} the {name} {verb} {score:.3g}, measured on this image and on the "
        "noise that it began with. Before every step the image was shifted, scaled and "
        "turned a little, so that it cannot rely on single pixels.",
        steps=steps,
        name=name,
        verb=verb,
        score=step.score,
    )


def effective_field(field: EffectiveField) -> str:
    """Say what the picture of an effective receptive field shows."""
    if field.support is None:
        return tr(
            "The number is {value:.4g}, and a little more or less of any pixel leaves it there.",
            value=field.value,
        )
    if field.core is None:
        return tr(
            "How much each pixel matters cannot be measured: the gradient is no finite number."
        )
    return tr(
        "How much a small change of each pixel would change this number: the brighter, "
        "the more. Brightness is the square root, so that weak pixels can be seen: half "
        "as bright means a quarter as much. Half of it all lies within {width} × "
        "{height} pixels, all of it within {width_2} × {height_2}.",
        width=field.core.width,
        height=field.core.height,
        width_2=field.support.width,
        height_2=field.support.height,
    )


def second_image(one: Activations, other: Activations, channel: int, titles: list[str]) -> str:
    """Compare a channel's maxima for two images.

    Args:
        one: The layer's activations for the image in use.
        other: For the second image.
        channel: The channel.
        titles: Of the image in use and of the second one.
    """
    after = "" if one.layer.pre_relu is None else tr(" after the ReLU")
    return tr(
        "Its map over {titles} and alone, on the scale that both images share: its "
        "maximum{after} is {maximum:.3g}, for {titles_2} {maximum_2:.3g}.",
        titles=titles[1],
        after=after,
        maximum=float(other.maximum[channel]),
        titles_2=titles[0],
        maximum_2=float(one.maximum[channel]),
    )


def patches(top: TopPatches, channel: int, set_name: str, *, is_partial: bool) -> str:
    """Say what the strongest patches of a channel are, or that it is dead over the set.

    Args:
        top: The pass over the set.
        channel: The channel.
        set_name: What the set is called.
        is_partial: Whether the pass was stopped before it had seen all.
    """
    partly = tr(" It was stopped before it had seen all.") if is_partial else ""
    count = len(top.patches(channel))
    if not count:
        return tr(
            "Channel {channel} is dead over {seen_images} ({set_name}): it is empty for "
            "each of them.{partly}",
            channel=channel,
            seen_images=top.seen_images,
            set_name=plain(set_name),
            partly=partly,
        )
    each = "photograph" if "photograph" in top.seen_images else "picture"
    subject = (
        tr("The strongest patch")
        if count == 1
        else tr("The {count} strongest patches", count=count)
    )
    return tr(
        "**{subject}** for channel {channel} over {seen_images} ({set_name}), at most "
        "one of each {each}, cut to what the number can see.{partly}",
        subject=subject,
        channel=channel,
        seen_images=top.seen_images,
        set_name=plain(set_name),
        each=each,
        partly=partly,
    )


def patches_dead(top: TopPatches) -> str:
    """List the channels that are dead over a set; "" if none is."""
    numbers = top.dead().nonzero().flatten().tolist()
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers[:40]))
    more = tr(" and {count} more", count=len(numbers) - 40) if len(numbers) > 40 else ""
    noun = "channel" if len(numbers) == 1 else "channels"
    return tr(
        "Dead over these {seen_images}: {noun} {listed}{more}.",
        seen_images=top.seen_images,
        noun=noun,
        listed=listed,
        more=more,
    )


def ablation(result: Ablation) -> str:
    """Say how many channels are off, and how change is measured."""
    count, channels = len(result.channels), result.layer.shape[0]
    verb = "is" if count == 1 else "are"
    return tr(
        "{value} of {channels} channels of {title} {verb} off. The change of a layer is "
        "the Euclidean norm of the difference of its output, divided by the norm of the "
        "output before.",
        value=count or "None",
        channels=channels,
        title=plain(result.layer.title),
        verb=verb,
    )


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
    change = (
        percent(relative)
        if relative < 10
        else tr("{relative} times its size", relative=in_words(relative))
    )
    return tr("Channel {channel}, changed by {change}", channel=channel, change=change)


def stage(stage: Stage, source: str) -> str:
    """Say in one line what a stage of the arithmetic does.

    Args:
        stage: The stage.
        source: Title of the layer that its inputs come from, for a sum or a pooling; safe to show.
    """
    after = f"**{stage.after:.7g}**"
    match stage:
        case WeightedSum():
            rows, columns = stage.kernel.shape[1:]
            bias = tr(" + bias {bias:.5g}", bias=stage.bias) if stage.has_bias else ""
            inputs = len(stage.kernel)
            size = tr(
                "{inputs} channel{value} × {rows} × {columns}",
                inputs=inputs,
                value="s" * (inputs != 1),
                rows=rows,
                columns=columns,
            )
            count = stage.kernel.numel()
            return tr(
                "Weighted sum over {source}: {size} = {count:,} products{bias} → {after}",
                source=source,
                size=size,
                count=count,
                bias=bias,
                after=after,
            )
        case Pooled():
            rows, columns = stage.window.shape
            if stage.kind == "average":
                by = ""
                if stage.divisor != stage.window.numel():
                    by = tr(
                        ", their sum divided by {divisor} as padding counts too,",
                        divisor=stage.divisor,
                    )
                return tr(
                    "Average of {rows} × {columns} values of {source}{by} → {after}",
                    rows=rows,
                    columns=columns,
                    source=source,
                    by=by,
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
                "Batch norm: ({before:.5g} − {mean:.5g}) / √({variance:.5g} + "
                "{epsilon:g}) × {scale:.5g} + {shift:.5g} → {after}",
                before=stage.before,
                mean=stage.mean,
                variance=stage.variance,
                epsilon=stage.epsilon,
                scale=stage.scale,
                shift=stage.shift,
                after=after,
            )
        case Rectified():
            most = (
                "" if stage.ceiling is None else tr(", at most {ceiling:g}", ceiling=stage.ceiling)
            )
            return tr(
                "ReLU: the larger of {before:.5g} and 0{most} → {after}",
                before=stage.before,
                most=most,
                after=after,
            )
        case BranchChoice():
            return tr(
                "Concatenation: it is channel {channel} of the branch {title} ({name}), "
                "taken over as it is → {after}",
                channel=stage.channel,
                title=plain(stage.branch.title),
                name=code(stage.branch.name),
                after=after,
            )
        case Identity():
            return tr(
                "The {kind} hands it on unchanged → {after}", kind=plain(stage.kind), after=after
            )
        case Opaque():
            kind = plain(stage.kind)
            return tr(
                "How a {kind} makes its numbers is not known here; this one is {after}",
                kind=kind,
                after=after,
            )


def arithmetic_number(arithmetic: Arithmetic, *, is_map: bool) -> str:
    """Say which number is taken apart."""
    row, column = arithmetic.row + 1, arithmetic.column + 1
    position = tr(" at row {row}, column {column}", row=row, column=column) if is_map else ""
    return tr(
        "**Channel {channel}{position} is {number:.7g}.** It is made like this:",
        channel=arithmetic.channel,
        position=position,
        number=arithmetic.number,
    )


def arithmetic_check(arithmetic: Arithmetic) -> str:
    """Compare the number that the steps end in with the map's own."""
    ends = tr(
        "The map says {number:.9g}; these steps end in {result:.9g}, {difference} off.",
        number=arithmetic.number,
        result=arithmetic.result,
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
        return tr(
            "{ends} That is more than rounding: the layer does something else besides.", ends=ends
        )
    return tr(
        "{ends} The network rounds its sums to float32, which has 24 binary digits; here "
        "they are added up in float64.",
        ends=ends,
    )


def contributions_heading(source: str) -> str:
    """Name the chart of what the input channels add; it is ordered by size, whatever the sign.

    Args:
        source: Title of the layer that they are channels of.
    """
    return tr("What each channel of {source} adds, the largest in size first", source=source)


def most_changed_heading(title: str) -> str:
    """Name the maps of a layer before and after an ablation."""
    return tr(
        "**Channels of {title} that change most**: above before, below after", title=plain(title)
    )


def nothing_changed(title: str) -> str:
    """Say that an ablation leaves a layer as it is."""
    return tr("No channel of {title} changes.", title=plain(title))


def field_heading(row: int, column: int) -> str:
    """Name the effective receptive field of one position, given from 0; it is named from 1."""
    return tr("**What matters at row {row}, column {column}**", row=row + 1, column=column + 1)


def synthesis_title(channel: int, title: str) -> str:
    """Name the image that is made for a channel of a layer."""
    return tr("An image for channel {channel} of {title}", channel=channel, title=title)


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
    verdict = (
        tr("complete within 1 %") if gap <= COMPLETE else tr("not complete: more steps are needed")
    )
    return tr("{sums}: {gap} off, {verdict}.", sums=sums, gap=percent(gap), verdict=verdict)
