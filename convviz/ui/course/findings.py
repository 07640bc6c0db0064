"""What the course says of its figures and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.features.class_evidence import AveragedMaps, ClassEvidence
from convviz.features.filters import Filters
from convviz.formatting import decimals, percent, short, times
from convviz.language import again, later, tr, trn
from convviz.lessons.bottleneck import Bottleneck
from convviz.lessons.inception import InceptionModule
from convviz.lessons.pooling import Classifiers
from convviz.lessons.sliding import Sliding, exact_lengths
from convviz.lessons.stacking import Stacking
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.plain_text import plain
from convviz.structure.costs import Costs, LayerCost
from convviz.structure.design_costs import DesignCosts
from convviz.structure.layers import Branch, Layer
from convviz.ui.findings import drawn_where_it_looks

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
    return tr(
        "Of images of {low} to {high} pixels, this kernel leaves nothing over at the far "
        "edge for those of {sizes}.",
        low=low,
        high=high,
        sizes=", ".join(map(str, lengths)),
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
        "{exact} give {exact_values:,}, with {exact_left} left over on the way in. Images of "
        "{noted} × {noted} give {noted_values:,}: they would not fit, and leave {noted_left} "
        "over at the first layer. So {noted} is probably a mistake for **{exact}**. The "
        "paper itself prints {paper}, which does not fit either ({paper_values:,}); "
        "torchvision takes {torchvision} and pads it by {padding}.",
        taken=taken,
        exact=exact,
        exact_values=values[exact],
        exact_left=_pixels(dropped[exact]),
        noted=noted,
        noted_values=values[noted],
        noted_left=_pixels(dropped[noted]),
        paper=paper,
        paper_values=values[paper],
        torchvision=built.input_shapes[0][1],
        padding=padding,
    )


def _pixels(count: int) -> str:
    return trn("{count} pixel", "{count} pixels", count)


def stacking_point(two: Stacking) -> str:
    """Make the point of the lesson on stacks."""
    return tr(
        "**{layers} layers of {kernel}×{kernel} see as much as one of {field}×{field}, "
        "with {stack_weights} weights instead of {single_weights}**, and with {layers} ReLUs "
        "instead of one. That is the idea of VGG.",
        layers=two.layers,
        kernel=two.kernel,
        field=two.receptive_field,
        stack_weights=two.stack_per_pair,
        single_weights=two.single_per_pair,
    )


def stacking_rows(stacking: Stacking) -> list[tuple[str, str, str]]:
    """Compare a stack with the one large kernel: label, formula and remark of each line."""
    layers = stacking.layers
    alone = tr("weights, with 1 ReLU")
    return [
        (tr("Both see"), stacking.field_formula, tr("pixels, along each side")),
        (
            _layers_text(layers, stacking.kernel),
            stacking.stack_formula,
            tr(
                "weights, with {layers} ReLUs: more non-linear steps for the same view",
                layers=layers,
            )
            if layers > 1
            else alone,
        ),
        (_layers_text(1, stacking.receptive_field), stacking.single_formula, alone),
        (
            tr("Saved"),
            percent(stacking.saving, 1) if stacking.saving else tr("nothing: it is the same layer"),
            tr("the same share for any number of channels, since both grow with C·C"),
        ),
    ]


def _layers_text(count: int, kernel: int) -> str:
    return trn(
        "{count} layer of {kernel}×{kernel}",
        "{count} layers of {kernel}×{kernel}",
        count,
        kernel=kernel,
    )


def lighter_text(vgg: Costs, alexnet: Costs, block: Sequence[LayerCost], real: Stacking) -> str:
    """Answer whether VGG is the lighter network: per receptive field, and in all.

    Args:
        vgg: VGG16's costs.
        alexnet: AlexNet's.
        block: The convolutions of VGG16's last block.
        real: The same as a stack.
    """
    per_field = tr(
        "**Yes, for what a kernel sees.** The last block of {vgg} ({layers} layers of "
        "{kernel}×{kernel}, {channels} channels) holds {weights:,} weights; one layer of "
        "{field}×{field} with the same channels would hold {single_weights:,}.",
        vgg=vgg.title,
        layers=len(block),
        kernel=real.kernel,
        channels=real.channels,
        weights=sum(row.weights for row in block),
        field=real.receptive_field,
        single_weights=real.single_weights,
    )
    in_all = tr(
        "**No, for the whole network.** {vgg} has {vgg_parameters:,} parameters, {alexnet} "
        "{alexnet_parameters:,}: {vgg} has more layers and more channels, and its fully "
        "connected layers alone hold {fully_connected:,}.",
        vgg=vgg.title,
        vgg_parameters=vgg.parameters,
        alexnet=alexnet.title,
        alexnet_parameters=alexnet.parameters,
        fully_connected=vgg.part("decoder").parameters,
    )
    return f"{per_field}\n\n{in_all}"


def bottleneck_point(course: Bottleneck) -> str:
    """Make the point of the lesson on 1×1 convolutions."""
    return tr(
        "**A 1×1 kernel mixes channels and looks at no neighbours, so it is a cheap way "
        "to have fewer of them before an expensive {kernel}×{kernel} kernel.** In "
        "Inception 4a that turns {before} MACs into {after}.",
        kernel=course.kernel,
        before=short(course.direct_macs),
        after=short(course.bottleneck_macs),
    )


def saving_text(chosen: Bottleneck) -> str:
    """Say what a bottleneck saves in multiplications, or costs."""
    if chosen.direct_macs == chosen.bottleneck_macs:
        return tr("as many: the detour changes nothing")
    if chosen.factor > 1:
        return tr("{factor} times fewer", factor=_factor(chosen.factor))
    return tr("{factor} times as many: the detour does not pay", factor=_factor(1 / chosen.factor))


def _factor(factor: float) -> str:
    """Write a factor above 1 so that it never reads 1.0."""
    return times(factor, digits=1 if factor >= 1.05 else 4)


def break_even_text(chosen: Bottleneck) -> str:
    """Say with how many channels a bottleneck saves; with that many or more it does not."""
    most = -(-chosen.direct_weights // (chosen.channels + chosen.kernel**2 * chosen.outputs)) - 1
    if most < 1:
        return tr("The detour never pays here")
    return trn(
        "The detour pays with {count} channel left",
        "The detour pays with at most {count:,} channels left",
        most,
    )


def modules_text(modules: Sequence[InceptionModule]) -> str:
    """Sum up what the 1×1 reductions save in all modules together."""
    without = sum(module.macs_without for module in modules)
    built = sum(module.cost.macs for module in modules)
    return tr(
        "All modules together: {without:,} MACs without the reductions, "
        "{built:,} as built, {factor} times fewer.",
        without=without,
        built=built,
        factor=times(without / built),
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
        "What is drawn and counted above is for an image of {counted} × {counted} "
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
    text = tr(
        "Each branch answers with maps of {height} × {width}; here are the strongest "
        "{shown} of each, and the joined output has all {channels}.",
        height=height,
        width=width,
        shown=shown,
        channels=channels,
    )
    return f"{about} {text}"


BRANCHES = {"1": "1×1", "2": "3×3", "3": later("“5×5” (here 3×3)"), "4": later("max pooling")}
"""What the course calls an Inception module's branches, in order."""


