"""The steps of the course: an idea, a figure of the visitor's image, a question and its answer.

The functions that draw figures show nothing of the answer; `reveal` shows the rest afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import streamlit as st
from PIL import Image
from torch import Tensor

from convviz.errors import NetworkError
from convviz.features.activations import Activations, LayerSummary
from convviz.features.class_evidence import last_maps
from convviz.features.effective_field import map_box
from convviz.features.filters import Filters, filter_layers
from convviz.features.filters import filters as filters_of
from convviz.features.overview import StageSummary
from convviz.figures import theme
from convviz.figures.activations import empty_by_depth
from convviz.images.preprocess import crop
from convviz.images.samples import Sample, sample
from convviz.language import again, later, tr
from convviz.learning import recording
from convviz.learning.snapshots import Snapshot
from convviz.networks.design_changes import CHANGES
from convviz.networks.network import AUXILIARY_WEIGHT, Network
from convviz.reconstruction import recorded
from convviz.reconstruction.progress import ReconstructionProgress, reconstruct_series
from convviz.sprites import grid
from convviz.sprites.kernels import kernel_picture
from convviz.sprites.overlay import heatmap, overlay
from convviz.structure.design_costs import count_design
from convviz.structure.layers import Layer
from convviz.structure.layers import layer as layer_named
from convviz.structure.trunk import one_per_stage
from convviz.ui import answers, cache, charts, design_task, glossary, predictions, state
from convviz.ui.answers import AMOUNTS, COUNTS, YES_NO, Answer
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.network_flow import network_flow
from convviz.ui.course import (
    findings,
    lesson_auxiliary,
    lesson_bottleneck,
    lesson_inception,
    lesson_network,
    lesson_pooling,
    lesson_sliding,
    lesson_stacking,
)
from convviz.ui.datasets import SHAPES
from convviz.ui.keys import Key
from convviz.ui.questions import Question
from convviz.ui.sidebar.image import of_sample

MOST_WORDS = 80
"""At most so many words explain an idea."""

_STRONGEST = 8  # channels
_OF_EACH = 4  # empty channels and others, side by side
_TILE, _LARGE = 96, 448  # pixels; nine tiles stand in one row at 1440 pixels, three on a phone
_RECONSTRUCTED = 152  # pixels: the original and five layers stand in one row at 1440 pixels
_MODULE, _NARROWED, _BEFORE = "inception4a", "inception4a.branch3.0", "maxpool3"
_PASSES = 15  # of each layer of AlexNet, for an image without recorded reconstructions
_WATCHED = "conv3"  # of the recorded training

# What a full page is given: parameters of a link.
Settings = dict[str, str]

_OF_AUXILIARY: Settings = {
    Key.AUXILIARY_WEIGHT: str(AUXILIARY_WEIGHT),
    Key.AUXILIARY_START: "lecun",
    Key.AUXILIARY_NORM: "False",
}
_OF_DESIGN: Settings = {
    Key.DESIGN: design_task.START,
    Key.DESIGN_VIEW: "train",
    Key.DESIGN_A: "at-hand",
    Key.DESIGN_B: f"change-{design_task.CHANGE}",
    Key.DESIGN_EQUAL: "seconds",
    Key.DESIGN_SECONDS: "10",
    Key.DATA: SHAPES,
}


@dataclass(frozen=True)
class CourseStep:
    """One step of the course.

    Attributes:
        name: As links call it.
        title: For people, in English as all its texts.
        idea: One idea, in Markdown.
        question: What is to be predicted.
        figure: Draws the image's part in it.
        answer: Computes what is right for the image and the network.
        page: Title of the page that goes further.
        settings: Returns what that page is opened with.
        reveal: Draws what is shown after the check, if anything.
        lesson: Draws the laboratory that belongs to the step, if there is one.
        about: What its question is about; () for the image and the network.
        networks: Names of the networks that it shows whatever is chosen in the sidebar; () where
            it shows the chosen one, or says itself which.
    """

    name: str
    title: str
    idea: str
    question: Question
    figure: Callable[[Choice], None]
    answer: Callable[[Choice], Answer]
    page: str
    settings: Callable[[Choice], Settings]
    reveal: Callable[[Choice], None] | None = field(default=None)
    lesson: Callable[[Choice], None] | None = field(default=None)
    about: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def context(self, choice: Choice) -> tuple[str, ...]:
        """Name what its question is about, so that a prediction is remembered for that alone."""
        network = choice.network
        about = self.about or (choice.image.sha256, network.name, network.weights.source)
        return self.name, *about


def _of(network: Network, layer: str = "", **more: str) -> Settings:
    """Write a network, its weights and a layer as parameters of a link."""
    link: Settings = {Key.NETWORK: network.name, Key.WEIGHTS: network.weights.source, **more}
    return {**link, Key.LAYER: layer} if layer else link


# ---- what several steps draw ---------------------------------------------------------------------


def _draw_flow(choice: Choice, network: Network, key: str, *, with_decoder: bool = False) -> None:
    """Draw a network's stages for the image; a click on one opens it on Activations.

    Args:
        choice: The sidebar's choices.
        network: The network.
        key: Of the drawing.
        with_decoder: Whether the drawing ends in the decoder, without what it says.
    """
    stages = cache.overview(choice.image, network).stages
    ends_in_maps = bool(stages) and len(stages[-1].layer.shape) == 3
    if with_decoder and ends_in_maps and network.weights.classes:
        stages = (*stages, _decoder(network, stages[-1]))
    opened = network_flow(
        stages,
        cache.photograph(choice.image, network),
        network.weights.input_size,
        key=key,
    )
    if opened:
        state.ask(_of(network, opened))
        st.switch_page("pages/1_Activations.py")
    st.caption(lesson_network.about(choice, network))


def _decoder(network: Network, last: StageSummary) -> StageSummary:
    """Return the decoder as the stage after the last, without its numbers.

    What it says of the image is what the step asks for.
    """
    count = len(network.weights.classes)
    layer = replace(last.layer, name="", title=tr("decoder"), shape=(count,))
    return StageSummary(layer, (), last.maps.new_zeros(0, count, 1), empty=0, is_signed=True)


def _draw_tiles(
    tiles: Iterable[tuple[str, Tensor]], key: str, photograph: bytes | None = None
) -> None:
    """Draw maps in a row, each with its caption, behind the photograph if there is one."""
    with st.container(horizontal=True, gap="small", key=key):
        if photograph is not None:
            st.image(photograph, width=_TILE, caption=tr("image"), alt=tr("The image, cut"))
        for caption, values in tiles:
            tile = heatmap(values, _TILE, "viridis", None, None)
            st.image(tile, width=_TILE, output_format="PNG", caption=caption, alt=caption)


def _strongest(activations: Activations) -> list[tuple[str, Tensor]]:
    """Return the maps that draw the clearest patterns, with captions."""
    order = activations.order("salience")[:_STRONGEST].tolist()
    return [
        (tr("channel {channel}", channel=channel), activations.rectified[channel])
        for channel in order
    ]


# ---- encoder and decoder -------------------------------------------------------------------------


def _any_with_classes(choice: Choice) -> Network:
    """Return the chosen network, or GoogLeNet where that names no classes."""
    network = choice.network
    if cache.predictions(choice.image, network):
        return network
    return lesson_network.with_heads()


def _sureness(choice: Choice) -> Answer:
    network = _any_with_classes(choice)
    best = cache.predictions(choice.image, network)[0]
    return answers.sureness(again(network.title), best.label, best.probability)


def _draw_guesses(choice: Choice) -> None:
    predictions.bars(cache.predictions(choice.image, _any_with_classes(choice)))


# ---- layers, filters, weights --------------------------------------------------------------------


def _first_maps(choice: Choice) -> Activations:
    """Return the maps of the chosen network's first layer, after its ReLU where one follows."""
    network = choice.network
    with_maps = [layer for layer in cache.layers(network) if len(layer.shape) == 3]
    if not with_maps:
        raise NetworkError(tr("{network} has no maps: choose a ConvNet.", network=network.title))
    first = next((layer for layer in with_maps if layer.has_relu), with_maps[0])
    return cache.activations(choice.image, network, first)


