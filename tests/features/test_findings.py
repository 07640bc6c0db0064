"""Sentences about channels say what the numbers say, at their edges too."""

from dataclasses import replace
from math import inf, nan

import pytest
import torch
from torch import nn

from convviz.errors import NetworkError
from convviz.features import findings
from convviz.features.activations import Activations, measure
from convviz.features.capture import capture
from convviz.features.dead import DeadChannels, DeadStep, LayerDead
from convviz.structure.layers import Layer

RELU = Layer("relu", "relu1", "ReLU", "", (3, 1, 2), 0, False, None, (), True)
SCORES = replace(RELU, name="classifier", title="fc", kind="linear")
BEFORE = replace(RELU, name="conv", title="conv1", kind="convolution", pre_relu="conv")


def of(layer: Layer, *rows: tuple[float, float]) -> Activations:
    return measure(layer, torch.tensor(rows).float()[:, None])


RECTIFIED = of(RELU, (0, 2), (0, 0), (4, 1))
SIGNED = of(SCORES, (-8, -2), (0, 0), (4, 1))
AHEAD = of(BEFORE, (-8, 2), (-1, -1), (4, 1))


@pytest.mark.claims(
    "convviz.features.findings.empty_here",
    "convviz.features.findings.empty_rule",
    "convviz.features.findings.layer_headline",
    "convviz.features.findings.which_layer",
    "convviz.features.findings.what_is_empty",
)
@pytest.mark.parametrize("threshold", [0.0, 0.25, 1.0])
def test_what_empty_means_is_what_is_counted(threshold: float) -> None:
    for case, largest in ((RECTIFIED, 4), (SIGNED, 8), (AHEAD, 4)):
        bound = threshold * largest
        here = findings.empty_here(case, threshold)
        rule = findings.empty_rule(case.layer, threshold)
        headline = findings.layer_headline(case, "Net", threshold)
        rules = findings.what_is_empty(case, threshold)
        assert ("ReLU" in here) == (case is AHEAD) == ("ReLU" in rule)
        assert ("zero everywhere" in here) == (case is SIGNED and bound == 0)
        assert ("from zero" in here) == (case is SIGNED and bound > 0)
        assert ("never above" in here) == (case is RECTIFIED)
        if bound:
            assert f"{bound:.3g}" in here
            assert f"{threshold:g} ×" in rule
            assert f"{bound:.3g}" in rules
        assert headline.startswith(f"{case.layer.title} (`{case.layer.name}`) of Net")
        assert "3 maps of 1 × 2" in headline
        assert headline == f"{findings.which_layer(case, 'Net')} {case.sentence(threshold)}"
        sizes = case.rectified.flatten(1).abs().amax(1).tolist()
        empty = sum(size <= bound for size in sizes)
        assert ("None of the 3" in headline) == (empty == 0)
        assert ("All 3" in headline) == (empty == 3)
        assert (f"{empty} of 3 channels" in headline) == (0 < empty < 3)
        assert ("absolute value" in rules) == (case is SIGNED and bound > 0)
        assert ("may be negative" in rules) == (case is SIGNED)
        assert ("still to come" in rules) == (case is AHEAD)
    capped = of(replace(BEFORE, ceiling=6.0), (9, 1))
    assert "at most 6, counts" in findings.what_is_empty(capped, 0.0)
    same = of(replace(RELU, name="conv1", title="conv1"), (9, 1))
    assert findings.layer_headline(same, "Net", 0.0).startswith("Layer `conv1` of Net, ReLU: 1 map")


def maps(*rows: tuple[float, ...]) -> Activations:
    """Return channels of 1 × 3 values, whose pattern is what they rise by in the middle."""
    return measure(RELU, torch.tensor(rows).float()[:, None])