def branch_text(title: str, branch: Branch, channels: int, empty: int) -> str:
    """Say which channels of a module's output a branch makes, and how many are empty.

    Args:
        title: What the branch is called.
        branch: Its place in the output.
        channels: Of the output.
        empty: How many of the branch's own are empty.
    """
    count = branch.stop - branch.start
    return tr(
        "**{branch}**: channels {first} to {last} of the output, {share} of all, "
        "{empty} of {count} empty",
        branch=title,
        first=branch.start,
        last=branch.stop - 1,
        share=percent(count / channels, 1),
        empty=empty,
        count=count,
    )


def about_text(network: Network, *, chosen: bool) -> str:
    """Say which network and weights are used, and whether they are others than the chosen ones.

    Args:
        network: The network.
        chosen: Whether it is the one that is chosen in the sidebar.
    """
    text = f"{plain(network.title)}, {plain(network.weights.title)}"
    return f"{text}." if chosen else tr("{network}, which comes with convviz.", network=text)


def other_network_text(names: Sequence[str]) -> str:
    """Say of a step which networks it shows, where another one is chosen in the sidebar.

    Args:
        names: The networks' short names, two at most.
    """
    first, *others = (plain(again(spec(name).title)) for name in names)
    if not others:
        return tr("This step shows {network}, whichever network is chosen.", network=first)
    return tr(
        "This step shows {first} and {second}, whichever network is chosen.",
        first=first,
        second=others[0],
    )


