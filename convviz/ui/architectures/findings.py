"""What the page Architectures says of its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.formatting import percent, size_text
from convviz.lessons.printed_figures import AGREEMENTS, PrintedFigure, Reported, kilo
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost, flops

# ---- compare -------------------------------------------------------------------------------------


def parameters_text(costs: Costs) -> str:
    """Name a network's parameters, and those of its auxiliary heads where it has some."""
    text = f"{costs.parameters:,} parameters"
    if costs.parameters_with_auxiliary == costs.parameters:
        return text
    return f"{text} without auxiliary heads, {costs.parameters_with_auxiliary:,} with them"


def multiplications_text(costs: Costs) -> str:
    """Give a network's MACs, and the same in FLOPs."""
    return f"{costs.macs:,} MACs = {flops(costs.macs):,} FLOPs"


def depth_text(costs: Costs) -> str:
    """Say what is counted in a network's depth."""
    return f"{costs.depth} convolutions and linear layers, one after another"


def memory_text(costs: Costs) -> str:
    """Say what a network's memory for activations is."""
    return (
        f"{costs.activation_bytes:,} bytes, kept of one image for the backward pass of training, "
        "float32"
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
    return (
        f"{'✓' if is_same else '≠'} {plain(costs.title)}: counted here {costs.parameters:,} "
        f"parameters and {gigamacs:.3f} billion MACs at {size} × {size}; torchvision publishes "
        f"{theirs.parameters:,} and {theirs.gigamacs:g} “GFLOPS”."
    )


# ---- layer by layer ------------------------------------------------------------------------------


def memory_remark(row: LayerCost) -> str:
    """Say how large a row's output is, and what of it training keeps."""
    size, kept = size_text(row.output_bytes, 1), row.activation_bytes
    if kept == row.output_bytes and kept:
        return f"{size}, kept in training"
    if kept:
        return f"{size}; training keeps {size_text(kept, 1)} here, with what the gradients need"
    if row.shares_memory:
        return f"{size}, in the memory of its input, so training keeps nothing more"
    return f"{size}; training does not keep it, since no gradient needs it"


def parameters_remark(row: LayerCost, costs: Costs) -> str:
    """Say what a row's parameters are, and how many of the network's."""
    if not row.parameters:
        return "nothing to learn here"
    kinds = {
        "convolution": "kernel · channels in · channels out, and a bias for each channel out",
        "linear": "values in · units out, and a bias for each unit",
        "batch norm": "a scale and a shift for each channel",
    }
    meaning = kinds.get(row.kind, "")
    if row.kind in ("convolution", "linear") and not row.biases:
        reason = ", since batch norm follows" if row.norm_follows else ""
        meaning = f"{meaning.partition(', and a bias')[0]}; no bias{reason}"
    whole = costs.parameters_with_auxiliary if row.part == "auxiliary" else costs.parameters
    return "; ".join(filter(None, (meaning, share_text(row.parameters, whole, "the parameters"))))


def share_text(part: int, whole: int, what: str) -> str:
    """Say which share of a whole a part is; empty where there is none."""
    return f"{percent(part / whole, 1)} of {what}" if part and whole else ""


def kernel_text(row: LayerCost) -> str:
    """Describe a row's sliding kernel: "3 × 3, stride 2, padding 1"."""
    if row.window is None:
        return ""
    window = row.window
    text = f"{window.kernel[0]} × {window.kernel[1]}, stride {_pair(window.stride)}"
    if max(window.padding):
        text += f", padding {_pair(window.padding)}"
    if max(window.dilation) > 1:
        text += f", dilation {_pair(window.dilation)}"
    return text + (f", in {window.groups} groups" if window.groups > 1 else "")


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
        return "the whole image"
    sizes = f"{row.field.rows.size} × {row.field.columns.size} pixels"
    return f"{formula}: {sizes}" if formula else sizes


# ---- papers --------------------------------------------------------------------------------------


def design_text(costs: Costs) -> str:
    """Give a network's MACs, depth, and the parameters of its auxiliary heads."""
    auxiliary = costs.part("auxiliary").parameters
    more = ""
    if auxiliary:
        more = (
            f"; its auxiliary heads have {auxiliary:,} more, {costs.parameters_with_auxiliary:,} "
            "in all"
        )
    return (
        f"{costs.macs:,} MACs at {costs.input_size} × {costs.input_size}, "
        f"{costs.depth} layers deep{more}."
    )


def wider_text(paper: Costs, built: Costs) -> str:
    """Say how many weights the paper's kernels have more than torchvision's."""
    more = kernel_weights(paper) - kernel_weights(built)
    return f"The true 5×5 kernels add {more:,} weights to the convolutions of the main network."


def kernel_weights(costs: Costs) -> int:
    """Count a network's weights that make MACs: no biases, no batch norm, no auxiliary heads."""
    return sum(row.weights for row in costs.layers if row.macs)


_HOW_THEY_AGREE = {
    "equal": ("is the count itself", "are the counts themselves"),
    "rounded": ("is the count rounded", "are the counts rounded"),
    "rounded down": ("is the count rounded down", "are the counts rounded down"),
    "differs": ("is another number", "are other numbers"),
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
    text = f"Of {len(checks)} printed {figures} {', '.join(parts)}."
    worst = max(checks, key=lambda check: abs(check.difference))
    if worst.agreement != "differs":
        return text
    return (
        f"{text} The largest difference is at *{worst.what}*: the paper prints "
        f"{printed_number(worst)}, its layers come to {counted_number(worst)}. Papers contain "
        "mistakes, too."
    )


def kilo_text(checks: Sequence[PrintedFigure]) -> str:
    """Say what a paper's K is taken for, and what speaks for it; empty where it has none."""
    count = sum(check.unit == 1024 for check in checks)
    if not count:
        return ""
    fits = kilo(checks)
    return (
        f"The paper does not say what its K is. It is taken for 1,024 here, an inference: so "
        f"{fits[1024]} of its {count} figures of weights follow from its layers, with 1,000 "
        f"{fits[1000]}. Its operations are taken for multiply–accumulates."
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
    reason = f": the fully connected layers are the same {decoder:,} throughout" if same else ""
    return (
        f"From column A to column E the depth grows from {small.depth} to {large.depth} layers, "
        f"but that adds only {deeper:,} weights and biases ({percent(share, 1)}){reason}."
    )