def _draw_first_maps(choice: Choice) -> None:
    """Draw the first layer's clearest maps, each with the filter that makes it where that is one.

    A layer may be made by several convolutions, or by none.
    """
    maps = _first_maps(choice)
    photograph = cache.photograph(choice.image, choice.network)
    said = [findings.tiles_text(choice.network, maps.layer, _STRONGEST)]
    filters = _filters_of(choice.network, maps.layer)
    if filters is None:
        _draw_tiles(_strongest(maps), "course_first_maps", photograph)
    else:
        _draw_filters_and_maps(maps, filters, photograph)
        said.append(findings.filters_text(filters))
    st.caption(glossary.mark(" ".join(said)))


def _filters_of(network: Network, layer: Layer) -> Filters | None:
    """Return the filters that make a layer's maps of the image; None where they do not alone."""
    origin = cache.channels_origin(network, layer)
    for each in filter_layers(network):
        if cache.channels_origin(network, each) == origin:
            return cache.once(partial(filters_of, network, each), "filters", network, each)
    return None


def _draw_filters_and_maps(maps: Activations, filters: Filters, photograph: bytes) -> None:
    """Draw filters in a row, each above the map that it makes, behind the photograph."""
    with st.container(horizontal=True, gap="small", key="course_first_maps"):
        with st.container(width=_TILE, gap=None, key="course_first_image"):
            st.image(photograph, width=_TILE, caption=tr("image"), alt=tr("The image, cut"))
        for channel in maps.order("salience")[:_STRONGEST].tolist():
            with st.container(width=_TILE, gap="xxsmall", key=f"course_first_pair_{channel}"):
                kernel = filters.drawn(channel)
                alt = tr("filter {channel}", channel=channel)
                picture = kernel_picture(kernel, _TILE, float(kernel.abs().max()) or 1.0)
                st.image(picture, width=_TILE, output_format="PNG", alt=alt)
                caption = tr("channel {channel}", channel=channel)
                tile = heatmap(maps.rectified[channel], _TILE, "viridis", None, None)
                st.image(tile, width=_TILE, output_format="PNG", caption=caption, alt=caption)


