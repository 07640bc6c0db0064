"""The sentences of the page Evidence, against numbers worked out here."""

import re
from dataclasses import replace

import pytest
import torch

from convviz.features.class_evidence import ClassActivationMap
from convviz.features.class_target import ClassTarget
from convviz.features.corruption import CorruptionStep
from convviz.features.deletion import Curve, DeletionStep
from convviz.features.grad_cam import ClassMap
from convviz.structure.layers import Layer
from convviz.ui import predictions
from convviz.ui.evidence import findings
from convviz.ui.evidence.target import ABOUT, METHODS
from convviz.weights.load import load

A = ClassTarget(0)


def layer(title: str = "relu5") -> Layer:
    return Layer("features.11", title, "ReLU", "block 5", (2, 2, 2), 11, False, None, (), True)


def class_map(contributions: tuple[float, float] = (0.5, -0.2)) -> ClassMap:
    """Maps of ones, and gradients that share each contribution out over four places."""
    gradients = torch.tensor(contributions)[:, None, None].expand(2, 2, 2) / 4
    return ClassMap("gradcam", layer(), A, 0.4, torch.ones(2, 2, 2), gradients)


@pytest.mark.claims("convviz.ui.evidence.findings.early")
def test_an_early_layer_is_told_with_the_last() -> None:
    text = findings.early("conv*1", 2, 9, "relu5")
    assert text.startswith("This is conv\\*1, number 2 of the 9 layers of the slider.")
    assert text.endswith("go to the last, relu5.")


@pytest.mark.claims("convviz.ui.evidence.findings.score")
@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "< 0.1 %"), (0.25, "25.0 %"), (0.99999, "> 99.9 %"), (1.0, "> 99.9 %")],
)
def test_the_score_is_told_with_its_probability(share: float, text: str) -> None:
    alone = findings.score("tabby", -1.234, share, against=False)
    assert alone == f"Score of **tabby**: −1.23, probability {text}."
    assert "**tabby**: 0.00031," in findings.score("tabby", 0.00031, share, against=False)
    two = findings.score("tabby and not lion", 0.5, share, against=True)
    assert "**tabby and not lion**" in two
    assert "exceeds the other by 0.50" in two
    assert text in two


@pytest.mark.claims(
    "convviz.ui.evidence.findings.not_reached",
    "convviz.ui.evidence.findings.no_places",
    "convviz.ui.evidence.findings.alone",
)
def test_layers_without_evidence_are_named_with_another() -> None:
    text = findings.not_reached(layer(), layer("relu4"))
    assert "reaches relu5" in text
    assert "look at relu4 instead" in text
    shown = findings.not_reached(layer(), layer("relu4"), is_shown=True)
    assert shown.endswith("This is the evidence in relu4.")
    assert "Choose another layer or another class" in findings.not_reached(layer(), None)
    places = findings.no_places(layer("fc"), layer("relu5"))
    assert places.startswith("fc puts out one number")
    assert "evidence in relu5" in places
    assert findings.alone(7, 8).startswith("The map alone, 7 × 8 values")


def test_every_method_names_the_paper_it_is_from() -> None:
    assert set(ABOUT) == set(METHODS)
    assert len(METHODS) == 8
    for about in ABOUT.values():
        assert re.search(r"\([A-Z][^()]* (19|20)\d\d\)", about), about


@pytest.mark.claims("convviz.ui.evidence.findings.cam")
def test_cam_is_compared_with_grad_cam_in_numbers() -> None:
    found = class_map((4.0, 0.0))  # Grad-CAM's values are 1 everywhere
    same = ClassActivationMap(layer(), A, torch.tensor([4.0, 0.0]), found.maps, 0.0)
    text = findings.cam(same, found)
    assert "Grad-CAM's times 4, the number of places" in text
    assert "differ by 0.0 % of the largest" in text or "differ by 0 % of the largest" in text
    other = ClassActivationMap(layer(), A, torch.tensor([5.0, 0.0]), found.maps, 0.0)
    assert "differ by 20 % of the largest" in findings.cam(other, found)
    nothing = ClassActivationMap(layer(), A, torch.zeros(2), found.maps, 0.0)
    assert "differ by" in findings.cam(nothing, class_map((0.0, 0.0)))


