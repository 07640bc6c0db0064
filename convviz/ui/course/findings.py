"""What the course says of its figures and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.formatting import percent, short, times
from convviz.lessons.bottleneck import Bottleneck
from convviz.lessons.inception import InceptionModule
from convviz.lessons.pooling import Classifiers
from convviz.lessons.sliding import Sliding, exact_lengths
from convviz.lessons.stacking import Stacking
from convviz.networks.network import Network
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost
from convviz.structure.layers import Branch, Layer

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
        f"*{plain(evidence.prediction.label)}* (bright: much). Its mean is the score without the "
        f"bias: {float(evidence.evidence.mean()):.2f}."
    )


# ---- figures of the steps ------------------------------------------------------------------------


def tiles_text(network: Network, layer: Layer, shown: int) -> str:
    """Say which maps are shown, and of how many."""
    channels = layer.shape[0]
    which = "All" if channels <= shown else f"{shown} of"
    return (
        f"{which} {channels:,} channels of {plain(network.title)}'s layer {plain(layer.title)}: "
        "those that draw the clearest maps come first."
    )


def atlas_text(layer: Layer, channels: int) -> str:
    """Say what the image of all maps shows."""
    return (
        f"All {channels:,} maps of {plain(layer.title)}, each on a scale of its own: bright means "
        "a high activation."
    )


def before_text(channels: int, shown: int) -> str:
    """Head the maps that go into the 1×1 convolution."""
    return f"**Before:** {min(shown, channels):,} of the {channels:,} channels that go in"


def after_text(channels: int, shown: int) -> str:
    """Head the maps that come out of it."""
    return f"**After the 1×1 convolution:** {min(shown, channels):,} of {channels:,} channels"


def evidence_caption(label: str, channels: int) -> str:
    """Say what the map over the image shows."""
    return (
        f"Bright places speak for *{plain(label)}*, GoogLeNet's first guess: its {channels:,} last "
        "maps, each times its weight for this class, added up."
    )


def recorded_text(image: str, network: str, *, stands_in: bool) -> str:
    """Say what was recorded, and whether it stands in for the visitor's own image."""
    why = (
        " A run of your own image takes some seconds for each layer: start it on Reconstruction."
        if stands_in
        else ""
    )
    return f"{plain(image)}, made again from layers of {plain(network)}; computed before.{why}"


def moment_text(layer: str, step: int, shown: int) -> str:
    """Say which moment of the recorded training is shown."""
    when = f"after {step:,} steps of training" if step else "before training"
    return f"{shown} maps of GoogLeNet's layer {plain(layer)} {when}, those with most contrast."


def progress_text(done: int, steps: int) -> str:
    """Say how far the visitor has come."""
    return f"{done} of {steps} predictions checked"
