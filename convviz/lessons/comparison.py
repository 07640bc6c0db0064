"""Two networks compared: why the one with the smaller kernels can have more parameters.

A clause is written only if the numbers support it, so the text stays true for any two networks.
"""

from convviz.formatting import grouped, percent, times
from convviz.lessons.stacking import replacing
from convviz.structure.costs import Costs, LayerCost


def surprise(one: Costs, other: Costs) -> tuple[str, ...]:
    """Compare the parameters of two networks in a few sentences, the claim first, in Markdown.

    Auxiliary heads are left aside: they are thrown away after training.
    """
    small, large = sorted((one, other), key=_size)
    ratio = _size(large) / _size(small)
    sizes = f"{grouped(_size(large))} against {grouped(_size(small))}"
    if ratio < 1.005:
        return (f"{large.title} and {small.title} weigh about the same: {sizes} parameters.",)
    claim = f"**{large.title} has {_times(ratio)} the parameters of {small.title}**: {sizes}."
    sentences = [claim, _yet(large, small), _where(large), _because(large, small)]
    encoders = [each.part("encoder").parameters for each in (large, small)]
    if all(encoders) and large.part("decoder").parameters:
        sentences.append(_without(large, small, encoders[0] / encoders[1]))
    return tuple(filter(None, sentences))


def _yet(large: Costs, small: Costs) -> str:
    """Name the paradox where there is one: small kernels in the large network."""
    widest = [max((_kernel(row) for row in each.layers), default=0) for each in (large, small)]
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


def _where(large: Costs) -> str:
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


def _because(large: Costs, small: Costs) -> str:
    more = _size(large) - _size(small)
    in_decoder = large.part("decoder").parameters - small.part("decoder").parameters
    if in_decoder <= more / 2:
        return ""
    return (
        f"Of the {grouped(more)} that {large.title} has more, {grouped(in_decoder)}"
        f" ({percent(in_decoder / more, 0)}) lie there."
    )


def _without(large: Costs, small: Costs, ratio: float) -> str:
    encoders = [grouped(each.part("encoder").parameters) for each in (large, small)]
    compared = f"{_times(ratio)} as many" if ratio >= 1 else f"{times(1 / ratio)} times fewer"
    return (
        f"The encoders alone have {encoders[0]} ({large.title}) and {encoders[1]}"
        f" ({small.title}): {compared}."
    )


def _size(costs: Costs) -> int:
    return costs.parameters - costs.part("auxiliary").parameters


def _kernel(row: LayerCost) -> int:
    return max(row.window.kernel) if row.window and row.macs else 0


def _times(ratio: float) -> str:
    return f"{times(ratio, digits=2, whole_from=10)} times"
