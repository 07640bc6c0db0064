"""The two questions at the end of each page: answered with numbers that are computed here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_distances
from torch import nn

from convviz.features.activations import activations
from convviz.features.capture import input_for
from convviz.features.predictions import head_predictions, predict
from convviz.images.decode import decode
from convviz.images.samples import names_of_samples, sample
from convviz.learning import recording
from convviz.networks.registry import register, spec
from convviz.structure.costs import count as count_costs
from convviz.structure.layers import layer
from convviz.ui import page_questions
from convviz.ui.answers import Answer
from convviz.ui.choice import Choice
from convviz.ui.navigation import PAGES
from convviz.ui.questions import Question
from convviz.ui.sidebar.image import of_sample
from convviz.weights.load import load
from tests.networks_for_tests import network_of, seeded

TITLES = [page.title for page in PAGES if page.title != "Course"]
NUMBERS = count()


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
    best, *others = (predict(load(name), image)[0] for name in ("alexnet", "googlenet", "vgg16"))
    assert answer("Home", 0).right == (("yes",) if best.probability > 0.5 else ("no",))
    agree = best.label in [other.label for other in others]
    assert answer("Home", 1).right == (("yes",) if agree else ("no",))
    assert all(f"*{guess.label}*" in answer("Home", 1).sentence for guess in (best, *others))


def test_activations_counts_channels(choice: Choice, answer: Callable[[str, int], Answer]) -> None:
    network, image = choice.network, choice.image.pixels
    first, here = (activations(network, image, f"features.{n}").rectified for n in (1, 7))
    counts = [int((maps.flatten(1).max(1).values <= 0).sum()) for maps in (first, here)]
    difference = counts[1] / len(here) - counts[0] / len(first)
    right = "more" if difference > 0 else "less" if difference < 0 else "same"
    found = answer("Activations", 0)
    assert found.right == (right,)
    assert f"{counts[1]} of 384 channels" in found.sentence


def asked_of(name: str, module: nn.Module) -> tuple[str, Answer]:
    """The first question of Activations about a layer of a module, and its answer."""
    network = network_of(module, side=32)
    # What is computed is kept by the network's name.
    network = replace(network, spec=replace(network.spec, name=f"asked-{next(NUMBERS)}"))
    register(network.spec)
    choice = Choice(of_sample("koala"), network.name, network, layer(network, name))
    question, answer = page_questions.questions_of("Activations", choice)[0]
    return question.text, answer()


@pytest.mark.usefixtures("fresh_registry")
def test_a_layer_without_a_relu_is_not_called_less_empty() -> None:
    relus = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1), nn.ReLU())
    module = seeded(nn.Sequential(relus, nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)))
    text, found = asked_of("2", module)
    assert "first layer with a ReLU" in text
    assert found.right == ()
    assert "No ReLU sets the numbers of" in found.sentence


@pytest.mark.usefixtures("fresh_registry")
def test_the_first_layer_is_compared_with_the_last_and_not_with_itself() -> None:
    convolution = nn.Conv2d(3, 2, 1)
    second = nn.Conv2d(2, 4, 1)
    with torch.no_grad():
        for part, bias in ((convolution, [1.0, 1.0]), (second, [1.0, -1.0, -1.0, -1.0])):
            part.weight.zero_()
            part.bias.copy_(torch.tensor(bias))
    module = nn.Sequential(convolution, nn.ReLU(), second, nn.ReLU())
    text, found = asked_of("1", module)
    assert "compared with the network's last layer with a ReLU" in text
    assert found.right == ("less",)
    assert "3 of 4 channels" in found.sentence
    assert "0 of 2 channels" in found.sentence
    text, found = asked_of("3", module)
    assert "compared with the network's first layer with a ReLU" in text
    assert found.right == ("more",)


@pytest.mark.usefixtures("fresh_registry")
def test_leaky_relus_are_nothing_to_compare() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.LeakyReLU(), nn.Conv2d(2, 2, 1), nn.LeakyReLU())
    assert asked_of("3", module)[1].right == ()


def test_filters_looks_at_the_field_and_the_map(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    # AlexNet's third ReLU sees 99 pixels: 11, pool + 8, conv2 + 32, pool + 16, conv3 + 32.
    assert 11 + 2 * 4 + 4 * 8 + 2 * 8 + 2 * 16 == 99
    assert "is 99 pixels across, the longer side of the image 224" in answer("Filters", 0).sentence
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
    macs = {name: count_costs(spec(name)).macs for name in ("alexnet", "googlenet")}
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


def test_an_image_in_grey_has_one_value_for_each_pixel() -> None:
    network = network_of(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), side=8)
    choice = Choice(of_sample("koala"), network.name, network, layer(network, "1"))
    found = page_questions.questions_of("Reconstruction", choice)[0][1]()
    assert "72 and the image has 64 values" in found.sentence  # 2 maps of 6 × 6, 8 × 8 pixels
    assert found.right == ("no",)


def test_evidence_looks_at_the_guess_and_the_field(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    best = predict(choice.network, choice.image.pixels)[0]
    assert answer("Evidence", 0).right == (("yes",) if best.probability > 0.5 else ("no",))
    assert f"*{best.label}*" in answer("Evidence", 0).sentence
    assert (
        "is 99 pixels across, the longer side of the image 224" in answer("Evidence", 1).sentence
    )  # as above
    assert answer("Reconstruction", 1) == answer("Evidence", 1)


def test_transfer_compares_the_decoder_and_the_samples(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    assert "58,631,144 of AlexNet's 61,100,840" in answer("Transfer learning", 0).sentence
    names = [name for name in names_of_samples() if name != "koala"]
    images = [choice.image.pixels, *(decode(sample(name).read()) for name in names)]
    module, inputs = choice.network.module, [input_for(choice.network, each) for each in images]
    with torch.inference_mode():
        means = [module.features(each)[0].mean((1, 2)) for each in inputs]
    nearest = []
    for rows in (means, [each.flatten() for each in inputs]):
        array = np.stack([row.numpy().astype(float) for row in rows])
        nearest.append(names[int(cosine_distances(array[:1], array[1:]).argmin())])
    found = answer("Transfer learning", 1)
    assert found.right == (("yes",) if nearest[0] == nearest[1] else ("no",))
    told = [f"*{sample(name).title}*" for name in nearest]
    assert re.findall(r"\*[^*]+\*", found.sentence) == told


def test_auxiliary_compares_heads_and_parameters(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    network = load("googlenet", "bundled")
    heads = head_predictions(network, choice.image.pixels)
    labels = [heads[n].predictions[0].label for n in (0, -1)]
    assert answer("Auxiliary classifiers", 0).right == (
        ("yes",) if labels[0] == labels[1] else ("no",)
    )
    assert all(f"*{label}*" in answer("Auxiliary classifiers", 0).sentence for label in labels)
    found = answer("Auxiliary classifiers", 1)  # as torchvision's GoogLeNet is documented
    assert found.right == ("yes",) if 13_004_888 - 6_624_904 < 6_624_904 else ("no",)
    assert f"has {13_004_888 - 6_624_904:,} and the network" in found.sentence
    assert "has 6,624,904 parameters" in found.sentence


def test_training_compares_its_beginning_and_end(
    choice: Choice, answer: Callable[[str, int], Answer]
) -> None:
    points = recording.log().points
    middle = [point for point in points if 2 * point.step <= points[-1].step][-1]
    half = points[0].loss - middle.loss
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
    assert "is 32 pixels across, the longer side of the image 32" in seen.sentence
