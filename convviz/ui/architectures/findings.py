"""What the page Architectures says of its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.formatting import percent, short, size_text, times
from convviz.lessons.bottleneck import Bottleneck
from convviz.lessons.inception import InceptionModule
from convviz.lessons.pooling import Classifiers
from convviz.lessons.printed_figures import AGREEMENTS, PrintedFigure, Reported, kilo
from convviz.lessons.sliding import Sliding, exact_lengths
from convviz.lessons.stacking import Stacking
from convviz.networks.network import Network
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost, flops
from convviz.structure.layers import Branch

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


# ---- lessons -------------------------------------------------------------------------------------


def exact_lengths_text(sliding: Sliding, around: int = 12) -> str:
    """Say for which images of about this size the kernel reaches the far edge; empty if for all.

    Args:
        sliding: The kernel.
        around: How much smaller or larger the images may be, in pixels.
    """
    low, high = max(1, sliding.length - around), sliding.length + around
    lengths = exact_lengths(sliding, low, high)
    if sliding.stride == 1 or not lengths:
        return ""
    text = ", ".join(map(str, lengths))
    return (
        f"Of images of {low} to {high} pixels, this kernel leaves nothing over at the far edge for "
        f"those of {text}."
    )


def course_notes_title(noted: int) -> str:
    """Say which input size the lecture notes state.

    Args:
        noted: The side of the image, in pixels.
    """
    return (
        f"The lecture notes of the course behind this app say that AlexNet takes {noted} × {noted}"
    )


def course_notes_text(
    sizes: tuple[int, int, int],
    values: dict[int, int],
    taken: int,
    dropped: dict[int, int],
    built: LayerCost,
) -> str:
    """Hold the input size that the lecture notes state against AlexNet's own layers.

    Args:
        sizes: Side of the image by the arithmetic, in the paper, and in the lecture notes.
        values: How many values reach the first fully connected layer, for each side.
        taken: How many values that layer takes.
        dropped: How many pixels the first layer leaves over, for each side.
        built: The first layer of torchvision's network.
    """
    exact, paper, noted = sizes
    padding = built.window.padding[0] if built.window else 0
    return (
        f"Its first fully connected layer takes {taken:,} values. Images of {exact} × {exact} "
        f"give {values[exact]:,}, with {_pixels(dropped[exact])} left over on the way in. "
        f"Images of {noted} × {noted} give {values[noted]:,}: they would not fit, and leave "
        f"{_pixels(dropped[noted])} over at the first layer. So {noted} is probably a mistake for "
        f"**{exact}**. The paper itself prints {paper}, which does not fit either "
        f"({values[paper]:,}); torchvision takes {built.input_shapes[0][1]} and pads it by "
        f"{padding}."
    )


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count} pixels"


def stacking_point(two: Stacking) -> str:
    """Make the point of the lesson on stacks."""
    return (
        f"**{two.layers} layers of {two.kernel}×{two.kernel} see as much as one of "
        f"{two.receptive_field}×{two.receptive_field}, with {two.stack_per_pair} weights instead "
        f"of {two.single_per_pair}**, and with {two.layers} ReLUs instead of one. That is the idea "
        "of VGG."
    )


def stacking_rows(stacking: Stacking) -> list[tuple[str, str, str]]:
    """Compare a stack with the one large kernel: label, formula and remark of each line."""
    k, side, layers = stacking.kernel, stacking.receptive_field, stacking.layers
    many = layers > 1
    relus = f"{layers} ReLUs: more non-linear steps for the same view" if many else "1 ReLU"
    return [
        ("Both see", stacking.field_formula, "pixels, along each side"),
        (
            f"{layers} layers of {k}×{k}" if many else f"1 layer of {k}×{k}",
            stacking.stack_formula,
            f"weights, with {relus}",
        ),
        (f"1 layer of {side}×{side}", stacking.single_formula, "weights, with 1 ReLU"),
        (
            "Saved",
            percent(stacking.saving, 1) if stacking.saving else "nothing: it is the same layer",
            "the same share for any number of channels, since both grow with C·C",
        ),
    ]


def lighter_text(vgg: Costs, alexnet: Costs, block: Sequence[LayerCost], real: Stacking) -> str:
    """Answer whether VGG is the lighter network: per receptive field, and in all.

    Args:
        vgg: VGG16's costs.
        alexnet: AlexNet's.
        block: The convolutions of VGG16's last block.
        real: The same as a stack.
    """
    weights = sum(row.weights for row in block)
    return (
        f"**Yes, for what a kernel sees.** The last block of {vgg.title} ({len(block)} layers of "
        f"{real.kernel}×{real.kernel}, {real.channels} channels) holds {weights:,} weights; one "
        f"layer of {real.receptive_field}×{real.receptive_field} with the same channels would "
        f"hold {real.single_weights:,}.\n\n"
        f"**No, for the whole network.** {vgg.title} has {vgg.parameters:,} parameters, "
        f"{alexnet.title} {alexnet.parameters:,}: {vgg.title} has more layers and more channels, "
        f"and its fully connected layers alone hold {vgg.part('decoder').parameters:,}."
    )


def bottleneck_point(course: Bottleneck) -> str:
    """Make the point of the lesson on 1×1 convolutions."""
    return (
        "**A 1×1 kernel mixes channels and looks at no neighbours, so it is a cheap way to have "
        f"fewer of them before an expensive {course.kernel}×{course.kernel} kernel.** In Inception "
        f"4a that turns {short(course.direct_macs)} multiplications into "
        f"{short(course.bottleneck_macs)}."
    )


def saving_text(chosen: Bottleneck) -> str:
    """Say what a bottleneck saves in multiplications, or costs."""
    if chosen.direct_macs == chosen.bottleneck_macs:
        return "as many: the detour changes nothing"
    if chosen.factor > 1:
        return f"{_factor(chosen.factor)} fewer"
    return f"{_factor(1 / chosen.factor)} as many: the detour does not pay"


def _factor(factor: float) -> str:
    """Write a factor above 1 so that it never reads 1.0."""
    return f"{times(factor, digits=1 if factor >= 1.05 else 4)} times"


def break_even_text(chosen: Bottleneck) -> str:
    """Say with how many channels a bottleneck saves; with that many or more it does not."""
    most = -(-chosen.direct_weights // (chosen.channels + chosen.kernel**2 * chosen.outputs)) - 1
    if most < 1:
        return "The detour never pays here"
    channels = "1 channel" if most == 1 else f"at most {most:,} channels"
    return f"The detour pays with {channels} left"


def modules_text(modules: Sequence[InceptionModule]) -> str:
    """Sum up what the 1×1 reductions save in all modules together."""
    without = sum(module.macs_without for module in modules)
    built = sum(module.cost.macs for module in modules)
    return (
        f"All modules together: {without:,} multiplications without the reductions, {built:,} as "
        f"built, {times(without / built)} times fewer."
    )


def sizes_text(counted: int, seen: int) -> str:
    """Say that numbers and maps are of two sizes of the image; nothing if they are of one.

    Args:
        counted: Side of the image for which is counted, in pixels.
        seen: Side at which the network takes the visitor's image.
    """
    if counted == seen:
        return ""
    return (
        f"The drawing and the numbers above are for an image of {counted} × {counted} pixels. With "
        f"these weights the network takes your image at {seen} × {seen}, so the maps here have "
        "other sides; the channels are the same."
    )


def branches_text(about: str, shape: tuple[int, int, int], shown: int) -> str:
    """Introduce the maps of an Inception module's branches.

    Args:
        about: Which network and weights are used.
        shape: (C, H, W) of the module's output.
        shown: How many channels of a branch are drawn at most.
    """
    channels, height, width = shape
    return (
        f"{about} Each branch answers with maps of {height} × {width}; here are the strongest "
        f"{shown} of each, and the joined output has all {channels}."
    )


def branch_text(branch: Branch, channels: int, empty: int) -> str:
    """Say which channels of a module's output a branch makes, and how many are empty."""
    count = branch.stop - branch.start
    return (
        f"**{plain(branch.title)}**: channels {branch.start} to {branch.stop - 1} of the output, "
        f"{percent(count / channels, 1)} of its depth, {empty} of {count} empty"
    )


