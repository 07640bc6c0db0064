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
        what = f"nothing above {above}" if bound else "nothing"
        return f"its ReLU lets {what} through in this image"
    if activations.is_signed:
        where = f"never further than {above} from zero" if bound else "zero everywhere"
        return f"{where} in this image"
    return f"never above {above} in this image"


def empty_rule(layer: Layer, threshold: float) -> str:
    """Say which channels of a layer count as empty, without an image, for a column of a table."""
    if layer.pre_relu is not None:
        return f"≤ {threshold:g} × largest, after its ReLU" if threshold else "≤ 0 before its ReLU"
    if layer.soft is not None and not threshold:
        return f"every number is 0, which {layer.soft.function} hardly ever makes"
    return f"≤ {threshold:g} × largest, by size" if threshold else "every number is 0"


def changed(changes: ChannelChanges, layer: Layer) -> str:
    """Say how far a layer's maps under two sets of weights lie apart, and which channel most.

    Args:
        changes: The distances.
        layer: The layer.
    """
    title = plain(layer.title)
    if not changes.total:
        return f"For this image the maps of {title} are the same under both sets of weights."
    channel = int(changes.order()[0])
    distance = float(changes.distances[channel])
    if not isfinite(distance):
        return (
            f"Under the weights on the left, {title} is silent for this image, or one of the two "
            "holds numbers that are infinite or none: there is no scale for the distances."
        )
    parts = [
        f"For this image the maps of {title} differ by {percent(changes.total)} of their size on "
        f"the left. Channel {channel} changed most: its map moved by {distance:.2f} times the size "
        "of the layer's typical map."
    ]
    if changes.only_first or changes.only_second:
        parts.append(
            f"{changes.only_first:,} of its channels are empty on the right alone, "
            f"{changes.only_second:,} on the left alone."
        )
    return " ".join(parts)


def seen_alike(size: int) -> str:
    """Say that both networks get the image in the size of the one on the left.

    Args:
        size: Its side in pixels.
    """
    return (
        f"Both get the image in {size} × {size} pixels, as the weights on the left do, so that "
        "their maps lie on one another; by themselves, those on the right get it in another size."
    )


def soft_activation(activations: Activations) -> str:
    """Say why no channel is empty behind SiLU and its like, and which τ means something there.

    Returns:
        "" for a layer whose numbers do not come out of such a function.
    """
    soft, threshold = activations.layer.soft, activations.soft_threshold
    if soft is None:
        return ""
    start = f"{soft.function} puts out hardly any exact 0, so with τ = 0 hardly a channel is empty."
    if threshold is None and soft.reach is not None:
        return (
            f"{start} For inputs up to 0 it stays within {soft.reach:.3g} of 0, and so does the "
            "whole layer for this image."
        )
    if threshold is None:
        return start
    count = f"{activations.empty_count(threshold)} of {activations.channels}"
    if soft.reach is not None:
        return (
            f"{start} For inputs up to 0 it stays within {soft.reach:.3g} of 0, which is "
            f"{threshold:.2g} times the layer's largest number: {count} channels never go beyond."
        )
    what = "its slope for negative inputs" if soft.function == "LeakyReLU" else "all but closed"
    return f"{start} With τ = {threshold:.2g}, {what}, {count} channels are."


def dead_here(activations: Activations, dead: DeadChannels) -> str:
    """Say what a dead channel of this layer is, and how many there are, to follow “dead:”."""
    count = len(dead.numbers) or "none"
    if activations.layer.pre_relu is not None:
        what = "its ReLU lets nothing through in any"
    else:
        what = "zero everywhere in each" if activations.is_signed else "never above zero in any"
    return f"{what} of N = {dead.images} ({count} here)"


_LISTED = 24  # dead channels, before the list is cut


