"""What Home says, against numbers set by hand."""

from dataclasses import replace

import pytest
import torch

from convviz.features.overview import StageSummary
from convviz.images.samples import gallery, sample
from convviz.language import speaking
from convviz.networks.catalogue import COURSE
from convviz.structure.layers import Layer
from convviz.ui.components import findings as components
from convviz.ui.home import findings
from convviz.weights.load import load


def summary(
    channels: int = 64,
    empty: int = 0,
    strongest: tuple[int, ...] = (5, 0, 9),
    *,
    sides: tuple[int, ...] = (7, 9),
    signed: bool = False,
    title: str = "relu1",
) -> StageSummary:
    shape = (channels, *sides)
    layer = Layer("features.1", title, "ReLU", "x", shape, 0, False, None, (), True)
    return StageSummary(layer, strongest, torch.zeros(len(strongest), 7, 9), empty, signed)


@pytest.mark.claims(
    "convviz.ui.components.findings.stage_lines", "convviz.ui.components.findings._maps"
)
@pytest.mark.parametrize(
    ("stage", "lines"),
    [
        (summary(), ["3 of 64 maps", "7 × 9", "none empty"]),
        (summary(1024, 512), ["3 of 1,024 maps", "7 × 9", "50 % empty"]),
        (summary(1000, 1), ["3 of 1,000 maps", "7 × 9", "0.1 % empty"]),
        (summary(3, 3, ()), ["3 maps", "7 × 9", "100 % empty"]),
        (summary(1, 0, (0,)), ["1 map", "7 × 9", "none empty"]),
        (summary(2, 0, (0, 1), signed=True), ["2 maps", "7 × 9", "no ReLU"]),
        (summary(2, 1, (0,), signed=True), ["1 of 2 maps", "7 × 9", "50 % empty"]),
        (summary(1000, 0, (), sides=(), signed=True), ["1,000 numbers", "no ReLU"]),
        (summary(4096, 1024, (), sides=()), ["4,096 numbers", "25 % empty"]),
    ],
)
def test_the_lines_below_a_stage(stage: StageSummary, lines: list[str]) -> None:
    said = [line.replace("\N{NO-BREAK SPACE}", " ") for line in components.stage_lines(stage)]
    assert said == lines


@pytest.mark.claims(
    "convviz.ui.components.findings.stage_sentence",
    "convviz.ui.components.findings._nothing_set_to_0",
)
@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        (
            summary(1024, 3),
            "relu1 (features.1). 3 of its 1,024 channels are empty for this image. Drawn are the "
            "strongest: 5, 0 and 9.",
        ),
        (
            summary(64, 0, (7,), title="features.1"),
            "features.1. 0 of its 64 channels are empty for this image. Drawn is the strongest: 7.",
        ),
        (
            summary(3, 3, ()),
            "relu1 (features.1). 3 of its 3 channels are empty for this image.",
        ),
        (
            summary(200, 0, (), sides=(), signed=True),
            "relu1 (features.1). No ReLU follows that would set any of its 200 numbers to 0.",
        ),
    ],
)
def test_a_stage_in_sentences(stage: StageSummary, sentence: str) -> None:
    assert components.stage_sentence(stage) == sentence


def test_a_decoder_has_no_layers_name_and_is_said_in_classes() -> None:
    stage = summary(1200, 0, (), sides=(), signed=True)
    decoder = replace(stage, layer=replace(stage.layer, name=""))
    assert components.stage_lines(decoder) == ["1,200 classes"]
    assert components.stage_sentence(decoder).endswith("a probability among 1,200 classes.")


