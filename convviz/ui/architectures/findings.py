"""What the page Architectures says of its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.formatting import percent, size_text
from convviz.language import later, tr
from convviz.lessons.printed_figures import AGREEMENTS, PrintedFigure, Reported, kilo
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost, flops

# ---- compare -------------------------------------------------------------------------------------


def parameters_text(costs: Costs) -> str:
    """Name a network's parameters, and those of its auxiliary heads where it has some."""
    text = tr("{parameters:,} parameters", parameters=costs.parameters)
    if costs.parameters_with_auxiliary == costs.parameters:
        return text
    return tr(
        "{text} without auxiliary heads, {parameters_with_auxiliary:,} with them",
        text=text,
        parameters_with_auxiliary=costs.parameters_with_auxiliary,
    )


def multiplications_text(costs: Costs) -> str:
    """Give a network's MACs, and the same in FLOPs."""
    return tr("{macs:,} MACs = {flops:,} FLOPs", macs=costs.macs, flops=flops(costs.macs))


def depth_text(costs: Costs) -> str:
    """Say what is counted in a network's depth."""
    return tr("{depth} convolutions and linear layers, one after another", depth=costs.depth)


def memory_text(costs: Costs) -> str:
    """Say what a network's memory for activations is."""
    return tr(
        "{activation_bytes:,} bytes, kept of one image for the backward pass of training, float32",
        activation_bytes=costs.activation_bytes,
    )


def published_text(costs: Costs, macs: int, size: int, theirs: Reported) -> str:
    """Compare counts with what torchvision publishes.

    Args:
        costs: The network's.
        macs: Its MACs at the size for which torchvision publishes them.
        size: That size, in pixels.
        theirs: What torchvision publishes.
    """
    gigamacs = macs / 1e9
    is_same = costs.parameters == theirs.parameters and abs(gigamacs - theirs.gigamacs) < 0.001
    return tr(
        "{which} {title}: counted here {parameters:,} parameters and {gigamacs:.3f} "
        "billion MACs at {size} × {size}; torchvision publishes {parameters_2:,} and "
        "{gigamacs_2:g} “GFLOPS”.",
        which="✓" if is_same else "≠",
        title=plain(costs.title),
        parameters=costs.parameters,
        gigamacs=gigamacs,
        size=size,
        parameters_2=theirs.parameters,
        gigamacs_2=theirs.gigamacs,
    )


# ---- layer by layer ------------------------------------------------------------------------------


def memory_remark(row: LayerCost) -> str:
    """Say how large a row's output is, and what of it training keeps."""
    size, kept = size_text(row.output_bytes, 1), row.activation_bytes
    if kept == row.output_bytes and kept:
        return tr("{size}, kept in training", size=size)
    if kept:
        return tr(
            "{size}; training keeps {kept} here, with what the gradients need",
            size=size,
            kept=size_text(kept, 1),
        )
    if row.shares_memory:
        return tr("{size}, in the memory of its input, so training keeps nothing more", size=size)
    return tr("{size}; training does not keep it, since no gradient needs it", size=size)


def parameters_remark(row: LayerCost, costs: Costs) -> str:
    """Say what a row's parameters are, and how many of the network's."""
    if not row.parameters:
        return tr("nothing to learn here")
    kinds = {
        "convolution": tr("kernel · channels in · channels out, and a bias for each channel out"),
        "linear": tr("values in · units out, and a bias for each unit"),
        "batch norm": tr("a scale and a shift for each channel"),
    }
    meaning = kinds.get(row.kind, "")
    if row.kind in ("convolution", "linear") and not row.biases:
        reason = tr(", since batch norm follows") if row.norm_follows else ""
        meaning = tr(
            "{partition}; no bias{reason}",
            partition=meaning.partition(", and a bias")[0],
            reason=reason,
        )
    whole = costs.parameters_with_auxiliary if row.part == "auxiliary" else costs.parameters
    return "; ".join(
        filter(None, (meaning, share_text(row.parameters, whole, tr("the parameters"))))
    )


def share_text(part: int, whole: int, what: str) -> str:
    """Say which share of a whole a part is; empty where there is none."""
    return (
        tr("{part} of {what}", part=percent(part / whole, 1), what=what) if part and whole else ""
    )


def kernel_text(row: LayerCost) -> str:
    """Describe a row's sliding kernel: "3 × 3, stride 2, padding 1"."""
    if row.window is None:
        return ""
    window = row.window
    text = tr(
        "{kernel} × {kernel_2}, stride {pair}",
        kernel=window.kernel[0],
        kernel_2=window.kernel[1],
        pair=_pair(window.stride),
    )
    if max(window.padding):
        text += tr(", padding {pair}", pair=_pair(window.padding))
    if max(window.dilation) > 1:
        text += tr(", dilation {pair}", pair=_pair(window.dilation))
    return text + (tr(", in {groups} groups", groups=window.groups) if window.groups > 1 else "")


