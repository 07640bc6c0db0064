"""Two networks compared: why the one with the smaller kernels can have more parameters.

A sentence is written only if the numbers support it, so the text is true for any two networks.
"""

from convviz.formatting import grouped, percent, times
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
    sizes = f"{grouped(_size(large))} against {grouped(_size(small))}"
    if _size(large) == _size(small):
        count = grouped(_size(large))
        return (f"{larger} and {smaller} have equally many parameters: {count}.",)
    if not _size(small):
        return (f"**{larger} has {grouped(_size(large))} parameters, {smaller} none.**",)
    ratio = _size(large) / _size(small)
    if ratio < _SAME:
        return (f"{larger} and {smaller} have about as many parameters: {sizes}.",)
    claim = f"**{larger} has {_times(ratio)} the parameters of {smaller}**: {sizes}."
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
    return (
        f"And yet its kernels are never larger than {k}×{k}, which **saves** weights: two layers of"
        f" {k}×{k} see {side}×{side} pixels with {stack.stack_per_pair} weights per pair of"
        f" channels, where one {side}×{side} kernel needs {stack.single_per_pair}."
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
        what = "fully connected layer" if is_one else "fully connected layers"
        verb = "holds" if is_one else "hold"
    else:
        what, verb = "classifier", "holds"
    if decoder < _size(large) / 2:
        return f"Its {what} {verb} {grouped(decoder)} of them ({share})."
    heaviest = max(rows, key=lambda row: row.parameters)
    sentence = f"Its **{what}** {verb} {grouped(decoder)} of them ({share})"
    inputs, outputs = heaviest.input_shapes[0], heaviest.output_shape
    if heaviest.kind != "linear" or len(inputs) != 1 or len(rows) == 1:
        return f"{sentence}."
    return (
        f"{sentence}: {plain(heaviest.title)} alone connects {grouped(inputs[0])} values with"
        f" {grouped(outputs[0])} units and holds {grouped(heaviest.parameters)}."
    )


def _difference_sentence(large: Costs, small: Costs) -> str:
    """Say where the difference lies: in shares where both parts add to it, else with signs."""
    difference = _size(large) - _size(small)
    decoder, encoder = (
        large.part(part).parameters - small.part(part).parameters for part in ("decoder", "encoder")
    )
    if encoder >= 0 and decoder >= 0:
        part, more = max(("classifier", decoder), ("encoder", encoder), key=lambda pair: pair[1])
        return (
            f"{plain(large.title)} has {grouped(difference)} more parameters in all:"
            f" {grouped(more)} of them ({percent(more / difference)}) are in its {part}."
        )
    return (
        f"{plain(large.title)} has {grouped(difference)} more in all: its classifier has"
        f" {_more_or_fewer(decoder)} and its encoder {_more_or_fewer(encoder)}"
        f" than those of {plain(small.title)}."
    )


def _more_or_fewer(number: int) -> str:
    return f"{grouped(abs(number))} {'fewer' if number < 0 else 'more'}"


def _encoder_sentence(large: Costs, small: Costs, ratio: float) -> str:
    encoders = [grouped(costs.part("encoder").parameters) for costs in (large, small)]
    if 1 / _SAME < ratio < _SAME:
        comparison = "about as many"
    elif ratio > 1:
        comparison = f"{_times(ratio)} as many"
    else:
        comparison = f"{times(1 / ratio, digits=2, whole_from=10)} times fewer"
    return (
        f"The encoders alone have {encoders[0]} ({plain(large.title)}) and {encoders[1]}"
        f" ({plain(small.title)}): {comparison}."
    )


def _size(costs: Costs) -> int:
    return costs.parameters


def _kernel(row: LayerCost) -> int:
    return max(row.window.kernel) if row.window and row.macs else 0


def _times(ratio: float) -> str:
    return f"{times(ratio, digits=2, whole_from=10)} times"