@pytest.mark.claims("convviz.features.findings.strongest")
@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        # Smoothed by 1, 2, 1 the middle keeps half of its height above its neighbours.
        (
            ((0, 2, 0), (0, 0, 0), (0, 8, 0), (0, 4, 0), (0, 6, 0)),
            "5 channels; 2, 4 and 3 draw the clearest maps of this image.",
        ),
        (  # two are equal in the third place: either both or none
            ((0, 2, 0), (0, 2, 0), (0, 8, 0), (0, 4, 0)),
            "4 channels; 2 and 3 draw the clearest maps of this image.",
        ),
        (((0, 1, 0), (0, 2, 0), (0, 0, 0)), "3 channels; only 1 and 0 answer to this image."),
        (((0, 0, 0), (0, 2, 0), (0, 0, 0)), "3 channels; only 1 answers to this image."),
        (((0, 0, 0), (0, 0, 0)), "None of the 2 channels answers to this image."),
        (((0, 2, 0),), "The only channel answers to this image."),
        (((0, 0, 0),), "The only channel does not answer to this image."),
        (((0, 2, 0),) * 4, "4 channels; 4 answer alike."),
        # A map that is the same everywhere draws nothing, however high it is.
        (((9, 9, 9), (0, 2, 0), (0, 1, 0)), "3 channels; 1, 2 and 0 answer to this image."),
        (((nan, 1, 0), (nan, 0, 0)), "2 channels, 2 of them with a not-a-number."),
        (
            ((nan, 1, 0), (0, 1, 0), (0, 2, 0)),
            "3 channels, 1 of them with a not-a-number; "
            "2 and 1 draw the clearest maps of this image.",
        ),
        (((0, inf, 0), (0, 2, 0)), "2 channels; 0 and 1 answer to this image."),
    ],
)
def test_which_channels_answer_most(rows: tuple[tuple[float, ...], ...], sentence: str) -> None:
    assert findings.strongest(maps(*rows), 0.0) == sentence


def test_what_counts_as_empty_does_not_answer() -> None:
    found = maps((0, 2, 0), (0, 8, 0), (0, 4, 0))
    assert findings.strongest(found, 0.25) == "3 channels; only 1 and 2 answer to this image."
    assert findings.strongest(found, 1.0) == "None of the 3 channels answers to this image."


@pytest.mark.claims("convviz.features.findings.dead_list")
@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((), "**None of the 40 channels is dead** over N = 83 crops: each answers to at least one"),
        ((7,), "**1 of 40 channels is dead** over N = 83 crops: 7."),
        ((1, 5), "**2 of 40 channels are dead** over N = 83 crops: 1, 5."),
        (tuple(range(24)), "23."),
        (tuple(range(25)), "23 and 1 more."),
        (tuple(range(40)), "**40 of 40 channels are dead** over N = 83 crops: 0, 1, "),
    ],
)
def test_dead_channels_are_counted_and_listed(numbers: tuple[int, ...], sentence: str) -> None:
    layer = maps(*[(0.0, 1.0, 0.0)] * 40)
    found = findings.dead_list(layer, DeadChannels(numbers, 83, "the set", "83 crops"))
    assert sentence in found


@pytest.mark.claims("convviz.features.findings.dead_in_network")
def test_dead_channels_of_a_network_count_its_layers_with_a_relu() -> None:
    relu, leaky = replace(RELU, kind="convolution + ReLU"), replace(RELU, kind="LeakyReLU")
    rows = (
        LayerDead(relu, 1000, (1, 7)),
        LayerDead(replace(RELU, kind="max pooling"), 1000, (1, 7)),  # the same channels again
        LayerDead(replace(RELU, kind="ReLU"), 200, (4,)),
    )
    step = DeadStep(83, 83, 83, "83 crops", rows, ())
    assert findings.dead_in_network("Net", step) == (
        "**3 of 1,200 channels of Net are dead** in its 2 layers with a ReLU, over N = 83 crops."
    )
    one = findings.dead_in_network("Net", replace(step, layers=rows[:1]))
    assert "**2 of 1,000 channels of Net are dead** in its 1 layer with a ReLU" in one
    none = findings.dead_in_network("Net", replace(step, layers=(LayerDead(leaky, 8, ()),)))
    assert none.startswith("Net has no layer with a ReLU")