@pytest.mark.claims("convviz.ui.evidence.findings.channels", "convviz.ui.evidence.findings.channel")
def test_channels_are_told_by_estimate_and_by_measurement() -> None:
    assert "The channel that adds most" in findings.channels(class_map(), 1)
    text = findings.channels(class_map(), 2)
    assert "The 2 channels that add most to the score, of 2, by estimate" in text
    total = "come to 0.30 of 0.40. "
    bent = "An estimate takes the way from here to the score for a straight line"
    assert total + bent in text
    exact = findings.channels(class_map(), 2, 0.1)
    assert f"{total}The rest is the bias of the linear layer behind them, 0.10." in exact
    assert bent not in exact  # nothing bends it there
    assert "the way is a straight line" in exact
    small = replace(class_map((0.05, -0.02)), score=0.04)
    assert "come to 0.030 of 0.040. " in findings.channels(small, 2)
    assert (
        findings.channel(7, 0.5, 0.25) == "**7** adds 0.50; switched off, the score falls by 0.25"
    )
    assert findings.channel(7, -0.5, -0.25).endswith("the score rises by 0.25")
    assert findings.channel(7, 0.5, 0.0).endswith("falls by 0.00")
    assert findings.channel(7, 0.05, 0.0, 3).endswith(
        "adds 0.050; switched off, the score falls by 0.000"
    )


@pytest.mark.claims("convviz.ui.evidence.findings.switched_off")
def test_a_channel_that_is_switched_off_behind_another_layer_is_told() -> None:
    text = findings.switched_off(layer("conv1"), layer("conv1 · batch norm"))
    assert text.startswith("The estimates are of what conv1 puts out.")
    assert "would not stay 0 in conv1 · batch norm" in text


def step(deletion: float, insertion: float, others: tuple[float, ...]) -> DeletionStep:
    """Curves that are flat, so that their height is their area."""
    curves = [Curve((0.0, 1.0), (height, height)) for height in (deletion, insertion, *others)]
    return DeletionStep(A, 1, 1, curves[0], curves[1], tuple(curves[2:]), tuple(curves[2:]))


@pytest.mark.claims("convviz.ui.evidence.findings.deletion")
@pytest.mark.parametrize(
    ("deletion", "insertion", "verdict"),
    [
        (0.1, 0.9, "Yes: the map beats every shuffled one in both tests"),
        (0.1, 0.3, "in deletion, but not in insertion"),
        (0.3, 0.9, "in insertion, but not in deletion"),
        (0.9, 0.1, "does not beat chance"),
        (0.2, 0.4, "does not beat chance"),  # as good as the best shuffled map is not better
    ],
)
def test_a_map_that_does_not_beat_chance_is_named(
    deletion: float, insertion: float, verdict: str
) -> None:
    text = findings.deletion(step(deletion, insertion, (0.2, 0.3, 0.4)))
    assert f"area of {deletion:.3f}" in text
    assert f"Inserting gives {insertion:.3f}" in text
    assert text.count("0.300") >= 2
    assert "average of 3" in text
    assert verdict in text
    assert text.startswith(("**Yes: ", "**Partly: ", "**No: "))  # in words, then the figures
    # Of four maps without meaning each is as likely to be the best.
    wins = not text.startswith("**No: ")
    assert text.endswith("beat them all in one of the tests in 25 % of cases.") == wins
    assert "Not all" in findings.deletion(DeletionStep(A, 0, 10))
    close = findings.deletion(step(0.5951, 0.5952, (0.5953,)))
    assert "area of 0.5951, in shuffled orders 0.5953" in close
    assert "gives 0.5952, in shuffled orders 0.5953" in close
    rounding = findings.deletion(step(0.5, 0.2 + 2e-8, (0.2,)))  # as of an image of one colour
    assert rounding.startswith("**No: ")
    assert "gives 0.200, in shuffled orders 0.200;" in rounding
    same = findings.deletion(step(1.0, 1.0, (1.0,)))  # as of a network's only class
    assert same.startswith("The probability stays at > 99.9 %, whichever")
    assert "chance" not in same
    single = findings.deletion(step(0.1, 0.9, (0.4,)))
    assert single.endswith("in 50 % of cases.")


@pytest.mark.claims(
    "convviz.ui.evidence.findings.randomised", "convviz.ui.evidence.findings.occlusion"
)
@pytest.mark.parametrize("similarity", [-1.0, 0.0, 0.49, 0.5, 1.0])
def test_pictures_that_do_not_change_convict_the_method(similarity: float) -> None:
    number = f"rank correlation {similarity:.2f}".replace("-", "−")
    text = findings.randomised(similarity, "Gradient")
    assert number in text
    assert ("stays much the same" in text) == (similarity >= 0.5)
    assert ("changes" in text) == (similarity < 0.5)
    covered = findings.occlusion(similarity, 3.0, 1.5)
    assert number in covered
    assert "score of 3.00 by 1.50" in covered
    assert ("falls agree" in covered) == (similarity >= 0.5)
    assert ("falls differ" in covered) == (similarity < 0.5)