def about_text(network: Network, *, chosen: bool) -> str:
    """Say which network and weights are used, and whether they are others than the chosen ones.

    Args:
        network: The network.
        chosen: Whether it is the one that is chosen in the sidebar.
    """
    text = f"{plain(network.title)}, {plain(network.weights.title)}"
    return f"{text}." if chosen else f"{text}, which comes with convviz."


def pooling_point(vgg: Classifiers) -> str:
    """Make the point of the lesson on global average pooling."""
    return (
        "**Take the mean of each map, and one linear layer makes class scores of the means.** It "
        f"needs no weights for places. {vgg.title} would have {short(vgg.network_averaged)} "
        f"parameters instead of {short(vgg.network)}."
    )


def last_maps_text(about: str, averaged: AveragedMaps) -> str:
    """Introduce the maps that are averaged.

    Args:
        about: Which network and weights are used.
        averaged: The maps.
    """
    channels, height, width = averaged.maps.shape
    return (
        f"{about} Its last layer, {plain(averaged.layer.title)}, has {channels:,} maps of "
        f"{height} × {width}; each becomes one number."
    )


def sum_text(averaged: AveragedMaps, evidence: ClassEvidence, written_out: int) -> str:
    """Say what the terms of a class's score are.

    Args:
        averaged: The maps.
        evidence: The class.
        written_out: How many channels have a term of their own.
    """
    rest = len(averaged.means) - written_out
    channels = "channel that adds" if written_out == 1 else f"{written_out} channels that add"
    others = f"then the other {rest:,} together, " if rest else ""
    return (
        f"score of {evidence.prediction.label}: weight · mean of the {channels} most, "
        f"{others}then the bias"
    )


def evidence_text(evidence: ClassEvidence) -> str:
    """Explain the image of where a score comes from."""
    return (
        "**Where the score comes from.** Since the mean treats all places alike, the weighted maps "
        "can be added before it: the image shows how much each place adds to the score of "
        f"*{evidence.prediction.label}* (bright: much). Its mean is the score without the bias: "
        f"{float(evidence.evidence.mean()):.2f}."
    )


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