def _active_share(choice: Choice) -> Answer:
    maps = _first_maps(choice)
    channel = maps.most_salient
    share = float((maps.rectified[channel] > 0).float().mean())
    return answers.active_share(channel, share)


# ---- AlexNet, VGG --------------------------------------------------------------------------------


def _guess(choice: Choice, name: str) -> tuple[Network, str, float]:
    network = lesson_network.with_classes(choice, name)
    best = cache.predictions(choice.image, network)[0]
    return network, best.label, best.probability


def _same_class(choice: Choice) -> Answer:
    guesses = [_guess(choice, name) for name in ("alexnet", "googlenet")]
    first, other = ((again(network.title), label) for network, label, _ in guesses)
    answer = answers.same_class(first, [other])
    often = findings.often_right_text([network for network, _, _ in guesses])
    return replace(answer, sentence=f"{answer.sentence} {often}".rstrip())


def _surest(choice: Choice) -> Answer:
    guesses = {name: _guess(choice, name) for name in ("alexnet", "vgg16")}
    return answers.surest(
        {name: (again(network.title), sure) for name, (network, _, sure) in guesses.items()}
    )


# ---- GoogLeNet -----------------------------------------------------------------------------------


def _googlenet_maps(choice: Choice, layer: str) -> Activations:
    network = lesson_network.googlenet(choice)
    return cache.activations(choice.image, network, layer_named(network, layer))


def _draw_narrowed(choice: Choice) -> None:
    before, after = (_googlenet_maps(choice, name) for name in (_BEFORE, _NARROWED))
    st.markdown(glossary.mark(findings.before_text(before.channels, _STRONGEST)))
    _draw_tiles(_strongest(before), "course_before")
    st.markdown(glossary.mark(findings.after_text(after.channels, _STRONGEST)))
    _draw_tiles(_strongest(after), "course_narrowed")
    about = lesson_network.about(choice, lesson_network.googlenet(choice))
    st.caption(findings.narrowed_text(about, _BEFORE, _NARROWED))


_SIDES = {
    "before": later("Among the channels that go in"),
    "after": later("Among those that come out"),
}


def _highest_side(choice: Choice) -> Answer:
    return answers.highest(
        {
            side: (title, float(_googlenet_maps(choice, name).maximum.max()))
            for side, title, name in (
                ("before", tr("going in"), _BEFORE),
                ("after", tr("coming out"), _NARROWED),
            )
        },
        tr(
            "Each channel that comes out is a weighted sum of all that go in, so its largest value "
            "may be smaller or larger than any of theirs."
        ),
    )


