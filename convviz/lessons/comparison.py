"""Two networks compared: why the one with the smaller kernels can have more parameters.

A sentence is written only if the numbers support it, so the text is true for any two networks.
"""

from convviz.formatting import grouped, percent, times
from convviz.language import tr
from convviz.lessons.stacking import replacing
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost

_SAME = 1.005  # below this ratio two numbers are written alike


def surprise(first: Costs, second: Costs) -> tuple[str, ...]:
    """Compare the parameters of two networks in a few sentences, the claim first, in Markdown.

    Auxiliary heads are not counted: they are removed after training.
    """
    small, large = sorted((first, second), key=_size)
    larger, smaller = plain(large.title), plain(small.title)
    sizes = tr("{size} against {size_2}", size=grouped(_size(large)), size_2=grouped(_size(small)))
    if _size(large) == _size(small):
        count = grouped(_size(large))
        return (
            tr(
                "{larger} and {smaller} have equally many parameters: {count}.",
                larger=larger,
                smaller=smaller,
                count=count,
            ),
        )
    if not _size(small):
        return (
            tr(
                "**{larger} has {size} parameters, {smaller} none.**",
                larger=larger,
                size=grouped(_size(large)),
                smaller=smaller,
            ),
        )
    ratio = _size(large) / _size(small)
    if ratio < _SAME:
        return (
            tr(
                "{larger} and {smaller} have about as many parameters: {sizes}.",
                larger=larger,
                smaller=smaller,
                sizes=sizes,
            ),
        )
    claim = tr(
        "**{larger} has {times} the parameters of {smaller}**: {sizes}.",
        larger=larger,
        times=_times(ratio),
        smaller=smaller,
        sizes=sizes,
    )
    sentences = [
        claim,
        _kernel_sentence(large, small),
        _decoder_sentence(large),
        _difference_sentence(large, small),
    ]
    encoders = [costs.part("encoder").parameters for costs in (large, small)]
    if all(encoders) and large.part("decoder").parameters:
        sentences.append(_encoder_sentence(large, small, encoders[0] / encoders[1]))
    return tuple(filter(None, sentences))


def _kernel_sentence(large: Costs, small: Costs) -> str:
    """Say that the large network has the smaller kernels, if it has."""
    widest = [max((_kernel(row) for row in costs.layers), default=0) for costs in (large, small)]
    if not 1 < widest[0] < widest[1]:
        return ""
    k = widest[0]
    stack = replacing(2 * k - 1, k)
    side = stack.receptive_field
    return tr(
        "And yet its kernels are never larger than {k}×{k}, which **saves** weights: two "
        "layers of {k}×{k} see {side}×{side} pixels with {stack_per_pair} weights per "
        "pair of channels, where one {side}×{side} kernel needs {single_per_pair}.",
        k=k,
        side=side,
        stack_per_pair=stack.stack_per_pair,
        single_per_pair=stack.single_per_pair,
    )


def _decoder_sentence(large: Costs) -> str:
    """Say how much of a network its classifier holds."""
    decoder = large.part("decoder").parameters
    if not decoder:
        return ""
    rows = [row for row in large.layers if row.part == "decoder" and row.parameters]
    share = percent(decoder / _size(large))
    kinds = {row.kind for row in rows}
    elsewhere = any(row.kind == "linear" for row in large.layers if row.part == "encoder")
    if kinds == {"linear"} and not elsewhere:
        is_one = len(rows) == 1
        what = tr("fully connected layer") if is_one else tr("fully connected layers")
        verb = "holds" if is_one else "hold"
    else:
        what, verb = "classifier", "holds"
    if decoder < _size(large) / 2:
        return tr(
            "Its {what} {verb} {decoder} of them ({share}).",
            what=what,
            verb=verb,
            decoder=grouped(decoder),
            share=share,
        )
    heaviest = max(rows, key=lambda row: row.parameters)
    sentence = tr(
        "Its **{what}** {verb} {decoder} of them ({share})",
        what=what,
        verb=verb,
        decoder=grouped(decoder),
        share=share,
    )
    inputs, outputs = heaviest.input_shapes[0], heaviest.output_shape
    if heaviest.kind != "linear" or len(inputs) != 1 or len(rows) == 1:
        return f"{sentence}."
    return tr(
        "{sentence}: {title} alone connects {inputs} values with {outputs} units and "
        "holds {parameters}.",
        sentence=sentence,
        title=plain(heaviest.title),
        inputs=grouped(inputs[0]),
        outputs=grouped(outputs[0]),
        parameters=grouped(heaviest.parameters),
    )


def _difference_sentence(large: Costs, small: Costs) -> str:
    """Say where the difference lies: in shares where both parts add to it, else with signs."""
    difference = _size(large) - _size(small)
    decoder, encoder = (
        large.part(part).parameters - small.part(part).parameters for part in ("decoder", "encoder")
    )
    if encoder >= 0 and decoder >= 0:
        part, more = max(("classifier", decoder), ("encoder", encoder), key=lambda pair: pair[1])
        return tr(
            "{title} has {difference} more parameters in all: {more} of them ({more_2}) "
            "are in its {part}.",
            title=plain(large.title),
            difference=grouped(difference),
            more=grouped(more),
            more_2=percent(more / difference),
            part=part,
        )
    return tr(
        "{title} has {difference} more in all: its classifier has {more_or_fewer} and "
        "its encoder {more_or_fewer_2} than those of {title_2}.",
        title=plain(large.title),
        difference=grouped(difference),
        more_or_fewer=_more_or_fewer(decoder),
        more_or_fewer_2=_more_or_fewer(encoder),
        title_2=plain(small.title),
    )


def _more_or_fewer(number: int) -> str:
    return f"{grouped(abs(number))} {'fewer' if number < 0 else 'more'}"


def _encoder_sentence(large: Costs, small: Costs, ratio: float) -> str:
    encoders = [grouped(costs.part("encoder").parameters) for costs in (large, small)]
    if 1 / _SAME < ratio < _SAME:
        comparison = tr("about as many")
    elif ratio > 1:
        comparison = tr("{times} as many", times=_times(ratio))
    else:
        comparison = tr("{ratio} times fewer", ratio=times(1 / ratio, digits=2, whole_from=10))
    return tr(
        "The encoders alone have {encoders} ({title}) and {encoders_2} ({title_2}): {comparison}.",
        encoders=encoders[0],
        title=plain(large.title),
        encoders_2=encoders[1],
        title_2=plain(small.title),
        comparison=comparison,
    )


def _size(costs: Costs) -> int:
    return costs.parameters


def _kernel(row: LayerCost) -> int:
    return max(row.window.kernel) if row.window and row.macs else 0


def _times(ratio: float) -> str:
    return tr("{ratio} times", ratio=times(ratio, digits=2, whole_from=10))
