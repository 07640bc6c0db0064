"""The two questions at the end of each page: answered with numbers that are computed here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from convviz.features.activations import activations
from convviz.features.predictions import predict
from convviz.learning import recording
from convviz.networks.registry import spec
from convviz.structure.costs import count
from convviz.structure.layers import layer
from convviz.ui import page_questions
from convviz.ui.answers import Answer
from convviz.ui.choice import Choice
from convviz.ui.navigation import PAGES
from convviz.ui.questions import Question
from convviz.ui.sidebar.image import of_sample
from convviz.weights.load import load

TITLES = [page.title for page in PAGES if page.title != "Course"]


@pytest.fixture(scope="module")
def choice() -> Choice:
    network = load("alexnet", "encoder")
    return Choice(of_sample("koala"), "alexnet", network, layer(network, "features.7"))


@pytest.fixture
def answer(choice: Choice) -> Callable[[str, int], Answer]:
    def found(title: str, number: int) -> Answer:
        return page_questions.questions_of(title, choice)[number][1]()

    return found


@pytest.mark.parametrize("title", [*TITLES, "Look inside a ConvNet"])
def test_a_page_asks_two_questions_that_have_an_answer(choice: Choice, title: str) -> None:
    asked = page_questions.questions_of(title, choice)
    assert len(asked) == 2
    for question, answer in asked:
        assert isinstance(question, Question)
        assert question.text.endswith("?")
        found = answer()
        assert found.right
        assert set(found.right) <= set(question.options)
        assert found.sentence.endswith(".")


def test_the_course_asks_none_at_its_end(choice: Choice) -> None:
    assert page_questions.questions_of("Course", choice) == []


def test_home_compares_guesses(choice: Choice, answer: Callable[[str, int], Answer]) -> None:
    image = choice.image.pixels
    best, other = (predict(load(name), image)[0] for name in ("alexnet", "googlenet"))
    assert answer("Home", 0).right == (("yes",) if best.probability > 0.5 else ("no",))
    assert answer("Home", 1).right == (("yes",) if best.label == other.label else ("no",))


def test_activations_counts_channels(choice: Choice, answer: Callable[[str, int], Answer]) -> None:
    network, image = choice.network, choice.image.pixels
    first, here = (activations(network, image, f"features.{n}").rectified for n in (1, 7))
    counts = [int((maps.flatten(1).max(1).values <= 0).sum()) for maps in (first, here)]
    difference = counts[1] / len(here) - counts[0] / len(first)
    right = "more" if difference > 0 else "less" if difference < 0 else "same"
    found = answer("Activations", 0)
    assert found.right == (right,)
    assert f"{counts[1]} of 384 channels" in found.sentence


def test_filters_looks_at_the_field_and_the_map(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    # AlexNet's third ReLU sees 99 pixels: 11, pool + 8, conv2 + 32, pool + 16, conv3 + 32.
    assert 11 + 2 * 4 + 4 * 8 + 2 * 8 + 2 * 16 == 99
    assert "sees 99 pixels of the image's 224" in answer("Filters", 0).sentence
    assert answer("Filters", 0).right == ("no",)
    maps = activations(choice.network, choice.image.pixels, "features.7").rectified
    strongest = int(maps.flatten(1).max(1).values.argmax())
    share = float((maps[strongest] > 0).double().mean())
    found = answer("Filters", 1)
    assert f"Channel {strongest} is above 0 at {100 * share:.1f} %" in found.sentence
    assert found.right == (("yes",) if share > 0.5 else ("no",))


def test_architectures_counts(answer: Callable[[str, int], Answer]) -> None:
    assert "58,631,144 of AlexNet's 61,100,840" in answer("Architectures", 0).sentence
    assert answer("Architectures", 0).right == ("yes",)
    macs = {name: count(spec(name)).macs for name in ("alexnet", "googlenet")}
    found = answer("Architectures", 1)
    assert found.right == (("yes",) if macs["alexnet"] < macs["googlenet"] else ("no",))
    assert f"{macs['alexnet']:,}" in found.sentence


def test_reconstruction_compares_the_layer_with_the_image(
    answer: Callable[[str, int], Answer],
) -> None:
    found = answer("Reconstruction", 0)  # 384 maps of 13 × 13 against 3 colours of 224 × 224
    assert found.right == ("yes",)
    assert f"{384 * 13 * 13:,}" in found.sentence
    assert f"{3 * 224 * 224:,}" in found.sentence


def test_training_compares_its_beginning_and_end(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    points = recording.log().points
    half = points[0].loss - points[len(points) // 2].loss
    whole = points[0].loss - points[-1].loss
    assert answer("Training", 0).right == (("yes",) if half / whole > 0.5 else ("no",))
    counts = []
    for step in (recording.steps()[0], recording.steps()[-1]):
        values = recording.snapshot(choice.image.pixels, "conv1", step).maps[0].values()
        counts.append(int((torch.relu(values).flatten(1).max(1).values <= 0).sum()))
    assert f"{counts[0]} of 64 channels" in answer("Training", 1).sentence
    assert f"{counts[1]} of 64 channels" in answer("Training", 1).sentence


def test_design_asks_about_the_design_at_hand(answer: Callable[[str, int], Answer]) -> None:
    # LeNet-5: 6, 16 and 120 kernels of 5 × 5, each with a bias, then 120 → 84 → 10.
    convolutional = 6 * 26 + 16 * (6 * 25 + 1) + 120 * (16 * 25 + 1)
    connected = 121 * 84 + 85 * 10
    fewer = answer("Design", 0)
    assert fewer.right == ("no",)
    assert f"{convolutional:,}" in fewer.sentence
    assert f"{connected:,}" in fewer.sentence
    # 5, pooling of 2, 5, pooling of 2, 5: 5 + 1 + 4 · 2 + 2 + 4 · 4 = 32 of 32 pixels.
    seen = answer("Design", 1)
    assert seen.right == ("yes",)
    assert "32 pixels of the image's 32" in seen.sentence