def _draw_branches(choice: Choice) -> None:
    maps = _googlenet_maps(choice, _MODULE)
    tiles = []
    for title, branch in zip(findings.BRANCHES.values(), maps.layer.branches, strict=True):
        inside = [c for c in maps.order("salience").tolist() if branch.start <= c < branch.stop]
        tiles.append((tr(title), maps.rectified[inside[0]]))
    network = lesson_network.googlenet(choice)
    _draw_tiles(tiles, "course_branches", cache.photograph(choice.image, network))
    about = lesson_network.about(choice, network)
    st.caption(findings.clearest_branches_text(about, _MODULE))


def _highest_branch(choice: Choice) -> Answer:
    maps = _googlenet_maps(choice, _MODULE)
    return answers.highest(
        {
            name: (tr(title), float(maps.maximum[branch.start : branch.stop].max()))
            for (name, title), branch in zip(
                findings.BRANCHES.items(), maps.layer.branches, strict=True
            )
        },
        tr(
            "Each branch has weights of its own, so how large its values are says little of how "
            "much they matter: the next layer weighs them again."
        ),
    )


def _averaging(choice: Choice) -> Network:
    """Return GoogLeNet with weights that name classes, those of the sidebar if they do."""
    return lesson_network.with_classes(choice, "googlenet")


def _draw_evidence(choice: Choice) -> None:
    network = _averaging(choice)
    averaged, classes = cache.averaged(choice.image, network)
    blended = overlay(
        choice.image.crop(network, enlarged=_LARGE),
        classes[0].evidence,
        0.6,
        "viridis",
        None,
        None,
        box=map_box(network, averaged.layer.name, 0),
        side=network.input_size,
    )
    label = classes[0].prediction.label
    st.image(
        blended, output_format="PNG", width=_LARGE, alt=tr("Evidence for {label}", label=label)
    )
    st.caption(glossary.mark(findings.evidence_caption(label, len(averaged.means))))


def _few_channels(choice: Choice) -> Answer:
    _, classes = cache.averaged(choice.image, _averaging(choice))
    return answers.few_channels(classes[0].prediction.label, classes[0].contributions.tolist())


def _draw_heads(choice: Choice) -> None:
    network = lesson_network.with_heads()
    tiles = []
    for head in cache.head_predictions(choice.image, network):
        maps = cache.activations(choice.image, network, layer_named(network, head.after))
        name = head.name or tr("main classifier")
        caption = tr("{head}, after {depth} layers", head=name, depth=head.depth)
        tiles.append((caption, maps.rectified[maps.most_salient]))
    _draw_tiles(tiles, "course_head_maps", cache.photograph(choice.image, network))
    st.caption(findings.clearest_heads_text(lesson_network.about(choice, network)))


def _heads_agree(choice: Choice) -> Answer:
    heads = cache.head_predictions(choice.image, lesson_network.with_heads())
    return answers.heads_agree(heads[0].predictions[0].label, heads[-1].predictions[0].label)


def _draw_head_guesses(choice: Choice) -> None:
    heads = cache.head_predictions(choice.image, lesson_network.with_heads())
    for column, head in zip(st.columns(len(heads), gap="large"), heads, strict=True):
        with column:
            st.markdown(f"**{head.name or tr('main classifier')}**")
            predictions.bars(head.predictions)


# ---- activations and empty channels --------------------------------------------------------------


def _with_relu(choice: Choice) -> list[LayerSummary]:
    """Count the empty channels of the encoder's layers that a ReLU is part of."""
    counted = cache.empty_by_depth(choice.image, choice.network, 0.0)
    return [each for each in counted if each.layer.has_relu and each.layer.in_encoder]


def _draw_first_atlas(choice: Choice) -> None:
    maps = _first_maps(choice)
    atlas = cache.atlas(choice.image, choice.network, maps, "channel", 0.0, "viridis")
    st.image(
        grid.atlas(maps).png if atlas.width < _LARGE else atlas.png,
        output_format="PNG",
        alt=tr("All maps of {layer}", layer=maps.layer.title),
    )
    st.caption(glossary.mark(findings.atlas_text(maps.layer, maps.channels)))
    _draw_some_empty(choice)