def _pair(numbers: tuple[int, int]) -> str:
    rows, columns = numbers
    return str(rows) if rows == columns else f"{rows} × {columns}"


def field_text(row: LayerCost, formula: str) -> str:
    """Give the size of a row's receptive field, and how it is made up.

    Args:
        row: The row.
        formula: Its arithmetic; empty if there is none.
    """
    if row.field is None:
        return ""
    if row.field.mixed_by:
        return tr("the whole image")
    sizes = tr("{size} × {size_2} pixels", size=row.field.rows.size, size_2=row.field.columns.size)
    return f"{formula}: {sizes}" if formula else sizes


# ---- papers --------------------------------------------------------------------------------------


def design_text(costs: Costs) -> str:
    """Give a network's MACs, depth, and the parameters of its auxiliary heads."""
    auxiliary = costs.part("auxiliary").parameters
    more = ""
    if auxiliary:
        more = tr(
            "; its auxiliary heads have {auxiliary:,} more, {parameters_with_auxiliary:,} in all",
            auxiliary=auxiliary,
            parameters_with_auxiliary=costs.parameters_with_auxiliary,
        )
    return tr(
        "{macs:,} MACs at {input_size} × {input_size}, {depth} layers deep{more}.",
        macs=costs.macs,
        input_size=costs.input_size,
        depth=costs.depth,
        more=more,
    )


def wider_text(paper: Costs, built: Costs) -> str:
    """Say how many weights the paper's kernels have more than torchvision's."""
    more = kernel_weights(paper) - kernel_weights(built)
    return tr(
        "The true 5×5 kernels add {more:,} weights to the convolutions of the main network.",
        more=more,
    )


def kernel_weights(costs: Costs) -> int:
    """Count a network's weights that make MACs: no biases, no batch norm, no auxiliary heads."""
    return sum(row.weights for row in costs.layers if row.macs)


_HOW_THEY_AGREE = {
    "equal": (later("is the count itself"), later("are the counts themselves")),
    "rounded": (later("is the count rounded"), later("are the counts rounded")),
    "rounded down": (later("is the count rounded down"), later("are the counts rounded down")),
    "differs": (later("is another number"), later("are other numbers")),
}


def printed_text(checks: Sequence[PrintedFigure]) -> str:
    """Say how many of a paper's figures follow from its layers, and where the two differ most."""
    numbers = Counter(check.agreement for check in checks)
    parts = [
        f"{numbers[kind]} {_HOW_THEY_AGREE[kind][numbers[kind] > 1]}"
        for kind in AGREEMENTS
        if numbers[kind]
    ]
    figures = "figure" if len(checks) == 1 else "figures"
    text = tr(
        "Of {count} printed {figures} {join}.",
        count=len(checks),
        figures=figures,
        join=", ".join(parts),
    )
    worst = max(checks, key=lambda check: abs(check.difference))
    if worst.agreement != "differs":
        return text
    return tr(
        "{text} The largest difference is at *{what}*: the paper prints "
        "{printed_number}, its layers come to {counted_number}. Papers contain mistakes, "
        "too.",
        text=text,
        what=worst.what,
        printed_number=printed_number(worst),
        counted_number=counted_number(worst),
    )


def kilo_text(checks: Sequence[PrintedFigure]) -> str:
    """Say what a paper's K is taken for, and what speaks for it; empty where it has none."""
    count = sum(check.unit == 1024 for check in checks)
    if not count:
        return ""
    fits = kilo(checks)
    return tr(
        "The paper does not say what its K is. It is taken for 1,024 here, an inference: "
        "so {fits} of its {count} figures of weights follow from its layers, with 1,000 "
        "{fits_2}. Its operations are taken for multiply–accumulates.",
        fits=fits[1024],
        count=count,
        fits_2=fits[1000],
    )


def printed_number(check: PrintedFigure) -> str:
    """Write a figure as the paper prints it, with its unit."""
    return f"{check.printed:,g}{_unit(check)}"


def counted_number(check: PrintedFigure) -> str:
    """Write the count in the paper's unit."""
    return f"{check.in_units:,.{0 if check.unit == 1 else 2}f}{_unit(check)}"


def _unit(check: PrintedFigure) -> str:
    return {1: "", 1024: " K", 10**6: " M"}[check.unit]


def columns_text(small: Costs, large: Costs) -> str:
    """Say what VGG's depth costs, from its smallest column to its largest."""
    deeper = large.part("encoder").parameters - small.part("encoder").parameters
    share = large.parameters / small.parameters - 1
    decoder = large.part("decoder").parameters
    same = decoder == small.part("decoder").parameters
    reason = (
        tr(": the fully connected layers are the same {decoder:,} throughout", decoder=decoder)
        if same
        else ""
    )
    return tr(
        "From column A to column E the depth grows from {depth} to {depth_2} layers, but "
        "that adds only {deeper:,} weights and biases ({share}){reason}.",
        depth=small.depth,
        depth_2=large.depth,
        deeper=deeper,
        share=percent(share, 1),
        reason=reason,
    )
