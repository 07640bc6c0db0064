"""Two questions at the end of each page, about what it shows; they are answered when unfolded.

The answers are computed from what the pages keep in `cache`, so that most of them cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.class_evidence import last_maps
from convviz.images.samples import sample
from convviz.language import tr
from convviz.learning import recording
from convviz.networks.design import Design
from convviz.networks.design_link import from_link
from convviz.networks.design_starts import FIRST
from convviz.networks.image_channels import image_channels
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.plain_text import plain
from convviz.structure.costs import receptive_field
from convviz.structure.design_costs import DesignCosts, count_design
from convviz.structure.layers import Layer
from convviz.ui import answers, cache, questions
from convviz.ui.answers import AMOUNTS, YES_NO, Answer
from convviz.ui.choice import Choice
from convviz.ui.keys import Key
from convviz.ui.questions import Question

Asked = tuple[Question, Callable[[], Answer]]

_OTHERS = {"googlenet": "alexnet"}  # what a network is compared with; all others with GoogLeNet
_SOURCES = {"googlenet": "bundled", "alexnet": "encoder", "vgg16": "encoder"}


def draw(title: str, choice: Choice) -> None:
    """Draw the questions of a page.

    Args:
        title: The page's title; one that no page has is Home's.
        choice: The sidebar's choices.
    """
    questions.unfold(questions_of(title, choice), key="page_questions")


def questions_of(title: str, choice: Choice) -> list[Asked]:
    """Return a page's questions, each with what computes its answer; see `draw`."""
    return _PAGES.get(title, _home)(choice)


def _yes_no(text: str, answer: Callable[[], Answer]) -> Asked:
    return Question(text, YES_NO), answer


def _amount(text: str, answer: Callable[[], Answer]) -> Asked:
    return Question(text, AMOUNTS), answer


# ---- answers of several pages --------------------------------------------------------------------


def _bundled(name: str) -> Network:
    return cache.network(name, _SOURCES[name])


def _with_classes(choice: Choice) -> Network:
    """Return the chosen network, or GoogLeNet where that names no classes for the image."""
    network = choice.loaded
    if network is not None and cache.predictions(choice.image, network):
        return network
    return _bundled("googlenet")


def _sureness(choice: Choice) -> Answer:
    network = _with_classes(choice)
    best = cache.predictions(choice.image, network)[0]
    return answers.sureness(network.title, best.label, best.probability)


def _same_class(choice: Choice) -> Answer:
    network = _with_classes(choice)
    guesses = [
        (each.title, cache.predictions(choice.image, each)[0].label)
        for each in (network, *(_bundled(name) for name in _SOURCES if name != network.name))
    ]
    return answers.same_class(guesses[0], guesses[1:])


def _layer(choice: Choice) -> Layer:
    if choice.layer is None:
        raise RuntimeError("this page was opened without a layer")
    return choice.layer


def _maps(choice: Choice) -> Activations:
    return cache.activations(choice.image, choice.network, _layer(choice))


def _field(choice: Choice) -> Answer:
    """Compare the width of the layer's receptive field with the image's."""
    layer = _layer(choice)
    field = receptive_field(choice.network, layer.name)
    if field is None:
        return answers.no_field(layer.title)
    return answers.wide_field(layer.title, field.columns.size, choice.network.input_size)


def _other_end(choice: Choice) -> tuple[Layer | None, bool]:
    """Find the layer with a ReLU that the chosen one is compared with: the first, or the last.

    Returns:
        The layer, None where there are fewer than two; and whether it is the first.
    """
    with_relu = [
        layer
        for layer in cache.layers(choice.network)
        if layer.has_relu and not layer.detail and len(layer.shape) == 3
    ]
    if len(with_relu) < 2:
        return None, True
    is_first = _layer(choice).index > with_relu[0].index
    return with_relu[0 if is_first else -1], is_first


