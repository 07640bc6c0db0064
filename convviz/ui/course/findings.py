"""What the course says of its figures and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.formatting import percent, short, times
from convviz.language import tr
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
    return tr(
        "Of images of {low} to {high} pixels, this kernel leaves nothing over at the far "
        "edge for those of {text}.",
        low=low,
        high=high,
        text=text,
    )


def course_notes_title(noted: int) -> str:
    """Say which input size the lecture notes state.

    Args:
        noted: The side of the image, in pixels.
    """
    return tr(
        "The lecture notes of the course behind this app say that AlexNet takes {noted} × {noted}",
        noted=noted,
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
    return tr(
        "Its first fully connected layer takes {taken:,} values. Images of {exact} × "
        "{exact} give {values:,}, with {pixels} left over on the way in. Images of "
        "{noted} × {noted} give {values_2:,}: they would not fit, and leave {pixels_2} "
        "over at the first layer. So {noted} is probably a mistake for **{exact}**. The "
        "paper itself prints {paper}, which does not fit either ({values_3:,}); "
        "torchvision takes {input_shapes} and pads it by {padding}.",
        taken=taken,
        exact=exact,
        values=values[exact],
        pixels=_pixels(dropped[exact]),
        noted=noted,
        values_2=values[noted],
        pixels_2=_pixels(dropped[noted]),
        paper=paper,
        values_3=values[paper],
        input_shapes=built.input_shapes[0][1],
        padding=padding,
    )


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else tr("{count} pixels", count=count)


def stacking_point(two: Stacking) -> str:
    """Make the point of the lesson on stacks."""
    return tr(
        "**{layers} layers of {kernel}×{kernel} see as much as one of "
        "{receptive_field}×{receptive_field}, with {stack_per_pair} weights instead of "
        "{single_per_pair}**, and with {layers} ReLUs instead of one. That is the idea "
        "of VGG.",
        layers=two.layers,
        kernel=two.kernel,
        receptive_field=two.receptive_field,
        stack_per_pair=two.stack_per_pair,
        single_per_pair=two.single_per_pair,
    )


def stacking_rows(stacking: Stacking) -> list[tuple[str, str, str]]:
    """Compare a stack with the one large kernel: label, formula and remark of each line."""
    k, side, layers = stacking.kernel, stacking.receptive_field, stacking.layers
    many = layers > 1
    relus = (
        tr("{layers} ReLUs: more non-linear steps for the same view", layers=layers)
        if many
        else "1 ReLU"
    )
    return [
        (tr("Both see"), stacking.field_formula, tr("pixels, along each side")),
        (
            tr("{layers} layers of {k}×{k}", layers=layers, k=k)
            if many
            else tr("1 layer of {k}×{k}", k=k),
            stacking.stack_formula,
            tr("weights, with {relus}", relus=relus),
        ),
        (
            tr("1 layer of {side}×{side}", side=side),
            stacking.single_formula,
            tr("weights, with 1 ReLU"),
        ),
        (
            "Saved",
            percent(stacking.saving, 1) if stacking.saving else tr("nothing: it is the same layer"),
            tr("the same share for any number of channels, since both grow with C·C"),
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
    return tr(
        "**A 1×1 kernel mixes channels and looks at no neighbours, so it is a cheap way "
        "to have fewer of them before an expensive {kernel}×{kernel} kernel.** In "
        "Inception 4a that turns {direct_macs} multiplications into {bottleneck_macs}.",
        kernel=course.kernel,
        direct_macs=short(course.direct_macs),
        bottleneck_macs=short(course.bottleneck_macs),
    )


def saving_text(chosen: Bottleneck) -> str:
    """Say what a bottleneck saves in multiplications, or costs."""
    if chosen.direct_macs == chosen.bottleneck_macs:
        return tr("as many: the detour changes nothing")
    if chosen.factor > 1:
        return tr("{factor} fewer", factor=_factor(chosen.factor))
    return tr("{factor} as many: the detour does not pay", factor=_factor(1 / chosen.factor))


def _factor(factor: float) -> str:
    """Write a factor above 1 so that it never reads 1.0."""
    return tr("{factor} times", factor=times(factor, digits=1 if factor >= 1.05 else 4))


def break_even_text(chosen: Bottleneck) -> str:
    """Say with how many channels a bottleneck saves; with that many or more it does not."""
    most = -(-chosen.direct_weights // (chosen.channels + chosen.kernel**2 * chosen.outputs)) - 1
    if most < 1:
        return tr("The detour never pays here")
    channels = "1 channel" if most == 1 else tr("at most {most:,} channels", most=most)
    return tr("The detour pays with {channels} left", channels=channels)


def modules_text(modules: Sequence[InceptionModule]) -> str:
    """Sum up what the 1×1 reductions save in all modules together."""
    without = sum(module.macs_without for module in modules)
    built = sum(module.cost.macs for module in modules)
    return tr(
        "All modules together: {without:,} multiplications without the reductions, "
        "{built:,} as built, {without_2} times fewer.",
        without=without,
        built=built,
        without_2=times(without / built),
    )


def sizes_text(counted: int, seen: int) -> str:
    """Say that numbers and maps are of two sizes of the image; nothing if they are of one.

    Args:
        counted: Side of the image for which is counted, in pixels.
        seen: Side at which the network takes the visitor's image.
    """
    if counted == seen:
        return ""
    return tr(
        "The drawing and the numbers above are for an image of {counted} × {counted} "
        "pixels. With these weights the network takes your image at {seen} × {seen}, so "
        "the maps here have other sides; the channels are the same.",
        counted=counted,
        seen=seen,
    )


def branches_text(about: str, shape: tuple[int, int, int], shown: int) -> str:
    """Introduce the maps of an Inception module's branches.

    Args:
        about: Which network and weights are used.
        shape: (C, H, W) of the module's output.
        shown: How many channels of a branch are drawn at most.
    """
    channels, height, width = shape
    return tr(
        "{about} Each branch answers with maps of {height} × {width}; here are the "
        "strongest {shown} of each, and the joined output has all {channels}.",
        about=about,
        height=height,
        width=width,
        shown=shown,
        channels=channels,
    )


def branch_text(branch: Branch, channels: int, empty: int) -> str:
    """Say which channels of a module's output a branch makes, and how many are empty."""
    count = branch.stop - branch.start
    return tr(
        "**{title}**: channels {start} to {stop} of the output, {count} of its depth, "
        "{empty} of {count_2} empty",
        title=plain(branch.title),
        start=branch.start,
        stop=branch.stop - 1,
        count=percent(count / channels, 1),
        empty=empty,
        count_2=count,
    )