def test_nothing_at_all_is_never_above_zero_at_any_threshold() -> None:
    assert findings.empty_here(of(RELU, (0, 0)), 0.5) == "never above zero in this image"


DEAD = DeadChannels((1,), 83, "the samples' crops", "83 crops of 5 photographs")
NONE_DEAD = DeadChannels((), 1, "your pictures")


@pytest.mark.claims(
    "convviz.features.findings.dead_here",
    "convviz.features.findings.dead_mark",
    "convviz.features.findings.dead_beside",
    "convviz.features.findings.dead_channel",
    "convviz.features.findings.dead_yet_excited",
)
def test_dead_channels_stand_with_their_n() -> None:
    assert findings.dead_here(RECTIFIED, DEAD) == (
        "never above zero in any of N = 83 crops of 5 photographs (1 here)"
    )
    assert "zero everywhere in each of N = 83" in findings.dead_here(SIGNED, DEAD)
    assert "lets nothing through in any of N = 83" in findings.dead_here(AHEAD, DEAD)
    assert "(none here)" in findings.dead_here(RECTIFIED, NONE_DEAD)
    assert findings.dead_mark(DEAD).endswith("each of 83 crops of 5 photographs")
    beside = findings.dead_beside(RECTIFIED, 0.0, DEAD)
    assert beside == f"{RECTIFIED.sentence()} 1 dead over N = 83 crops of 5 photographs."
    assert findings.dead_beside(RECTIFIED, 0.0, None) == RECTIFIED.sentence()
    assert " None dead over" in findings.dead_beside(RECTIFIED, 0.0, NONE_DEAD)

    assert "not known yet" in findings.dead_channel(RECTIFIED, 1, None)
    assert "**Dead** over N = 83 crops" in findings.dead_channel(RECTIFIED, 1, DEAD)
    assert "1 of the layer's 3 channels is dead" in findings.dead_channel(RECTIFIED, 1, DEAD)
    assert "Alive over" in findings.dead_channel(RECTIFIED, 0, DEAD)
    assert "None of the layer's 3 channels is dead" in findings.dead_channel(
        RECTIFIED, 0, NONE_DEAD
    )
    awake = replace(DEAD, numbers=(1, 2))
    assert "Yet it answers to this image" in findings.dead_channel(RECTIFIED, 2, awake)
    assert "Yet" not in findings.dead_channel(RECTIFIED, 1, awake)

    assert findings.dead_yet_excited(RECTIFIED, DEAD) == ""
    assert findings.dead_yet_excited(RECTIFIED, awake).startswith("1 of the 2 channels")
    both = replace(DEAD, numbers=(0, 2))
    assert findings.dead_yet_excited(RECTIFIED, both).startswith("2 of the 2 channels")
    one = replace(DEAD, numbers=(2,))
    assert findings.dead_yet_excited(RECTIFIED, one).startswith("The only channel")


@pytest.mark.claims("convviz.features.findings.second_image")
def test_the_second_image_has_its_own_maximum() -> None:
    other = of(SCORES, (-9, -7), (0, 0), (1, 1))
    text = findings.second_image(SIGNED, other, 0, ["Cat", "Rocket"])
    assert "over Rocket" in text
    assert "its maximum is -7, for Cat -2." in text
    assert "after the ReLU is 2" in findings.second_image(AHEAD, AHEAD, 0, ["Cat", "Rocket"])


@pytest.mark.claims("convviz.features.capture._never_ran")
def test_a_layer_that_never_runs_is_named() -> None:
    module = nn.Sequential(nn.Identity())
    module[0].extra = nn.ReLU()
    with pytest.raises(NetworkError, match=r"“0\.extra” does not run when the network looks"):
        capture(module.eval(), torch.zeros(1, 3, 4, 4), ["0.extra"])