def _emptier(choice: Choice, other: Layer | None) -> Answer:
    if other is None:
        return answers.no_relu(choice.network.title)
    maps = _maps(choice)
    if maps.is_signed or maps.layer.soft is not None:
        return answers.never_empty(maps.layer.title)
    there = cache.activations(choice.image, choice.network, other)
    shares = [(each.layer.title, each.empty_count(), each.channels) for each in (there, maps)]
    return answers.empty_shares(shares[0], shares[1])


def _wide_question() -> str:
    return tr(
        "Is the receptive field of one position of this layer as wide as the image, or wider?"
    )


def _decoder_share(choice: Choice) -> Answer:
    costs = cache.costs(choice.network_name)
    return answers.decoder_share(costs.title, costs.part("decoder").parameters, costs.parameters)


# ---- the pages -----------------------------------------------------------------------------------


def _home(choice: Choice) -> list[Asked]:
    return [
        _yes_no(
            tr("Does the network give its first guess more than half of the probability?"),
            lambda: _sureness(choice),
        ),
        _yes_no(
            tr("Does another network of the course name the same class first?"),
            lambda: _same_class(choice),
        ),
    ]


def _activations(choice: Choice) -> list[Asked]:
    def strongest() -> Answer:
        maps = _maps(choice)
        return answers.strongest_is_salient(maps.strongest, maps.most_salient)

    other, is_first = _other_end(choice)
    compared = (
        tr(
            "What share of this layer's channels is empty, compared with the network's "
            "first layer with a ReLU?"
        )
        if is_first
        else tr(
            "What share of this layer's channels is empty, compared with the network's "
            "last layer with a ReLU?"
        )
    )
    return [
        _amount(compared, lambda: _emptier(choice, other)),
        _yes_no(
            tr("Does the channel with the largest value also draw the clearest map?"), strongest
        ),
    ]


def _evidence(choice: Choice) -> list[Asked]:
    return [
        _yes_no(
            tr("Does the network give its first guess more than half of the probability?"),
            lambda: _sureness(choice),
        ),
        _yes_no(_wide_question(), lambda: _field(choice)),
    ]


def _filters(choice: Choice) -> list[Asked]:
    def active() -> Answer:
        maps = _maps(choice)
        channel = maps.strongest
        return answers.active_share(channel, float((maps.rectified[channel] > 0).float().mean()))

    return [
        _yes_no(
            tr(
                "Is the receptive field of one filter of this layer as wide as the image, or wider?"
            ),
            lambda: _field(choice),
        ),
        _yes_no(
            tr(
                "Does the filter that answers most strongly to your image find its pattern "
                "at more than half of the positions?"
            ),
            active,
        ),
    ]


def _architectures(choice: Choice) -> list[Asked]:
    def fewer_macs() -> Answer:
        other = _OTHERS.get(choice.network_name, "googlenet")
        mine, theirs = (cache.costs(name) for name in (choice.network_name, other))
        return answers.fewer((mine.title, mine.macs), (theirs.title, theirs.macs), tr("MACs"))

    title = spec(choice.network_name).title
    other = spec(_OTHERS.get(choice.network_name, "googlenet")).title
    return [
        _yes_no(
            tr("Are more than half of the chosen network's parameters in its decoder?"),
            lambda: _decoder_share(choice),
        ),
        _yes_no(_fewer_question(title, other), fewer_macs),
    ]


def _fewer_question(title: str, other: str) -> str:
    return tr(
        "Does {network} multiply less for one image than {other}?",
        network=plain(title),
        other=plain(other),
    )


def _reconstruction(choice: Choice) -> list[Asked]:
    def fewer_values() -> Answer:
        network, layer = choice.network, _layer(choice)
        side = network.input_size
        pixels = image_channels(network.module, side) * side * side
        return answers.fewer(
            (layer.title, prod(layer.shape)), (tr("the image"), pixels), tr("values")
        )

    return [
        _yes_no(tr("Does this layer hold fewer values than the image?"), fewer_values),
        _yes_no(_wide_question(), lambda: _field(choice)),
    ]