def _draw_some_empty(choice: Choice) -> None:
    """Draw channels of a layer between the first and the last, empty ones beside others.

    The first and the last layer are what the question is about.
    """
    between = [each for each in _with_relu(choice)[1:-1] if 0 < each.empty < each.channels]
    if not between:
        return
    maps = cache.activations(choice.image, choice.network, between[0].layer)
    is_empty = maps.empty().tolist()
    full = [channel for channel in maps.order("salience").tolist() if not is_empty[channel]]
    empty = [channel for channel, nothing in enumerate(is_empty) if nothing]
    cross = grid.empty_picture(_TILE, "viridis")
    with st.container(horizontal=True, gap="small", key="course_some_empty"):
        for channel in (*full[:_OF_EACH], *empty[:_OF_EACH]):
            nothing = is_empty[channel]
            tile = cross if nothing else heatmap(maps.rectified[channel], _TILE, "viridis")
            caption = findings.tile_text(channel, empty=nothing)
            st.image(tile, width=_TILE, output_format="PNG", caption=caption, alt=caption)
    st.caption(findings.some_empty_text(maps.layer, maps.channels, len(empty)))


def _emptier(choice: Choice) -> Answer:
    summaries = _with_relu(choice)
    if len(summaries) < 2:
        return answers.no_relu(again(choice.network.title))
    first, last = (
        (each.layer.title, each.empty, each.channels) for each in (summaries[0], summaries[-1])
    )
    return answers.empty_shares(first, last)


def _draw_depth(choice: Choice) -> None:
    summaries = cache.empty_by_depth(choice.image, choice.network, 0.0)
    shown = [each for each in summaries if each.layer.in_encoder]
    charts.draw(empty_by_depth(shown, ""), config=theme.CONFIG, key="course_empty_by_depth")


# ---- reconstruction ------------------------------------------------------------------------------


def _reconstructions(choice: Choice) -> tuple[Network, tuple[ReconstructionProgress, ...]]:
    """Return the image, made again from layers of its network.

    They are the recorded ones where they came with convviz for the image and the network, or for
    AlexNet in its place; of any other image they are made here, from AlexNet's layers.
    """
    image, alexnet = choice.image, cache.network("alexnet", "encoder")
    for network in (choice.network, alexnet):
        is_kept = image.origin == "sample" and recorded.file_of(network.name, image.name).is_file()
        if is_kept and network.weights.source != "random":
            return network, _series(network, image.name)
    with st.spinner(tr("Making your image again from five layers…"), show_time=True):
        return alexnet, _made_here(alexnet, image)


# The images of one series take 7 MB, decoded.
@st.cache_resource(max_entries=9, show_spinner=False, hash_funcs=cache.KEYS)
def _made_here(network: Network, image: ChosenImage) -> tuple[ReconstructionProgress, ...]:
    count = len(one_per_stage(cache.layers(network)))
    plans = recorded.plans(network, image.pixels, image.title, (_PASSES,) * count)
    *_, series = reconstruct_series(stop=lambda: False, plans=plans)
    return tuple(replace(run, steps=run.steps[-1:], frames=()) for run in series.runs)


@st.cache_resource(max_entries=9, show_spinner=False, hash_funcs=cache.KEYS)
def _series(network: Network, name: str) -> tuple[ReconstructionProgress, ...]:
    return recorded.read(network, name).series.runs


def _draw_reconstructions(choice: Choice) -> None:
    image, (network, runs) = choice.image, _reconstructions(choice)
    with st.container(horizontal=True, gap="small", key="course_reconstructions"):
        for caption, data in (
            (tr("original"), runs[0].original),
            *((again(run.subject.layer_title), run.image) for run in runs),
        ):
            st.image(
                data, width=_RECONSTRUCTED, caption=caption, alt=f"{again(image.title)}: {caption}"
            )
    st.caption(
        glossary.mark(
            findings.remade_text(
                again(image.title),
                network.title,
                [run.result.steps for run in runs if run.result is not None],
                choice.network.title,
            )
        )
    )


def _to_reconstruction(choice: Choice) -> Settings:
    """Open the deepest layer that the step shows."""
    network, runs = _reconstructions(choice)
    return _of(network, runs[-1].subject.layer)


def _alike(choice: Choice) -> Answer:
    _, runs = _reconstructions(choice)
    return answers.alike(
        {again(run.subject.layer_title): run.result.ssim for run in runs if run.result is not None}
    )


# ---- transfer learning, training -----------------------------------------------------------------