def often_right_text(networks: Sequence[Network]) -> str:
    """Say how often networks are right, so that a wrong guess surprises nobody; "" if unknown."""
    known = [each for each in networks if each.weights.accuracy is not None]
    if not known:
        return ""
    told = tr(" and ").join(
        tr(
            "{network} names {share} of its test images rightly",
            network=plain(again(each.title)),
            share=percent(each.weights.accuracy or 0.0),
        )
        for each in known
    )
    return tr("Guesses may be wrong: {shares}.", shares=told)


def pooling_point(vgg: Classifiers) -> str:
    """Make the point of the lesson on global average pooling."""
    return tr(
        "**Take the mean of each map, and one linear layer makes class scores of the "
        "means.** It needs no weights for places. {network} would have {averaged} "
        "parameters instead of {own}.",
        network=vgg.title,
        averaged=short(vgg.network_averaged),
        own=short(vgg.network),
    )


def last_maps_text(about: str, averaged: AveragedMaps) -> str:
    """Introduce the maps that are averaged.

    Args:
        about: Which network and weights are used.
        averaged: The maps.
    """
    channels, height, width = averaged.maps.shape
    text = tr(
        "Its last layer, {layer}, has {channels:,} maps of {height} × {width}; each "
        "becomes one number.",
        layer=plain(averaged.layer.title),
        channels=channels,
        height=height,
        width=width,
    )
    return f"{about} {text}"


def sum_text(averaged: AveragedMaps, evidence: ClassEvidence, written_out: int) -> str:
    """Say what the terms of a class's score are.

    Args:
        averaged: The maps.
        evidence: The class.
        written_out: How many channels have a term of their own.
    """
    rest = len(averaged.means) - written_out
    label = evidence.prediction.label
    if rest:
        return trn(
            "score of {label}: weight · mean of the channel that adds most, then the other "
            "{rest:,} together, then the bias",
            "score of {label}: weight · mean of the {count} channels that add most, then the "
            "other {rest:,} together, then the bias",
            written_out,
            label=label,
            rest=rest,
        )
    return trn(
        "score of {label}: weight · mean of the channel that adds most, then the bias",
        "score of {label}: weight · mean of the {count} channels that add most, then the bias",
        written_out,
        label=label,
    )


def evidence_text(evidence: ClassEvidence) -> str:
    """Explain the image of where a score comes from."""
    return tr(
        "**Where the score comes from.** Since the mean treats all places alike, the "
        "weighted maps can be added before it: the image shows how much each place adds "
        "to the score of *{label}* (bright: much). Its mean is the score without the "
        "bias: {mean}.",
        label=plain(evidence.prediction.label),
        mean=decimals(float(evidence.evidence.mean())),
    )


# ---- figures of the steps ------------------------------------------------------------------------


def tiles_text(network: Network, layer: Layer, shown: int) -> str:
    """Say which maps are shown, and of how many."""
    channels = layer.shape[0]
    named = {"network": plain(network.title), "layer": plain(layer.title)}
    if channels <= shown:
        return tr(
            "All {channels:,} channels of {network}'s layer {layer}: those that draw the "
            "clearest maps come first.",
            channels=channels,
            **named,
        )
    return tr(
        "{shown} of {channels:,} channels of {network}'s layer {layer}: those that draw the "
        "clearest maps come first.",
        shown=shown,
        channels=channels,
        **named,
    )


def filters_text(filters: Filters) -> str:
    """Say how the filters that stand above the maps are read."""
    height, width = filters.kernels.shape[2:]
    size = f"{height} × {width}"
    if filters.sees_colours:
        return tr(
            "Above each map stands the filter that makes it: {size} weights for each of three "
            "colours, drawn in these colours, where grey is 0. The map is bright where the image "
            "looks like its filter.",
            size=size,
        )
    return trn(
        "Above each map stands the filter that makes it: {size} weights for its one input, blue "
        "above 0 and orange below.",
        "Above each map stands, of the filter that makes it, the largest of {count:,} slices: "
        "{size} weights for one input channel, blue above 0 and orange below.",
        filters.inputs,
        size=size,
    )


def atlas_text(layer: Layer, channels: int) -> str:
    """Say what the image of all maps shows."""
    return tr(
        "All {channels:,} maps of {layer}, each on a scale of its own: bright means a "
        "high activation.",
        channels=channels,
        layer=plain(layer.title),
    )


def tile_text(channel: int, *, empty: bool) -> str:
    """Name a channel that stands among empty ones and others."""
    if empty:
        return tr("channel {channel}, empty", channel=channel)
    return tr("channel {channel}", channel=channel)


