"""Two networks compared: why the one with the smaller kernels can have more parameters.

A sentence is written only if the numbers support it, so the text is true for any two networks.
"""

from convviz.formatting import grouped, percent, times
from convviz.language import later, tr
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
    sizes = tr(
        "{larger} against {smaller}", larger=grouped(_size(large)), smaller=grouped(_size(small))
    )
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
                "**{larger} has {count} parameters, {smaller} none.**",
                larger=larger,
                count=grouped(_size(large)),
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
        "**{larger} has {factor} times the parameters of {smaller}**: {sizes}.",
        larger=larger,
        factor=_factor(ratio),
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
        "And yet its kernels are never larger than {kernel}×{kernel}, which **saves** weights: two "
        "layers of {kernel}×{kernel} see {side}×{side} pixels with {stack} weights per "
        "pair of channels, where one {side}×{side} kernel needs {single}.",
        kernel=k,
        side=side,
        stack=stack.stack_per_pair,
        single=stack.single_per_pair,
    )


def _decoder_sentence(large: Costs) -> str:
    """Say how much of a network its classifier holds."""
    decoder = large.part("decoder").parameters
    if not decoder:
        return ""
    rows = [row for row in large.layers if row.part == "decoder" and row.parameters]
    numbers = {"count": grouped(decoder), "share": percent(decoder / _size(large))}
    kinds = {row.kind for row in rows}
    elsewhere = any(row.kind == "linear" for row in large.layers if row.part == "encoder")
    connected = kinds == {"linear"} and not elsewhere
    if decoder < _size(large) / 2:
        if not connected:
            return tr("Its classifier holds {count} of them ({share}).", **numbers)
        if len(rows) == 1:
            return tr("Its fully connected layer holds {count} of them ({share}).", **numbers)
        return tr("Its fully connected layers hold {count} of them ({share}).", **numbers)
    if not connected:
        sentence = tr("Its **classifier** holds {count} of them ({share})", **numbers)
    elif len(rows) == 1:
        sentence = tr("Its **fully connected layer** holds {count} of them ({share})", **numbers)
    else:
        sentence = tr("Its **fully connected layers** hold {count} of them ({share})", **numbers)
    heaviest = max(rows, key=lambda row: row.parameters)
    inputs, outputs = heaviest.input_shapes[0], heaviest.output_shape
    if heaviest.kind != "linear" or len(inputs) != 1 or len(rows) == 1:
        return f"{sentence}."
    return tr(
        "{sentence}: {layer} alone connects {inputs} values with {outputs} units and "
        "holds {parameters}.",
        sentence=sentence,
        layer=plain(heaviest.title),
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
    name, other = plain(large.title), plain(small.title)
    if encoder >= 0 and decoder >= 0:
        more = max(decoder, encoder)
        message = (
            later(
                "{title} has {difference} more parameters in all: {count} of them ({share}) "
                "are in its classifier."
            )
            if decoder >= encoder
            else later(
                "{title} has {difference} more parameters in all: {count} of them ({share}) "
                "are in its encoder."
            )
        )
        return tr(
            message,
            title=name,
            difference=grouped(difference),
            count=grouped(more),
            share=percent(more / difference),
        )
    return tr(
        "{title} has {difference} more in all: its classifier has {decoder} and "
        "its encoder {encoder} than those of {other}.",
        title=name,
        difference=grouped(difference),
        decoder=_more_or_fewer(decoder),
        encoder=_more_or_fewer(encoder),
        other=other,
    )


def _more_or_fewer(number: int) -> str:
    if number < 0:
        return tr("{count} fewer", count=grouped(-number))
    return tr("{count} more", count=grouped(number))


def _encoder_sentence(large: Costs, small: Costs, ratio: float) -> str:
    encoders = [grouped(costs.part("encoder").parameters) for costs in (large, small)]
    if 1 / _SAME < ratio < _SAME:
        comparison = tr("about as many")
    elif ratio > 1:
        comparison = tr("{factor} times as many", factor=_factor(ratio))
    else:
        comparison = tr("{factor} times fewer", factor=_factor(1 / ratio))
    return tr(
        "The encoders alone have {first} ({first_title}) and {second} ({second_title}): "
        "{comparison}.",
        first=encoders[0],
        first_title=plain(large.title),
        second=encoders[1],
        second_title=plain(small.title),
        comparison=comparison,
    )


def _size(costs: Costs) -> int:
    return costs.parameters


def _kernel(row: LayerCost) -> int:
    return max(row.window.kernel) if row.window and row.macs else 0


def _factor(ratio: float) -> str:
    return times(ratio, digits=2, whole_from=10)
