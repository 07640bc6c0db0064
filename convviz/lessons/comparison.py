"""Two networks compared: why the one with the smaller kernels can have more parameters.

A sentence is written only if the numbers support it, so the text is true for any two networks.
"""

from convviz.formatting import grouped, percent, times
from convviz.lessons.stacking import replacing
from convviz.structure.costs import Costs, LayerCost


def surprise(first: Costs, second: Costs) -> tuple[str, ...]:
    """Compare the parameters of two networks in a few sentences, the claim first, in Markdown.

    Auxiliary heads are not counted: they are removed after training.
    """
    small, large = sorted((first, second), key=_size)
    ratio = _size(large) / _size(small)
    sizes = f"{grouped(_size(large))} against {grouped(_size(small))}"
    if ratio < 1.005:
        return (f"{large.title} and {small.title} weigh about the same: {sizes} parameters.",)
    claim = f"**{large.title} has {_times(ratio)} the parameters of {small.title}**: {sizes}."
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
    decoder = large.part("decoder").parameters
    share = decoder / _size(large)
    if share < 0.5:
        return f"Its fully connected layers hold {grouped(decoder)} of them ({percent(share, 0)})."
    heaviest = max(large.layers, key=lambda row: row.parameters * (row.part == "decoder"))
    inputs, outputs = heaviest.input_shapes[0][0], heaviest.output_shape[0]
    return (
        f"Its **fully connected layers** hold {grouped(decoder)} of them ({percent(share, 0)}):"
        f" {heaviest.title} alone connects {grouped(inputs)} values with {grouped(outputs)} units"
        f" and holds {grouped(heaviest.parameters)}."
    )


def _difference_sentence(large: Costs, small: Costs) -> str:
    difference = _size(large) - _size(small)
    in_decoder = large.part("decoder").parameters - small.part("decoder").parameters
    if in_decoder <= difference / 2:
        return ""
    return (
        f"Of the {grouped(difference)} that {large.title} has more, {grouped(in_decoder)}"
        f" ({percent(in_decoder / difference, 0)}) lie there."
    )


def _encoder_sentence(large: Costs, small: Costs, ratio: float) -> str:
    encoders = [grouped(costs.part("encoder").parameters) for costs in (large, small)]
    comparison = f"{_times(ratio)} as many" if ratio >= 1 else f"{times(1 / ratio)} times fewer"
    return (
        f"The encoders alone have {encoders[0]} ({large.title}) and {encoders[1]}"
        f" ({small.title}): {comparison}."
    )


def _size(costs: Costs) -> int:
    return costs.parameters - costs.part("auxiliary").parameters


def _kernel(row: LayerCost) -> int:
    return max(row.window.kernel) if row.window and row.macs else 0


def _times(ratio: float) -> str:
    return f"{times(ratio, digits=2, whole_from=10)} times"