@pytest.mark.claims(
    "convviz.ui.evidence.findings.randomised", "convviz.ui.evidence.findings.occlusion"
)
def test_a_map_that_is_the_same_everywhere_convicts_nobody() -> None:
    text = findings.randomised(None, "Grad-CAM")
    assert "tells nothing of Grad-CAM here" in text
    assert "as it should" not in text
    assert "stays" not in text
    covered = findings.occlusion(None, 3.0, 1.5)
    assert covered.startswith("Covering the worst place lowers the score of 3.00 by 1.50; ")
    assert "score of 0.600 by 0.031;" in findings.occlusion(None, 0.6, 0.031)
    assert covered.endswith("so they have no order to compare.")
    for largest in (0.0, -0.5):
        nowhere = findings.occlusion(None, 3.0, largest)
        assert nowhere.startswith("No covered place lowers the score of 3.00. ")


@pytest.mark.claims("convviz.ui.evidence.findings.worse")
def test_a_worse_image_is_compared_with_the_image_as_it_is() -> None:
    text = findings.worse((5.0, 0.5), (-1.0, 0.125))
    assert text == (
        "Score −1.00, probability 12.5 %. With the image as it is: score 5.00, probability 50.0 %."
    )
    close = findings.worse((0.6012, 0.5), (0.5987, 0.5))
    assert close.startswith("Score 0.599, probability 50.0 %. ")
    assert "score 0.601, probability 50.0 %" in close


@pytest.mark.claims("convviz.ui.evidence.findings.growing")
def test_how_far_a_curve_is_and_what_lies_under_it() -> None:
    some = CorruptionStep("blur", ClassTarget(0), (0.0, 10.0), (1.0, 2.0), (0.5, 0.5), 21)
    assert findings.growing(None, is_over_another=False) == "The curve is on its way."
    assert findings.growing(some, is_over_another=False) == (
        "2 of 21 values of the curve are computed."
    )
    for curve in (None, some):
        assert "sliders as they stood before" in findings.growing(curve, is_over_another=True)
    assert findings.growing(some, is_over_another=True).startswith("2 of 21 ")


@pytest.mark.claims("convviz.ui.evidence.findings.drawn_anew")
def test_random_decoders_without_a_map_are_counted() -> None:
    assert findings.drawn_anew(1).startswith("In one draw of random numbers before this one")
    assert findings.drawn_anew(3).startswith("In 3 draws of random numbers before this one")


@pytest.mark.claims("convviz.ui.evidence.findings.not_among")
def test_a_class_that_the_other_network_lacks_is_named() -> None:
    assert findings.not_among("tabby", "My net").startswith(
        "“tabby” is none of the classes of My net: choose another class."
    )
    none_shared = findings.not_among("tabby", "My net", shares_any=False)
    assert "choose another class" not in none_shared
    assert none_shared.endswith("choose another network under With, one that knows “tabby”.")


@pytest.mark.claims("convviz.ui.evidence.findings.namesakes")
def test_a_name_that_several_classes_share_is_told() -> None:
    text = findings.namesakes("crane", "My net")
    assert text.startswith("More than one class is called “crane” in My net or in the network in ")
    assert "is none of the classes" not in text


@pytest.mark.claims("convviz.ui.evidence.findings.no_class")
def test_why_no_class_can_be_explained() -> None:
    assert "classes=(" in findings.no_class(is_nameless=True)
    assert "decoder" not in findings.no_class(is_nameless=True)
    assert "Choose other weights" in findings.no_class(is_nameless=False)


@pytest.mark.claims(
    "convviz.ui.evidence.findings.over",
    "convviz.ui.evidence.findings.one_scale",
    "convviz.ui.predictions.seen_at",
)
def test_the_size_of_the_image_that_the_decoder_sees_is_told() -> None:
    network = load("alexnet", "encoder")
    smaller = predictions.seen_at(network, 128)
    assert "128 × 128 pixels, the size that the decoder was trained on" in smaller
    assert "at 224 × 224" in smaller
    usual = predictions.seen_at(network, network.weights.input_size)
    assert usual == "The predictions are made of the image at 224 × 224 pixels."
    assert findings.over("About.", (0.1, 0.1, 0.9, 0.9)).endswith("may end before the image does.")
    assert findings.over("About.", None) == "About."
    assert "for all 10 maps" in findings.one_scale(10)