def _last_maps(choice: Choice) -> Activations:
    return cache.activations(choice.image, choice.network, last_maps(choice.network))


def _draw_last_maps(choice: Choice) -> None:
    maps = _last_maps(choice)
    photograph = cache.photograph(choice.image, choice.network)
    _draw_tiles(_strongest(maps), "course_last_maps", photograph)
    st.caption(glossary.mark(findings.tiles_text(choice.network, maps.layer, _STRONGEST)))


def _most_alike(choice: Choice) -> tuple[Sample, Sample]:
    by_maps, by_pixels = cache.most_alike(choice.image, choice.network, last_maps(choice.network))
    return sample(by_maps), sample(by_pixels)


def _same_nearest(choice: Choice) -> Answer:
    by_maps, by_pixels = _most_alike(choice)
    return answers.same_nearest(tr(by_maps.title), tr(by_pixels.title))


def _draw_most_alike(choice: Choice) -> None:
    by_maps, by_pixels = _most_alike(choice)
    with st.container(horizontal=True, gap="small", key="course_most_alike"):
        for caption, photograph in (
            (tr("nearest by the last maps"), by_maps),
            (tr("nearest by pixels"), by_pixels),
        ):
            image = of_sample(photograph.name)
            st.image(
                cache.photograph(image, choice.network),
                width=_RECONSTRUCTED,
                caption=caption,
                alt=f"{tr(photograph.title)}: {caption}",
            )


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=cache.KEYS)
def _moment(image: ChosenImage, step: int) -> Snapshot:
    return recording.snapshot(image.pixels, _WATCHED, step)


def _draw_moment(choice: Choice, step: int, key: str) -> None:
    maps = _moment(choice.image, step).maps[0].activations()
    _draw_tiles(_strongest(maps), key)
    st.caption(glossary.mark(findings.moment_text(_WATCHED, step, _STRONGEST)))


def _emptier_after(choice: Choice) -> Answer:
    first, last = (_moment(choice.image, recording.steps()[n]).maps[0] for n in (0, -1))
    return answers.empty_shares(
        (tr("{layer} before training", layer=_WATCHED), first.empty, first.channels),
        (tr("{layer} after it", layer=_WATCHED), last.empty, last.channels),
    )


# ---- better designs ------------------------------------------------------------------------------


def _draw_pair(choice: Choice) -> None:
    """Draw the image as the two designs see it, and what each costs."""
    designs = design_task.pair_of_course()
    side = designs[0].input.width
    seen = crop(choice.image.pixels, size=side, resize=side, interpolation="bilinear")
    columns = st.columns([1, 2, 2], gap="large")
    with columns[0], st.container(key="course_small"):
        st.image(
            seen.resize((_RECONSTRUCTED, _RECONSTRUCTED), Image.Resampling.NEAREST),
            output_format="PNG",
            caption=tr("{side} × {side} pixels", side=side),
            alt=tr("The image, cut"),
        )
    change = next(each for each in CHANGES if each.key == design_task.CHANGE)
    for label, design, column in zip("AB", designs, columns[1:], strict=True):
        with column:
            st.markdown(findings.design_text(label, count_design(design)))
            if label == "B":
                st.markdown(f"**{tr(change.title)}.** {tr(change.meaning)}")


def _better(_: Choice) -> Answer:
    return design_task.answer(design_task.pair_of(*design_task.pair_of_course()))


# ---- the steps -----------------------------------------------------------------------------------


def _first_layer(choice: Choice) -> Layer:
    return _first_maps(choice).layer


