"""What the page Architectures says of its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.formatting import percent, size_text
from convviz.language import later, numeral, tr, trn
from convviz.lessons.printed_figures import AGREEMENTS, PrintedFigure, Reported, kilo
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost, flops

# ---- compare -------------------------------------------------------------------------------------


def parameters_text(costs: Costs) -> str:
    """Name a network's parameters, and those of its auxiliary heads where it has some."""
    text = tr("{count:,} parameters", count=costs.parameters)
    if costs.parameters_with_auxiliary == costs.parameters:
        return text
    return tr(
        "{parameters} without auxiliary heads, {count:,} with them",
        parameters=text,
        count=costs.parameters_with_auxiliary,
    )


def other_size_text(counted: int, seen: int) -> str:
    """Say that maps elsewhere are of another size of the image; nothing if they are of this one.

    Args:
        counted: Side of the image for which is counted here, in pixels.
        seen: Side at which the weights that come with convviz take it.
    """
    if counted == seen:
        return ""
    return tr(
        "Counted here for an image of {counted} × {counted} pixels. The weights that come with "
        "convviz take it at {seen} × {seen}, so on other pages these layers' maps have other "
        "sides; the channels are the same.",
        counted=counted,
        seen=seen,
    )


def multiplications_text(costs: Costs) -> str:
    """Give a network's MACs, and the same in FLOPs."""
    return tr("{macs:,} MACs = {flops:,} FLOPs", macs=costs.macs, flops=flops(costs.macs))


def depth_text(costs: Costs) -> str:
    """Say what is counted in a network's depth."""
    return tr("{count} convolutions and linear layers, one after another", count=costs.depth)


