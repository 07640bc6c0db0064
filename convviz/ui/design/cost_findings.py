"""What the page Design says of a design's numbers."""

from __future__ import annotations

from convviz.errors import DesignError
from convviz.formatting import grouped, percent, size_text, times
from convviz.language import later, tr
from convviz.structure.design_costs import BlockCost, DesignCosts

_SHARES = {
    "parameters": later("line {line}, {block}, has {share} of the parameters"),
    "macs": later("line {line}, {block}, has {share} of the MACs"),
    "activation_bytes": later("line {line}, {block}, keeps {share} of the memory"),
}
_COSTS = {"parameters": later("parameters"), "macs": later("MACs")}


def heaviest(costs: DesignCosts) -> str:
    """Name the block that costs most, by parameters, multiply–accumulates and memory."""
    parts = []
    for cost, message in _SHARES.items():
        block = costs.most(cost)
        if block is not None:
            share = getattr(block, cost) / getattr(costs, cost)
            parts.append(tr(message, line=block.line, block=block.text, share=percent(share)))
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
        tr("{count} beyond", count=-each) if each < 0 else str(each) for each in (rows, columns)
    ]
    return words[0] if rows == columns else " × ".join(words)


def macs(block: BlockCost) -> str:
    """Write a block's MACs; an auxiliary classifier has some while the network learns alone."""
    return tr("training only") if block.auxiliary else grouped(block.macs)


def block_memory(block: BlockCost) -> str:
    """Write how much a block keeps in training; that of auxiliary classifiers is not counted."""
    return "–" if block.auxiliary else memory(block.activation_bytes)


def table_text(costs: DesignCosts) -> str:
    """Explain what is left over, and what an auxiliary classifier costs, where there is such."""
    sentences = []
    if any(any(block.left_over) for block in costs.blocks):
        sentences.append(
            tr(
                "Left over are rows and columns at the far edge that no window reaches; where a "
                "window reaches over the edge, as ceil allows, it is so many beyond it."
            )
        )
    if any(block.auxiliary for block in costs.blocks):
        sentences.append(
            tr(
                "An auxiliary classifier works in training only and is thrown away after it: its "
                "parameters are counted apart, its MACs and memory not at all."
            )
        )
    return " ".join(sentences)


def compared(before: DesignCosts, after: DesignCosts) -> str:
    """Say what a change does to parameters and multiply–accumulates."""
    changes = [
        _change(tr(what), getattr(before, cost), getattr(after, cost))
        for cost, what in _COSTS.items()
    ]
    return tr("The changed design has {first} and {second}.", first=changes[0], second=changes[1])


def _change(what: str, before: int, after: int) -> str:
    """Say how a cost changes.

    Args:
        what: The cost, in the reader's language.
        before: How much it was.
        after: How much it is.
    """
    if before == after:
        return tr("as many {what} as before ({count})", what=what, count=grouped(after))
    if not before or not after:
        return tr(
            "{count} {what}, {before} before",
            count=grouped(after),
            what=what,
            before=grouped(before),
        )
    if before < after < 1.5 * before:
        return tr("{share} more {what}", share=percent(after / before - 1), what=what)
    if after > before:
        return tr("{factor} times the {what}", factor=times(after / before), what=what)
    return tr("{share} fewer {what}", share=percent(1 - after / before), what=what)


def not_trained(error: DesignError) -> str:
    """Say that a design can be counted but not trained here, and why."""
    return tr(
        "This design is counted, but cannot be trained here: line {line}: {sentence}",
        line=error.line,
        sentence=error.sentence,
    )


def memory(count: int) -> str:
    """Write a number of bytes, small ones too: "480 B"."""
    return f"{count} B" if count < 1000 else size_text(count)