def about_text(network: Network, *, chosen: bool) -> str:
    """Say which network and weights are used, and whether they are others than the chosen ones.

    Args:
        network: The network.
        chosen: Whether it is the one that is chosen in the sidebar.
    """
    text = f"{plain(network.title)}, {plain(network.weights.title)}"
    return f"{text}." if chosen else tr("{text}, which comes with convviz.", text=text)


def pooling_point(vgg: Classifiers) -> str:
    """Make the point of the lesson on global average pooling."""
    return tr(
        "**Take the mean of each map, and one linear layer makes class scores of the "
        "means.** It needs no weights for places. {title} would have {network_averaged} "
        "parameters instead of {network}.",
        title=vgg.title,
        network_averaged=short(vgg.network_averaged),
        network=short(vgg.network),
    )


def last_maps_text(about: str, averaged: AveragedMaps) -> str:
    """Introduce the maps that are averaged.

    Args:
        about: Which network and weights are used.
        averaged: The maps.
    """
    channels, height, width = averaged.maps.shape
    return tr(
        "{about} Its last layer, {title}, has {channels:,} maps of {height} × {width}; "
        "each becomes one number.",
        about=about,
        title=plain(averaged.layer.title),
        channels=channels,
        height=height,
        width=width,
    )


def sum_text(averaged: AveragedMaps, evidence: ClassEvidence, written_out: int) -> str:
    """Say what the terms of a class's score are.

    Args:
        averaged: The maps.
        evidence: The class.
        written_out: How many channels have a term of their own.
    """
    rest = len(averaged.means) - written_out
    channels = (
        tr("channel that adds")
        if written_out == 1
        else tr("{written_out} channels that add", written_out=written_out)
    )
    others = tr("then the other {rest:,} together, ", rest=rest) if rest else ""
    return tr(
        "score of {label}: weight · mean of the {channels} most, {others}then the bias",
        label=evidence.prediction.label,
        channels=channels,
        others=others,
    )