def some_empty_text(layer: Layer, channels: int, empty: int) -> str:
    """Say how many channels of a layer are empty, and what their mark is."""
    return trn(
        "Deeper in the network, in {layer}, {count} of {channels:,} channels is empty for this "
        "image. A crossed tile marks it, as on Activations.",
        "Deeper in the network, in {layer}, {count} of {channels:,} channels are empty for this "
        "image. A crossed tile marks them, as on Activations.",
        empty,
        layer=plain(layer.title),
        channels=channels,
    )


def before_text(channels: int, shown: int) -> str:
    """Head the maps that go into the 1×1 convolution."""
    return tr(
        "**Before:** {shown:,} of the {channels:,} channels that go in",
        shown=min(shown, channels),
        channels=channels,
    )


def after_text(channels: int, shown: int) -> str:
    """Head the maps that come out of it."""
    return tr(
        "**After the 1×1 convolution:** {shown:,} of {channels:,} channels",
        shown=min(shown, channels),
        channels=channels,
    )


def narrowed_text(about: str, before: str, after: str) -> str:
    """Say of what the maps before and after a 1×1 convolution are.

    Args:
        about: Which network and weights are used.
        before: The layer that goes in.
        after: The 1×1 convolution.
    """
    text = tr(
        "What goes in is {before}, what comes out {after}; each map on a scale of its own, those "
        "that draw the clearest first.",
        before=plain(before),
        after=plain(after),
    )
    return f"{about} {text}"


def clearest_branches_text(about: str, module: str) -> str:
    """Say of what the maps of a module's branches are.

    Args:
        about: Which network and weights are used.
        module: The Inception module.
    """
    text = tr(
        "The clearest map of each branch of {module}, each on a scale of its own.",
        module=plain(module),
    )
    return f"{about} {text}"


def clearest_heads_text(about: str) -> str:
    """Say of what the maps that the classifiers read are.

    Args:
        about: Which network and weights are used.
    """
    text = tr("The clearest map that each classifier reads, each on a scale of its own.")
    return f"{about} {text}"


def evidence_caption(label: str, channels: int) -> str:
    """Say what the map over the image shows, and why it may stop short of the image's edge."""
    text = tr(
        "Bright places speak for *{label}*, GoogLeNet's first guess: its {channels:,} "
        "last maps, each times its weight for this class, added up.",
        label=plain(label),
        channels=channels,
    )
    return f"{text} {drawn_where_it_looks()}"


def remade_text(image: str, network: str, steps: Sequence[int], chosen: str) -> str:
    """Say what was made again, and why from another network's layers than the chosen one's.

    Args:
        image: The image's title.
        network: Title of the network whose layers are shown.
        steps: Of each layer's run.
        chosen: Title of the network that is chosen in the sidebar.
    """
    least, most = min(steps), max(steps)
    count = str(most) if least == most else tr("{least} to {most}", least=least, most=most)
    text = tr(
        "{image}, made again from layers of {network} in {count} steps for each.",
        image=plain(image),
        network=plain(network),
        count=count,
    )
    if network == chosen:
        return text
    why = tr("To do the same with {chosen}, start a run on Reconstruction.", chosen=plain(chosen))
    return f"{text} {why}"


def moment_text(layer: str, step: int, shown: int) -> str:
    """Say which moment of the recorded training is shown."""
    if not step:
        return tr(
            "{shown} maps of GoogLeNet's layer {layer} before training, those with most contrast.",
            shown=shown,
            layer=plain(layer),
        )
    return tr(
        "{shown} maps of GoogLeNet's layer {layer} after {step:,} steps of training, those "
        "with most contrast.",
        shown=shown,
        layer=plain(layer),
        step=step,
    )


def design_text(label: str, costs: DesignCosts) -> str:
    """Say which design is meant by A or B, and what it costs."""
    return tr(
        "**Design {label}: {name}.** {parameters:,} parameters, {macs:,} MACs.",
        label=label,
        name=plain(costs.design.name),
        parameters=costs.parameters,
        macs=costs.macs,
    )


def end_text(right: int, judged: int) -> str:
    """Say how many of the predictions were right, once the last step is open.

    Args:
        right: How many came out as predicted.
        judged: How many could be compared with something.
    """
    return tr(
        "So far {right} of {judged} came out as you predicted. With another image or network some "
        "answers are others.",
        right=right,
        judged=judged,
    )


def progress_text(done: int, steps: int) -> str:
    """Say how far the visitor has come."""
    return tr("{done} of {steps} predictions checked", done=done, steps=steps)
