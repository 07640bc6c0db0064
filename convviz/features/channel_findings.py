"""Sentences about one channel: what stimulates it, what it is computed from, what it is good for.

Signs and edges are in the text: a response below 0 that comes nearer to 0 rises; a channel that
nothing moves is said not to move. Rows and columns are counted from 1, as a reader does.
"""

from __future__ import annotations

from math import inf, isfinite, isnan

from convviz.features.ablation import Ablation
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
from convviz.features.effective_field import EffectiveField
from convviz.features.occlusion import OcclusionStep
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import TopPatches
from convviz.formatting import in_words, percent
from convviz.language import in_english, tr, trn
from convviz.plain_text import code, plain
from convviz.structure.ops import kind_text

_NOISE = 1e-5  # of a response: passes over batches differ by no more, from float32's rounding
_ROUNDING = 1e-3  # a float32 sum differs from the exact one by a much smaller share of its terms


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
        else tr(
            "None of the {channels} channels of {layer} is off.", channels=channels, layer=title
        )
    )
    how = tr(
        "The bars say how far each layer's numbers moved, all taken together, as a share of their "
        "size before: at 0 % nothing moved, at 100 % they moved as far as they were large."
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


def window_map(channel: int) -> str:
    """Name the map that a sliding window makes, and say why a part of it is faded."""
    return tr("The map of channel {channel}; faded: where the window comes later", channel=channel)


def image_numbers() -> str:
    """Say why an image's numbers are below 0 in places, and what the cells' colours stand for."""
    return tr(
        "The image's numbers are its colours, shifted and scaled as the network learned with "
        "them: a place darker than most photographs is below 0. Blue cells are above 0 and orange "
        "ones below, whether red, green or blue is looked at."
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
        "**Channels of {layer} that change most**: above before, below after. The order is that of "
        "the change itself; the percentage is of what the channel was.",
        layer=plain(title),
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