@pytest.mark.claims("convviz.ui.home.findings.stages")
def test_how_the_drawing_is_read() -> None:
    two = findings.stages([summary(), summary(1, 0, (0,))])
    assert two.startswith("2 stages, in the order")
    assert "at most 3 maps, those with the clearest patterns:" in two
    for count in (1, 2):
        numbers = findings.stages([summary(200, 0, (), sides=(), signed=True)] * count)
        assert "numbers and no maps" in numbers
        empty = findings.stages([summary(3, 3, ())] * count)
        assert "every channel is empty for this image" in empty
        assert "at most 0" not in numbers + empty
    one = findings.stages([summary(1, 0, (0,))])
    assert one.startswith("One stage. Of each you see the map with the clearest pattern:")


@pytest.mark.claims("convviz.ui.home.findings.unknown_class", "convviz.ui.home.findings.knows")
@pytest.mark.parametrize("name", COURSE)
def test_what_a_network_has_no_name_for(name: str) -> None:
    network = load(name)
    classes = network.weights.classes
    for label in ("astronaut", "brick wall", "cat"):
        said = findings.unknown_class((label, "nothing else"), network)
        assert f"shows: {label}. " in said
        assert f"None of the {len(classes)} classes that {network.title}" in said
    every = [each.strip() for names in classes for each in names.split(",")]
    for label in [*every, "Tabby", *(photograph.label for photograph in gallery())]:
        assert findings.knows(classes, label)
        assert findings.unknown_class((label,), network) == ""
        assert findings.unknown_class(("astronaut", label), network) == ""
    assert findings.unknown_class(sample("astronaut").names, network)
    assert findings.unknown_class((), network) == ""
    silent = replace(network, weights=replace(network.weights, has_decoder=False))
    assert findings.unknown_class(("astronaut",), silent) == ""


@pytest.mark.claims("convviz.ui.home.findings.unknown_class")
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("cat", ("airplane", "cat", "dog")),  # CIFAR-10
        ("coffee", ("Coffee", "tea")),
        ("brick", ("brick", "cat")),
        ("rocket", ("rocket", "aeroplane")),
        ("astronaut", ("dog", "person")),
        ("koala", ("animals", "plants")),
        ("mountain", ("mountain", "beach")),
        ("pan", ("pan",)),
    ],
)
def test_a_class_of_a_wider_name_is_no_unknown_one(name: str, classes: tuple[str, ...]) -> None:
    network = load("googlenet")
    network = replace(network, weights=replace(network.weights, classes=classes))
    assert findings.unknown_class(sample(name).names, network) == ""
    with speaking("da"):
        assert findings.unknown_class(sample(name).names, network) == ""
    others = replace(network, weights=replace(network.weights, classes=("sofa", "chair")))
    said = findings.unknown_class(sample(name).names, others)
    assert said.startswith(f"This image shows: {sample(name).label}. None of the 2 classes")
    assert said.endswith("whatever it answers is wrong, or a wider class at best.")


@pytest.mark.claims("convviz.ui.home.findings.own_picture")
def test_an_own_picture_is_told_how_far_to_trust_the_guesses() -> None:
    network = load("alexnet", "encoder")
    share = network.weights.accuracy
    assert share is not None
    assert f"{100 * share:.1f} %" in network.weights.note  # the figure that was measured
    few = replace(network, weights=replace(network.weights, accuracy=0.428))
    assert findings.own_picture(few) == (
        "It knows only these 200 classes, and of pictures of them it is right about 4 times in ten."
    )
    for accuracy, told in (
        (0.0, "names 0 % of their pictures rightly."),
        (0.04, "names 4.0 % of their pictures rightly."),
        (0.149, "names 15 % of their pictures rightly."),
        (0.151, "is right about 2 times in ten."),
        (0.949, "is right about 9 times in ten."),
        (0.96, "names 96 % of their pictures rightly."),
        (1.0, "names 100 % of their pictures rightly."),
    ):
        measured = replace(network, weights=replace(network.weights, accuracy=accuracy))
        assert findings.own_picture(measured).endswith(told)
    unmeasured = replace(network, weights=replace(network.weights, accuracy=None))
    assert "times in ten" not in findings.own_picture(unmeasured)
    assert findings.own_picture(load("alexnet", "random")) == ""