def dead_list(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels of a layer are dead over a set, and which."""
    count, channels = len(dead.numbers), activations.channels
    verb = "are" if count > 1 else "is"
    headline = f"**{count or 'None'} of {channels} channels {verb} dead** over N = {dead.images}"
    if not count:
        return f"{headline}: each answers to at least one of them."
    numbers = ", ".join(map(str, dead.numbers[:_LISTED]))
    more = f" and {count - _LISTED} more" if count > _LISTED else ""
    return f"{headline}: {numbers}{more}."


def dead_mark(dead: DeadChannels) -> str:
    """Say what the mark of dead channels means in a saved image."""
    return f"dead: empty for each of {dead.images}"


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
        return f"The only channel {'answers' if answering else 'does not answer'} to this {seen}."
    if not answering:
        return f"None of {channels} channels answers to this {seen}."
    order = [channel for channel in activations.order("salience").tolist() if not empty[channel]]
    ranked = [channel for channel in order if not isnan(salience[channel])]
    named = ranked[:_NAMED]
    if len(ranked) > _NAMED:
        named = [each for each in named if salience[each] > salience[ranked[_NAMED]]]
    start = f"{channels} channels"
    if len(ranked) < len(answering):
        start += f", {len(answering) - len(ranked)} of them with a not-a-number"
    if not ranked:
        return f"{start}."
    if not named:
        return f"{start}; {len(ranked)} answer alike."
    if len(answering) == len(named):
        only = "only " if len(answering) < channels else ""
        return f"{start}; {only}{_listed(named)} {_answer(named)} to this {seen}."
    draw = "draws" if len(named) == 1 else "draw"
    return f"{start}; {_listed(named)} {draw} most of a pattern from this {seen}."


def _answer(channels: Sequence[int]) -> str:
    return "answers" if len(channels) == 1 else "answer"


def _listed(channels: Sequence[int]) -> str:
    """List channels in words: “3, 7 and 1”."""
    *before, last = map(str, channels)
    return f"{', '.join(before)} and {last}" if before else last


def layer_headline(activations: Activations, network_title: str, threshold: float) -> str:
    """Say which layer it is, its dotted name as code, and how many channels are empty."""
    parts = [which_layer(activations, network_title), activations.sentence(threshold)]
    # Their sum is finite if all of them are, and is had in a tenth of the time.
    odd = 0
    if not isfinite(activations.maps.sum()):
        odd = int((~activations.maps.isfinite()).sum())
    if odd:
        count = f"{odd:,} of the {activations.maps.numel():,} activations"
        parts.append(
            f"{count} {'is' if odd == 1 else 'are'} infinite or not a number, drawn as 0: the "
            "weights are too large, or damaged."
        )
    return " ".join(parts)


def which_layer(activations: Activations, network_title: str) -> str:
    """Say which layer it is, its dotted name as code, and how its maps are made."""
    layer = activations.layer
    channels, height, width = activations.maps.shape
    unit = "numbers" if height == width == 1 else f"maps of {height} × {width}"
    dotted = code(layer.name)
    name = f"Layer {dotted}" if layer.name == layer.title else f"{plain(layer.title)} ({dotted})"
    what = f"{name} of {plain(network_title)}, {plain(layer.kind)}: {channels} {unit}."
    return " ".join(filter(None, [what, arranged(layer)]))


def arranged(layer: Layer) -> str:
    """Say how a layer's maps are made of what its module puts out; "" where that is maps."""
    name, layout = OutputName.of(layer.name), layer.layout
    if name.part == HEADS_PART:
        return (
            f"Each of the {layer.shape[0]} maps is one head of the attention: how much it takes "
            "from each place of the image for the class token, or in the mean over all places "
            "where there is none. All that a head takes adds up to 1, what it takes from the class "
            "token included."
        )
    if name.part == CLASS_PART:
        return f"The class token has {layer.shape[0]} numbers and belongs to no place of the image."
    if layout is None or layout.words == "channels last":
        return ""
    _, height, width = layer.shape
    text = (
        f"The {height * width} tokens that stand for places of the image, laid out as "
        f"{height} × {width}."
    )
    if layout.words == "windows":
        text = f"Windows of an attention, put together to {height} × {width} places again."
    count = layout.before + layout.after
    if count:
        text += (
            " The class token belongs to no place and is not among them."
            if (layout.before, layout.after) == (1, 0)
            else f" Tokens that belong to no place, {count} of them, are left out."
        )
    return text


def what_is_empty(activations: Activations, threshold: float) -> str:
    """Say what counts as empty in a layer, and which numbers of it count."""
    layer = activations.layer
    parts: list[str] = []
    bound = activations.empty_up_to(threshold)
    if threshold > 0 and activations.is_signed:
        parts.append(
            f"Empty: nothing further than {bound:.3g} from 0, which is τ times the layer's largest "
            "absolute value."
        )
    elif threshold > 0:
        parts.append(f"Empty: no activation beyond {bound:.3g}, which is τ times the strongest.")
    elif layer.pre_relu is None:
        parts.append("Empty: every activation is 0.")
        if layer.soft is not None:
            parts.append(soft_activation(activations))
    else:
        parts.append("Empty: no activation above 0.")
    if layer.pre_relu is not None:
        limit = "" if layer.ceiling is None else f", at most {layer.ceiling:g},"
        parts.append(
            f"The ReLU after this layer is still to come: what it would let through{limit} counts."
        )
    elif activations.is_signed:
        parts.append(
            "No ReLU follows directly, so numbers may be negative; a channel's maximum is its "
            "highest number, not its largest in size."
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
        return (
            "Whether it is dead, that is, empty for every picture of a set, is not known yet: look "
            "through one under “What stimulates it”."
        )
    images = f"N = {dead.images} ({dead.pictures})"
    count = len(dead.numbers)
    verb = "is" if count == 1 else "are"
    others = (
        f"{count or 'None'} of the layer's {activations.channels} channels {verb} dead over them."
    )
    if channel not in dead.numbers:
        return f":material/check_circle: Alive over {images}. {others}"
    if not bool(activations.empty()[channel]):
        others = f"Yet it answers to this image, so another set would not call it dead. {others}"
    return f":material/horizontal_rule: **Dead** over {images}. {others}"


def dead_yet_excited(activations: Activations, dead: DeadChannels) -> str:
    """Say how many channels that are dead over a set answer to this image; "" if none does."""
    excited = len(dead.numbers) - len(dead.of(activations))
    if not excited:
        return ""
    count = len(dead.numbers)
    if count == 1:
        return (
            f"The only channel that is dead over {dead.pictures} answers to this image: another "
            "set would not call it dead."
        )
    verb, them = ("answers", "it") if excited == 1 else ("answer", "them")
    return (
        f"{excited} of the {count} channels that are dead over {dead.pictures} {verb} to this "
        f"image: another set would not call {them} dead."
    )


def dead_beside(activations: Activations, threshold: float, dead: DeadChannels | None) -> str:
    """Say how many channels are empty and, where it is known, how many are dead."""
    sentence = activations.sentence(threshold)
    if dead is None:
        return sentence
    return f"{sentence} {len(dead.numbers) or 'None'} dead over N = {dead.images}."


def _change(size: float, before: float, after: float) -> str:
    share = f" ({percent(size / before)})" if before > 0 else ""
    return f"by up to {size:.3g}{share}, to {after:.3g}"


def occlusion_watched(step: OcclusionStep, measured: str) -> str:
    """Say what was covered, and what was measured of the channel, named by `measured`."""
    return (
        f"A plain square of {step.patch} × {step.patch} pixels, in the colour that the network "
        f"reads as 0, was laid over {step.total} places. Watched was {measured}, "
        f"{step.uncovered:.3g} for the image as it is."
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
        return "falls nowhere"
    return f"falls, {_change(step.uncovered - lowest, step.uncovered, lowest)}"


def occlusion_rises(step: OcclusionStep) -> str:
    """Say by how much covering a part raises the response at most."""
    _, highest = occlusion_extremes(step)
    if not highest - step.uncovered > _NOISE * abs(step.uncovered):
        return "rises nowhere"
    return f"rises, {_change(highest - step.uncovered, step.uncovered, highest)}"


def occlusion_colours(bound: float) -> str:
    """Say what the colours over the image stand for.

    Args:
        bound: The magnitude that is drawn in the strongest colour, above 0; 0 if nothing changes.
    """
    if not bound > 0:
        return "Covering any part leaves the number as it is, so nothing is coloured."
    return (
        "Each pixel is coloured by the mean change over the squares that covered it; the strongest "
        f"colour stands for a change of {bound:.3g}."
    )


def synthesis(step: SynthesisStep) -> str:
    """Say what an optimisation maximised, and how far it came, measured on the image it made."""
    name = "mean of the map" if step.target == "channel" else "number in its middle"
    if not step.has_map:
        name = "channel's number"
    if step.before_relu:
        name += ", before its ReLU,"
    steps = "1 step" if step.step == 1 else f"{step.step} steps"
    if not step.changed:
        return (
            f"In {steps} the {name} stayed at {step.start:.3g}: no pixel of the noise has an "
            "influence on it, so this is still the noise that it began with. Another seed, or the "
            "layer before this one, may give a start."
        )
    if step.score == step.start:
        verb = "ended where it began, at"
    else:
        verb = "went" if step.score > step.start else "fell"
        verb += f" from {step.start:.3g} to"
    return (
        f"In {steps} the {name} {verb} {step.score:.3g}, measured on this image and on the noise "
        "that it began with. Before every step the image was shifted, scaled and turned a little, "
        "so that it cannot rely on single pixels."
    )


def effective_field(field: EffectiveField) -> str:
    """Say what the picture of an effective receptive field shows."""
    if field.support is None:
        return (
            f"The number is {field.value:.4g}, and a little more or less of any pixel leaves it "
            "there."
        )
    if field.core is None:
        return "How much each pixel matters cannot be measured: the gradient is no finite number."
    return (
        "How much a small change of each pixel would change this number: the brighter, the more. "
        "Brightness is the square root, so that weak pixels can be seen: half as bright means a "
        f"quarter as much. Half of it all lies within {field.core.width} × {field.core.height} "
        f"pixels, all of it within {field.support.width} × {field.support.height}."
    )


def second_image(one: Activations, other: Activations, channel: int, titles: list[str]) -> str:
    """Compare a channel's maxima for two images.

    Args:
        one: The layer's activations for the image in use.
        other: For the second image.
        channel: The channel.
        titles: Of the image in use and of the second one.
    """
    after = "" if one.layer.pre_relu is None else " after the ReLU"
    return (
        f"Its map over {titles[1]} and alone, on the scale that both images share: its maximum"
        f"{after} is {float(other.maximum[channel]):.3g}, for {titles[0]} "
        f"{float(one.maximum[channel]):.3g}."
    )


def patches(top: TopPatches, channel: int, set_name: str, *, is_partial: bool) -> str:
    """Say what the strongest patches of a channel are, or that it is dead over the set.

    Args:
        top: The pass over the set.
        channel: The channel.
        set_name: What the set is called.
        is_partial: Whether the pass was stopped before it had seen all.
    """
    partly = " It was stopped before it had seen all." if is_partial else ""
    count = len(top.patches(channel))
    if not count:
        return (
            f"Channel {channel} is dead over {top.seen_images} ({plain(set_name)}): it is empty "
            f"for each of them.{partly}"
        )
    each = "photograph" if "photograph" in top.seen_images else "picture"
    subject = "The strongest patch" if count == 1 else f"The {count} strongest patches"
    return (
        f"**{subject}** for channel {channel} over {top.seen_images} ({plain(set_name)}), at most "
        f"one of each {each}, cut to what the number can see.{partly}"
    )


def patches_dead(top: TopPatches) -> str:
    """List the channels that are dead over a set; "" if none is."""
    numbers = top.dead().nonzero().flatten().tolist()
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers[:40]))
    more = f" and {len(numbers) - 40} more" if len(numbers) > 40 else ""
    noun = "channel" if len(numbers) == 1 else "channels"
    return f"Dead over these {top.seen_images}: {noun} {listed}{more}."


def ablation(result: Ablation) -> str:
    """Say how many channels are off, and how change is measured."""
    count, channels = len(result.channels), result.layer.shape[0]
    verb = "is" if count == 1 else "are"
    return (
        f"{count or 'None'} of {channels} channels of {plain(result.layer.title)} {verb} off. "
        "The change of a layer is the Euclidean norm of the difference of its output, divided by "
        "the norm of the output before."
    )


def ablation_channel(channel: int, relative: float) -> str:
    """Say how much a channel of the deeper layer changed.

    Args:
        channel: The channel.
        relative: ‖after − before‖ / ‖before‖; infinite where it was empty before.
    """
    if relative == inf:
        return f"Channel {channel}, was empty, now active"
    if isnan(relative):
        return f"Channel {channel}, change not known"
    if relative == 0:
        return f"Channel {channel}, unchanged"
    change = percent(relative) if relative < 10 else f"{in_words(relative)} times its size"
    return f"Channel {channel}, changed by {change}"


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
            bias = f" + bias {stage.bias:.5g}" if stage.has_bias else ""
            inputs = len(stage.kernel)
            size = f"{inputs} channel{'s' * (inputs != 1)} × {rows} × {columns}"
            count = stage.kernel.numel()
            return f"Weighted sum over {source}: {size} = {count:,} products{bias} → {after}"
        case Pooled():
            rows, columns = stage.window.shape
            if stage.kind == "average":
                by = ""
                if stage.divisor != stage.window.numel():
                    by = f", their sum divided by {stage.divisor} as padding counts too,"
                return f"Average of {rows} × {columns} values of {source}{by} → {after}"
            row, column = stage.winner
            return (
                f"The largest of {rows} × {columns} values of {source}, found at row {row + 1}, "
                f"column {column + 1} → {after}"
            )
        case Normalised():
            return (
                f"Batch norm: ({stage.before:.5g} − {stage.mean:.5g}) / "
                f"√({stage.variance:.5g} + {stage.epsilon:g}) × {stage.scale:.5g} + "
                f"{stage.shift:.5g} → {after}"
            )
        case Rectified():
            most = "" if stage.ceiling is None else f", at most {stage.ceiling:g}"
            return f"ReLU: the larger of {stage.before:.5g} and 0{most} → {after}"
        case BranchChoice():
            return (
                f"Concatenation: it is channel {stage.channel} of the branch "
                f"{plain(stage.branch.title)} ({code(stage.branch.name)}), taken over as it is → "
                f"{after}"
            )
        case Identity():
            return f"The {plain(stage.kind)} hands it on unchanged → {after}"
        case Opaque():
            kind = plain(stage.kind)
            return f"How a {kind} makes its numbers is not known here; this one is {after}"


def arithmetic_number(arithmetic: Arithmetic, *, is_map: bool) -> str:
    """Say which number is taken apart."""
    row, column = arithmetic.row + 1, arithmetic.column + 1
    position = f" at row {row}, column {column}" if is_map else ""
    return (
        f"**Channel {arithmetic.channel}{position} is {arithmetic.number:.7g}.** It is made like "
        "this:"
    )


def arithmetic_check(arithmetic: Arithmetic) -> str:
    """Compare the number that the steps end in with the map's own."""
    ends = (
        f"The map says {arithmetic.number:.9g}; these steps end in {arithmetic.result:.9g}, "
        f"{in_words(arithmetic.difference, 1)} off."
    )
    sizes = [abs(arithmetic.number)]
    for part in arithmetic.stages:
        sizes.append(abs(part.after))
        if isinstance(part, WeightedSum):
            sizes.append(float(part.products.abs().sum()) + abs(part.bias))
    if isinstance(arithmetic.stages[-1], Opaque) or len(arithmetic.stages) == 0:
        return ends
    if not arithmetic.difference <= _ROUNDING * max(sizes):
        return f"{ends} That is more than rounding: the layer does something else besides."
    return (
        f"{ends} The network rounds its sums to float32, which has 24 binary digits; here they are "
        "added up in float64."
    )


def contributions_heading(source: str) -> str:
    """Name the chart of what the input channels add; it is ordered by size, whatever the sign.

    Args:
        source: Title of the layer that they are channels of.
    """
    return f"What each channel of {source} adds, the largest in size first"


def most_changed_heading(title: str) -> str:
    """Name the maps of a layer before and after an ablation."""
    return f"**Channels of {plain(title)} that change most**: above before, below after"


def nothing_changed(title: str) -> str:
    """Say that an ablation leaves a layer as it is."""
    return f"No channel of {plain(title)} changes."


def field_heading(row: int, column: int) -> str:
    """Name the effective receptive field of one position, given from 0; it is named from 1."""
    return f"**What matters at row {row + 1}, column {column + 1}**"


def synthesis_title(channel: int, title: str) -> str:
    """Name the image that is made for a channel of a layer."""
    return f"An image for channel {channel} of {title}"


def completeness(saliency: Saliency) -> str:
    """Say how exactly integrated gradients add up to the difference of two scores."""
    difference, gap = saliency.difference, saliency.completeness_gap
    if difference is None:
        return "Completeness is measured of integrated gradients only."
    total = float(saliency.attribution.double().sum())
    sums = (
        f"The pixels' shares add up to {total:.3f}; the score exceeds that of plain grey by "
        f"{difference:.3f}, after {saliency.samples} steps"
    )
    if gap is None:
        return f"{sums}. The two scores are nearly equal, so no share of their difference is given."
    verdict = "complete within 1 %" if gap <= COMPLETE else "not complete: more steps are needed"
    return f"{sums}: {percent(gap)} off, {verdict}."