STEPS = (
    CourseStep(
        "encoder",
        later("Encoder and decoder"),
        later(
            "A ConvNet has two parts. The **encoder** is a chain of layers that turn the "
            "image into feature maps, smaller ones deeper down and mostly more of them: edges "
            "first, then textures, then parts. The **decoder** reads the last maps and shares "
            "out a probability among all classes it knows. Follow the image along the arrows."
        ),
        Question(
            later("Will the decoder give its first guess more than half of the probability?"),
            YES_NO,
        ),
        lambda choice: _draw_flow(
            choice, _any_with_classes(choice), "course_flow", with_decoder=True
        ),
        _sureness,
        "Home",
        lambda choice: _of(_any_with_classes(choice)),
        reveal=_draw_guesses,
    ),
    CourseStep(
        "filters",
        later("Layers, filters, weights"),
        later(
            "A layer slides small **filters** over its input. Each filter is a block of "
            "**weights** that training has set: at every stop they are multiplied with what "
            "lies below and added up. One filter makes one feature map, so a layer has as "
            "many channels as filters. The ReLU sets what is negative to 0."
        ),
        Question(
            later(
                "The first of these channels: will it be above 0 at more than half of its "
                "positions?"
            ),
            YES_NO,
        ),
        _draw_first_maps,
        _active_share,
        "Filters",
        lambda choice: _of(choice.network, _first_layer(choice).name),
        lesson=lesson_sliding.draw,
    ),
    CourseStep(
        "alexnet",
        "AlexNet",
        later(
            "In 2012 **AlexNet** made learned filters win the ImageNet competition: five "
            "convolutional layers, the first with large filters and a wide stride, then "
            "three fully connected layers, which hold nearly all of its parameters. ReLUs "
            "made it quick to train."
        ),
        Question(
            later(
                "GoogLeNet, two years younger, comes later. Will both name the same class first?"
            ),
            YES_NO,
        ),
        lambda choice: _draw_flow(
            choice, lesson_network.of_course(choice, "alexnet"), "course_alexnet"
        ),
        _same_class,
        "Architectures",
        lambda choice: {
            **_of(lesson_network.of_course(choice, "alexnet")),
            Key.ARCHITECTURES_VIEW: "layers",
        },
        networks=("alexnet", "googlenet"),
    ),
    CourseStep(
        "vgg",
        later("VGG and the 3×3"),
        later(
            "**VGG** uses one kind of filter, 3×3, again and again. Two of them, one after "
            "the other, see 5×5 pixels with fewer weights than one 5×5 filter has, and with "
            "a ReLU more. So the network grows deep: maps are halved and channels doubled, up to "
            "512, block by block."
        ),
        Question(
            later("Which of the two will give its first guess the higher probability?"),
            {"alexnet": "AlexNet", "vgg16": "VGG16"},
        ),
        lambda choice: _draw_flow(choice, lesson_network.of_course(choice, "vgg16"), "course_vgg"),
        _surest,
        "Architectures",
        lambda _: {
            Key.ARCHITECTURES_VIEW: "compare",
            Key.COMPARED_NETWORKS: "alexnet,vgg16",
        },
        lesson=lesson_stacking.draw,
        networks=("alexnet", "vgg16"),
    ),
    CourseStep(
        "bottleneck",
        "GoogLeNet: 1×1",
        later(
            "A **1×1 convolution** looks at one position and mixes all channels there. With "
            "fewer filters than channels it leaves fewer maps: a bottleneck. The expensive "
            "large filter that follows then has far less to multiply. GoogLeNet does this "
            "before each of its large filters."
        ),
        Question(later("Where will the largest activation be?"), _SIDES),
        _draw_narrowed,
        _highest_side,
        "Activations",
        lambda choice: _of(lesson_network.googlenet(choice), _NARROWED),
        lesson=lesson_bottleneck.draw,
        networks=("googlenet",),
    ),
    CourseStep(
        "inception",
        later("GoogLeNet: Inception"),
        later(
            "Which filter size is best? An **Inception module** uses several at once, on the "
            "same input, and lays their maps on top of each other. Training decides which of "
            "them matter. All branches keep height and width, so their channels can be "
            "joined."
        ),
        Question(
            later("Which branch will hold the largest activation for this image?"),
            findings.BRANCHES,
        ),
        _draw_branches,
        _highest_branch,
        "Activations",
        lambda choice: _of(lesson_network.googlenet(choice), _MODULE),
        lesson=lesson_inception.draw,
        networks=("googlenet",),
    ),
    CourseStep(
        "gap",
        later("GoogLeNet: average pooling"),
        later(
            "AlexNet's fully connected layers hold most of its parameters. GoogLeNet needs "
            "one small one: **global average pooling** makes one number of each last map, and "
            "that layer weighs these numbers for each class. Turned around, it tells which "
            "places of the image speak for a class."
        ),
        Question(
            later("Will ten channels bring more than half of what speaks for this class?"), YES_NO
        ),
        _draw_evidence,
        _few_channels,
        "Evidence",
        lambda choice: _of(_averaging(choice)),
        lesson=lesson_pooling.draw,
        networks=("googlenet",),
    ),
    CourseStep(
        "auxiliary",
        later("GoogLeNet: auxiliary classifiers"),
        later(
            "In a deep network little of the training signal reaches the first layers. So "
            "GoogLeNet was trained with two small **auxiliary classifiers** on the way, each "
            "with a loss of its own; after training they are left out. They show how much a "
            "network knows half way."
        ),
        Question(
            later("Will the first auxiliary classifier name the class of the main one?"), YES_NO
        ),
        _draw_heads,
        _heads_agree,
        "Auxiliary classifiers",
        lambda _: _OF_AUXILIARY,
        reveal=_draw_head_guesses,
        lesson=lesson_auxiliary.draw,
        networks=("googlenet",),
    ),
    CourseStep(
        "empty",
        later("Activations and empty channels"),
        later(
            "A feature map is bright where its channel finds its pattern. If it finds it "
            "nowhere, the ReLU leaves nothing: the channel is **empty** for this image. "
            "Another image may fill it; a channel that is empty for every image of a set is "
            "dead."
        ),
        Question(
            later(
                "In the encoder's last layer with a ReLU, compared with its first: what "
                "share of the channels will be empty?"
            ),
            AMOUNTS,
        ),
        _draw_first_atlas,
        _emptier,
        "Activations",
        lambda choice: {**_of(choice.network), Key.ACTIVATIONS_VIEW: "All layers"},
        reveal=_draw_depth,
    ),
    CourseStep(
        "reconstruction",
        later("Reconstruction"),
        later(
            "What does a layer still know of the image? Start from noise and change the "
            "pixels until the layer answers to them as it does to the original. Near the "
            "image nearly everything comes back; the deeper the layer, the less of the "
            "detail does."
        ),
        Question(
            later(
                "From how many of these layers does an image come back that is more alike than "
                "not (structural similarity above 0.5)?"
            ),
            COUNTS,
        ),
        _draw_reconstructions,
        _alike,
        "Reconstruction",
        _to_reconstruction,
    ),
    CourseStep(
        "transfer",
        later("Transfer learning"),
        later(
            "Training an encoder takes many images. But its maps serve other tasks as well: "
            "keep the encoder, put a new decoder behind it, and train that alone with a few "
            "images. This is **transfer learning**. **Fine-tuning** then trains the end of "
            "the encoder along, with small steps."
        ),
        Question(
            later(
                "Which sample photograph is most like your image? The last maps name one, the "
                "pixels name one: will it be the same?"
            ),
            YES_NO,
        ),
        _draw_last_maps,
        _same_nearest,
        "Transfer learning",
        lambda choice: _of(choice.network),
        reveal=_draw_most_alike,
    ),
    CourseStep(
        "training",
        later("How maps grow in training"),
        later(
            "Before training all weights are random numbers, and yet there are maps: blurred "
            "copies of the image. Step by step the **gradient** of the loss turns the "
            "filters into detectors of edges and colours, and the maps deeper in the network "
            "into answers to more special patterns."
        ),
        Question(
            later(
                "After training, compared with before it: what share of this layer's channels will "
                "be empty?"
            ),
            AMOUNTS,
        ),
        lambda choice: _draw_moment(choice, recording.steps()[0], "course_before_training"),
        _emptier_after,
        "Training",
        lambda _: {Key.WATCH: "recorded", Key.RECORDED_LAYER: _WATCHED},
        reveal=lambda choice: _draw_moment(choice, recording.steps()[-1], "course_trained"),
        networks=("googlenet",),
    ),
    CourseStep(
        design_task.STEP,
        later("Better designs"),
        later(
            "AlexNet, VGG and GoogLeNet each came of changing a network and training again. Do so "
            "yourself: take a small network, change one thing, and **say beforehand what will "
            "happen**. Then train both on the same pictures, from the same seeds: only a "
            "difference that is larger than what chance makes of it counts. Design has more "
            "changes to try: make this network better."
        ),
        design_task.QUESTION,
        _draw_pair,
        _better,
        "Design",
        lambda _: _OF_DESIGN,
        about=design_task.context(design_task.pair_of(*design_task.pair_of_course()))[1:],
    ),
)


def by_name() -> Mapping[str, CourseStep]:
    """Return the steps by their names, in order."""
    return {step.name: step for step in STEPS}
