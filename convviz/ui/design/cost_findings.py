"""What the page Design says of a design's numbers."""

from __future__ import annotations

from convviz.errors import DesignError
from convviz.formatting import grouped, percent, size_text, times
from convviz.language import later, tr
from convviz.structure.design_costs import BlockCost, DesignCosts

_COSTS = {
    "parameters": ("has", later("of the parameters")),
    "macs": ("has", later("of the multiply–accumulates")),
    "activation_bytes": ("keeps", later("of the memory")),
}


def heaviest(costs: DesignCosts) -> str:
    """Name the block that costs most, by parameters, multiply–accumulates and memory."""
    parts = []
    for cost, (verb, what) in _COSTS.items():
        block = costs.most(cost)
        if block is not None:
            share = getattr(block, cost) / getattr(costs, cost)
            parts.append(
                tr(
                    "line {line}, {text}, {verb} {share} {what}",
                    line=block.line,
                    text=block.text,
                    verb=verb,
                    share=percent(share),
                    what=what,
                )
            )
    if not parts:
        return tr(
            "No block costs anything: there are no weights, and nothing is kept for training."
        )
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def left_over(block: BlockCost) -> str:
    """Say what a block's stride leaves over along rows and columns; nothing where it fits."""
    if not any(block.left_over):
        return "0" if block.left_over else ""
    rows, columns = block.left_over
    words = [
        tr("{each} beyond", each=abs(each)) if each < 0 else str(each) for each in (rows, columns)
    ]
    return words[0] if rows == columns else " × ".join(words)


def compared(before: DesignCosts, after: DesignCosts) -> str:
    """Say what a change does to parameters and multiply–accumulates."""
    parts = []
    for cost, what in (("parameters", "parameters"), ("macs", "multiply–accumulates")):
        first, second = getattr(before, cost), getattr(after, cost)
        if first == second:
            parts.append(
                tr("as many {what} as before ({second})", what=what, second=grouped(second))
            )
        elif not first or not second:
            parts.append(
                tr(
                    "{second} {what}, {first} before",
                    second=grouped(second),
                    what=what,
                    first=grouped(first),
                )
            )
        elif first < second < 1.5 * first:
            parts.append(tr("{second} more {what}", second=percent(second / first - 1), what=what))
        elif second > first:
            parts.append(tr("{second} times the {what}", second=times(second / first), what=what))
        else:
            parts.append(tr("{second} fewer {what}", second=percent(1 - second / first), what=what))
    return tr("The changed design has {join}.", join=" and ".join(parts))


def does_not_fit(error: DesignError) -> str:
    """Say that a change makes a design that does not fit, and why."""
    return tr(
        "The changed design does not fit: its line {line}: {sentence}",
        line=error.line,
        sentence=error.sentence,
    )


def not_trained(error: DesignError) -> str:
    """Say that a design can be counted but not trained here, and why."""
    why = tr("line {line}: {sentence}", line=error.line, sentence=error.sentence)
    return tr("This design is counted, but cannot be trained here: {why}", why=why)


def memory(count: int) -> str:
    """Write a number of bytes, small ones too: "480 B"."""
    return f"{count} B" if count < 1000 else size_text(count)