def memory_text(costs: Costs) -> str:
    """Say what a network's memory for activations is."""
    return tr(
        "{count:,} bytes, kept of one image for the backward pass of training, float32",
        count=costs.activation_bytes,
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
        "{mark} {title}: counted here {parameters:,} parameters and {gigamacs:.3f} "
        "billion MACs at {size} × {size}; torchvision publishes {published_parameters:,} and "
        "{published_gigamacs:g} “GFLOPS”.",
        mark="✓" if is_same else "≠",
        title=plain(costs.title),
        parameters=costs.parameters,
        gigamacs=gigamacs,
        size=size,
        published_parameters=theirs.parameters,
        published_gigamacs=theirs.gigamacs,
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
    meaning = _meaning(row)
    whole = costs.parameters_with_auxiliary if row.part == "auxiliary" else costs.parameters
    return "; ".join(
        filter(None, (meaning, share_text(row.parameters, whole, tr("the parameters"))))
    )


def _meaning(row: LayerCost) -> str:
    """Say what a row's parameters are; empty where that is not known."""
    if row.kind == "batch norm":
        return tr("a scale and a shift for each channel")
    if row.kind not in ("convolution", "linear"):
        return ""
    is_conv = row.kind == "convolution"
    if row.biases:
        if is_conv:
            return tr("kernel · channels in · channels out, and a bias for each channel out")
        return tr("values in · units out, and a bias for each unit")
    if row.norm_follows:
        if is_conv:
            return tr("kernel · channels in · channels out; no bias, since batch norm follows")
        return tr("values in · units out; no bias, since batch norm follows")
    if is_conv:
        return tr("kernel · channels in · channels out; no bias")
    return tr("values in · units out; no bias")


def share_text(part: int, whole: int, what: str) -> str:
    """Say which share of a whole a part is; empty where there is none.

    Args:
        part: The part.
        whole: The whole.
        what: What the whole is, in the reader's language.
    """
    if not (part and whole):
        return ""
    return tr("{share} of {whole}", share=percent(part / whole, 1), whole=what)


def kernel_text(row: LayerCost) -> str:
    """Describe a row's sliding kernel: "3 × 3, stride 2, padding 1"."""
    if row.window is None:
        return ""
    window = row.window
    text = tr(
        "{rows} × {columns}, stride {stride}",
        rows=window.kernel[0],
        columns=window.kernel[1],
        stride=_pair(window.stride),
    )
    if max(window.padding):
        text += tr(", padding {padding}", padding=_pair(window.padding))
    if max(window.dilation) > 1:
        text += tr(", dilation {dilation}", dilation=_pair(window.dilation))
    return text + (tr(", in {count} groups", count=window.groups) if window.groups > 1 else "")


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
    sizes = tr(
        "{rows} × {columns} pixels", rows=row.field.rows.size, columns=row.field.columns.size
    )
    return f"{formula}: {sizes}" if formula else sizes


def no_field_text(row: LayerCost) -> str:
    """Say why a row has no receptive field."""
    if not row.of_image:
        return tr(
            "This layer sees nothing of the image: its numbers are made of the network's own, and "
            "are the same for every image."
        )
    return tr("What this layer's positions see cannot be followed.")


# ---- papers --------------------------------------------------------------------------------------


def design_text(costs: Costs) -> str:
    """Give a network's MACs, depth, and the parameters of its auxiliary heads."""
    auxiliary = costs.part("auxiliary").parameters
    if not auxiliary:
        return tr(
            "{macs:,} MACs at {side} × {side}, {depth} layers deep.",
            macs=costs.macs,
            side=costs.input_size,
            depth=costs.depth,
        )
    return tr(
        "{macs:,} MACs at {side} × {side}, {depth} layers deep; its auxiliary heads have "
        "{auxiliary:,} more, {total:,} in all.",
        macs=costs.macs,
        side=costs.input_size,
        depth=costs.depth,
        auxiliary=auxiliary,
        total=costs.parameters_with_auxiliary,
    )


def wider_text(paper: Costs, built: Costs) -> str:
    """Say how many weights the paper's kernels have more than torchvision's."""
    more = kernel_weights(paper) - kernel_weights(built)
    return tr(
        "The true 5×5 kernels add {count:,} weights to the convolutions of the main network.",
        count=more,
    )


def kernel_weights(costs: Costs) -> int:
    """Count a network's weights that make MACs: no biases, no batch norm, no auxiliary heads."""
    return sum(row.weights for row in costs.layers if row.macs)


def _agreement_text(agreement: str, count: int) -> str:
    """Say of how many figures that they agree with the counts in one of the ways."""
    match agreement:
        case "equal":
            return trn("{count} is the count itself", "{count} are the counts themselves", count)
        case "rounded":
            return trn("{count} is the count rounded", "{count} are the counts rounded", count)
        case "rounded down":
            return trn(
                "{count} is the count rounded down", "{count} are the counts rounded down", count
            )
    return trn("{count} is another number", "{count} are other numbers", count)


def printed_text(checks: Sequence[PrintedFigure]) -> str:
    """Say how many of a paper's figures follow from its layers, and where the two differ most."""
    numbers = Counter(check.agreement for check in checks)
    parts = [_agreement_text(kind, numbers[kind]) for kind in AGREEMENTS if numbers[kind]]
    text = trn(
        "Of {count} printed figure {parts}.",
        "Of {count} printed figures {parts}.",
        len(checks),
        parts=", ".join(parts),
    )
    worst = max(checks, key=lambda check: abs(check.difference))
    if worst.agreement != "differs":
        return text
    largest = tr(
        "The largest difference is at *{figure}*: the paper prints {printed}, its layers come to "
        "{counted}. Papers contain mistakes, too.",
        figure=worst.what,
        printed=printed_number(worst),
        counted=counted_number(worst),
    )
    return f"{text} {largest}"


def kilo_text(checks: Sequence[PrintedFigure]) -> str:
    """Say what a paper's K is taken for, and what speaks for it; empty where it has none."""
    count = sum(check.unit == 1024 for check in checks)
    if not count:
        return ""
    fits = kilo(checks)
    return tr(
        "The paper does not say what its K is. It is taken for 1,024 here, an inference: "
        "so {fitting} of its {count} figures of weights follow from its layers, with 1,000 "
        "{fitting_1000}. Its operations are taken for MACs.",
        fitting=fits[1024],
        count=count,
        fitting_1000=fits[1000],
    )


def printed_number(check: PrintedFigure) -> str:
    """Write a figure as the paper prints it, with its unit."""
    return numeral(f"{check.printed:,g}{_unit(check)}")


def counted_number(check: PrintedFigure) -> str:
    """Write the count in the paper's unit."""
    return numeral(f"{check.in_units:,.{0 if check.unit == 1 else 2}f}{_unit(check)}")


def _unit(check: PrintedFigure) -> str:
    return {1: "", 1024: " K", 10**6: " M"}[check.unit]


def columns_text(small: Costs, large: Costs) -> str:
    """Say what VGG's depth costs, from its smallest column to its largest."""
    deeper = large.part("encoder").parameters - small.part("encoder").parameters
    share = large.parameters / small.parameters - 1
    decoder = large.part("decoder").parameters
    same = decoder == small.part("decoder").parameters
    message = (
        later(
            "From column A to column E the depth grows from {first} to {last} layers, but "
            "that adds only {deeper:,} weights and biases ({share}): the fully connected layers "
            "are the same {decoder:,} throughout."
        )
        if same
        else later(
            "From column A to column E the depth grows from {first} to {last} layers, but "
            "that adds only {deeper:,} weights and biases ({share})."
        )
    )
    return tr(
        message,
        first=small.depth,
        last=large.depth,
        deeper=deeper,
        share=percent(share, 1),
        decoder=decoder,
    )