def evidence_text(evidence: ClassEvidence) -> str:
    """Explain the image of where a score comes from."""
    return tr(
        "**Where the score comes from.** Since the mean treats all places alike, the "
        "weighted maps can be added before it: the image shows how much each place adds "
        "to the score of *{label}* (bright: much). Its mean is the score without the "
        "bias: {mean:.2f}.",
        label=plain(evidence.prediction.label),
        mean=float(evidence.evidence.mean()),
    )


# ---- figures of the steps ------------------------------------------------------------------------


def tiles_text(network: Network, layer: Layer, shown: int) -> str:
    """Say which maps are shown, and of how many."""
    channels = layer.shape[0]
    which = "All" if channels <= shown else tr("{shown} of", shown=shown)
    return tr(
        "{which} {channels:,} channels of {title}'s layer {title_2}: those that draw the "
        "clearest maps come first.",
        which=which,
        channels=channels,
        title=plain(network.title),
        title_2=plain(layer.title),
    )


def atlas_text(layer: Layer, channels: int) -> str:
    """Say what the image of all maps shows."""
    return tr(
        "All {channels:,} maps of {title}, each on a scale of its own: bright means a "
        "high activation.",
        channels=channels,
        title=plain(layer.title),
    )


def before_text(channels: int, shown: int) -> str:
    """Head the maps that go into the 1×1 convolution."""
    return tr(
        "**Before:** {min:,} of the {channels:,} channels that go in",
        min=min(shown, channels),
        channels=channels,
    )


def after_text(channels: int, shown: int) -> str:
    """Head the maps that come out of it."""
    return tr(
        "**After the 1×1 convolution:** {min:,} of {channels:,} channels",
        min=min(shown, channels),
        channels=channels,
    )


def evidence_caption(label: str, channels: int) -> str:
    """Say what the map over the image shows."""
    return tr(
        "Bright places speak for *{label}*, GoogLeNet's first guess: its {channels:,} "
        "last maps, each times its weight for this class, added up.",
        label=plain(label),
        channels=channels,
    )


def recorded_text(image: str, network: str, *, stands_in: bool) -> str:
    """Say what was recorded, and whether it stands in for the visitor's own image."""
    why = (
        tr(
            " A run of your own image takes some seconds for each layer: start it on "
            "Reconstruction."
        )
        if stands_in
        else ""
    )
    return tr(
        "{image}, made again from layers of {network}; computed before.{why}",
        image=plain(image),
        network=plain(network),
        why=why,
    )


def moment_text(layer: str, step: int, shown: int) -> str:
    """Say which moment of the recorded training is shown."""
    when = tr("after {step:,} steps of training", step=step) if step else tr("before training")
    return tr(
        "{shown} maps of GoogLeNet's layer {layer} {when}, those with most contrast.",
        shown=shown,
        layer=plain(layer),
        when=when,
    )


def progress_text(done: int, steps: int) -> str:
    """Say how far the visitor has come."""
    return tr("{done} of {steps} predictions checked", done=done, steps=steps)
