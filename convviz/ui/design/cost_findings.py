"""What the page Design says of a design's numbers."""

from __future__ import annotations

from convviz.errors import DesignError
from convviz.formatting import grouped, percent, size_text, times
from convviz.structure.design_costs import BlockCost, DesignCosts

_COSTS = {
    "parameters": ("has", "of the parameters"),
    "macs": ("has", "of the multiply–accumulates"),
    "activation_bytes": ("keeps", "of the memory"),
}


def heaviest(costs: DesignCosts) -> str:
    """Name the block that costs most, by parameters, multiply–accumulates and memory."""
    parts = []
    for cost, (verb, what) in _COSTS.items():
        block = costs.most(cost)
        if block is not None:
            share = getattr(block, cost) / getattr(costs, cost)
            parts.append(f"line {block.line}, {block.text}, {verb} {percent(share)} {what}")
    if not parts:
        return "No block costs anything: there are no weights, and nothing is kept for training."
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def left_over(block: BlockCost) -> str:
    """Say what a block's stride leaves over along rows and columns; nothing where it fits."""
    if not any(block.left_over):
        return "0" if block.left_over else ""
    rows, columns = block.left_over
    words = [f"{abs(each)} beyond" if each < 0 else str(each) for each in (rows, columns)]
    return words[0] if rows == columns else " × ".join(words)


def compared(before: DesignCosts, after: DesignCosts) -> str:
    """Say what a change does to parameters and multiply–accumulates."""
    parts = []
    for cost, what in (("parameters", "parameters"), ("macs", "multiply–accumulates")):
        first, second = getattr(before, cost), getattr(after, cost)
        if first == second:
            parts.append(f"as many {what} as before ({grouped(second)})")
        elif not first or not second:
            parts.append(f"{grouped(second)} {what}, {grouped(first)} before")
        elif first < second < 1.5 * first:
            parts.append(f"{percent(second / first - 1)} more {what}")
        elif second > first:
            parts.append(f"{times(second / first)} times the {what}")
        else:
            parts.append(f"{percent(1 - second / first)} fewer {what}")
    return f"The changed design has {' and '.join(parts)}."


def does_not_fit(error: DesignError) -> str:
    """Say that a change makes a design that does not fit, and why."""
    return f"The changed design does not fit: its line {error.line}: {error.sentence}"


def not_trained(error: DesignError) -> str:
    """Say that a design can be counted but not trained here, and why."""
    why = f"line {error.line}: {error.sentence}"
    return f"This design is counted, but cannot be trained here: {why}"


def memory(count: int) -> str:
    """Write a number of bytes, small ones too: "480 B"."""
    return f"{count} B" if count < 1000 else size_text(count)