def _transfer(choice: Choice) -> list[Asked]:
    def nearest() -> Answer:
        layer = last_maps(choice.network)
        by_maps, by_pixels = cache.most_alike(choice.image, choice.network, layer)
        return answers.same_nearest(tr(sample(by_maps).title), tr(sample(by_pixels).title))

    return [
        _yes_no(
            tr("Are more than half of the network's parameters in the decoder that is replaced?"),
            lambda: _decoder_share(choice),
        ),
        _yes_no(
            tr(
                "Is the sample photograph that is most like your image by the network's last maps "
                "also the one that is most like it by pixels?"
            ),
            nearest,
        ),
    ]


def _training(choice: Choice) -> list[Asked]:
    def loss() -> Answer:
        points = recording.log().points
        half = min(points, key=lambda point: abs(2 * point.step - points[-1].step))
        first, middle, last = ((point.step, point.loss) for point in (points[0], half, points[-1]))
        return answers.loss_fell_half(first, middle, last)

    def emptier() -> Answer:
        layer = recording.recorded_layers()[0]
        first, last = (
            recording.snapshot(choice.image.pixels, layer.name, recording.steps()[n]).maps[0]
            for n in (0, -1)
        )
        return answers.empty_shares(
            (tr("{layer} before training", layer=layer.title), first.empty, first.channels),
            (tr("{layer} after it", layer=layer.title), last.empty, last.channels),
        )

    return [
        _yes_no(
            tr(
                "Did more than half of the recorded loss's fall come in the first half of training?"
            ),
            loss,
        ),
        _amount(
            tr(
                "What share of the first layer's channels is empty for your image after "
                "training, compared with before?"
            ),
            emptier,
        ),
    ]


def _auxiliary(choice: Choice) -> list[Asked]:
    def agree() -> Answer:
        heads = cache.head_predictions(choice.image, _bundled("googlenet"))
        return answers.heads_agree(heads[0].predictions[0].label, heads[-1].predictions[0].label)

    def fewer_parameters() -> Answer:
        costs = cache.costs("googlenet")
        heads = costs.parameters_with_auxiliary - costs.parameters
        return answers.fewer(
            (tr("the pair of auxiliary classifiers"), heads),
            (tr("the network without them"), costs.parameters),
            tr("parameters"),
        )

    return [
        _yes_no(
            tr(
                "Does GoogLeNet's first auxiliary classifier name the class that the main "
                "one names for your image?"
            ),
            agree,
        ),
        _yes_no(
            tr("Do GoogLeNet's two auxiliary classifiers have fewer parameters than the rest?"),
            fewer_parameters,
        ),
    ]


def _design(_: Choice) -> list[Asked]:
    def counted() -> DesignCosts:
        link = str(st.session_state.get(Key.DESIGN, FIRST))
        return count_design(Design.parse(from_link(link)))

    def fewer_parameters() -> Answer:
        rows = [row for block in counted().blocks for row in block.layers]
        connected = sum(row.parameters for row in rows if row.kind == "linear")
        rest = sum(row.parameters for row in rows) - connected
        return answers.fewer(
            (tr("The convolutional part"), rest),
            (tr("the fully connected part"), connected),
            tr("parameters"),
        )

    def whole_width() -> Answer:
        costs = counted()
        last, side = costs.last_map, max(costs.design.input.shape[1:])
        return answers.wide_field(f"`{last.text}`", last.receptive_field, side)

    return [
        _yes_no(
            tr(
                "Does this design's convolutional part have fewer parameters than its fully "
                "connected part?"
            ),
            fewer_parameters,
        ),
        _yes_no(
            tr(
                "Is the receptive field of one position of its last map as large as the longer "
                "side of the image, or larger?"
            ),
            whole_width,
        ),
    ]


_PAGES: dict[str, Callable[[Choice], list[Asked]]] = {
    "Activations": _activations,
    "Evidence": _evidence,
    "Filters": _filters,
    "Architectures": _architectures,
    "Design": _design,
    "Reconstruction": _reconstruction,
    "Transfer learning": _transfer,
    "Training": _training,
    "Auxiliary classifiers": _auxiliary,
    "Course": lambda _: [],  # each of its steps has a question
}
