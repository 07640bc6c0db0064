"""Sentences about channels say what the numbers say, at their edges too."""

import re
from dataclasses import replace
from math import inf, nan
from typing import get_args

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import NetworkError
from convviz.features import findings
from convviz.features.ablation import Ablation
from convviz.features.activations import Activations, measure
from convviz.features.arithmetic import Arithmetic
from convviz.features.arithmetic_steps import (
    BranchChoice,
    Identity,
    Normalised,
    Opaque,
    Pooled,
    Rectified,
    WeightedSum,
)
from convviz.features.capture import capture
from convviz.features.dead import DeadChannels
from convviz.features.effective_field import Box, EffectiveField
from convviz.features.occlusion import OcclusionStep
from convviz.features.synthesis import SynthesisStep, Target
from convviz.features.top_patches import TopPatches
from convviz.formatting import percent
from convviz.structure.layers import Branch, Layer

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
        assert ("None of 3" in headline) == (empty == 0)
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
            "5 channels; 2, 4 and 3 draw most of a pattern from this image.",
        ),
        (  # two are equal in the third place: either both or none
            ((0, 2, 0), (0, 2, 0), (0, 8, 0), (0, 4, 0)),
            "4 channels; 2 and 3 draw most of a pattern from this image.",
        ),
        (((0, 1, 0), (0, 2, 0), (0, 0, 0)), "3 channels; only 1 and 0 answer to this image."),
        (((0, 0, 0), (0, 2, 0), (0, 0, 0)), "3 channels; only 1 answers to this image."),
        (((0, 0, 0), (0, 0, 0)), "None of 2 channels answers to this image."),
        (((0, 2, 0),), "The only channel answers to this image."),
        (((0, 0, 0),), "The only channel does not answer to this image."),
        (((0, 2, 0),) * 4, "4 channels; 4 answer alike."),
        # A map that is the same everywhere draws nothing, however high it is.
        (((9, 9, 9), (0, 2, 0), (0, 1, 0)), "3 channels; 1, 2 and 0 answer to this image."),
        (((nan, 1, 0), (nan, 0, 0)), "2 channels, 2 of them with a not-a-number."),
        (
            ((nan, 1, 0), (0, 1, 0), (0, 2, 0)),
            "3 channels, 1 of them with a not-a-number; "
            "2 and 1 draw most of a pattern from this image.",
        ),
        (((0, inf, 0), (0, 2, 0)), "2 channels; 0 and 1 answer to this image."),
    ],
)
def test_which_channels_answer_most(rows: tuple[tuple[float, ...], ...], sentence: str) -> None:
    assert findings.strongest(maps(*rows), 0.0) == sentence


def test_what_counts_as_empty_does_not_answer() -> None:
    found = maps((0, 2, 0), (0, 8, 0), (0, 4, 0))
    assert findings.strongest(found, 0.25) == "3 channels; only 1 and 2 answer to this image."
    assert findings.strongest(found, 1.0) == "None of 3 channels answers to this image."


@pytest.mark.claims("convviz.features.findings.dead_list")
@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((), "**None of 40 channels is dead** over N = 83 crops: each answers to at least one"),
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
    assert "None of the layer's 3 channels are dead" in findings.dead_channel(
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


def occluded(uncovered: float, *responses: float) -> OcclusionStep:
    table = torch.tensor(responses).reshape(1, -1)
    return OcclusionStep(RELU, 0, 4, len(responses), len(responses), uncovered, table)


@pytest.mark.claims(
    "convviz.features.findings.occlusion_extremes",
    "convviz.features.findings.occlusion_falls",
    "convviz.features.findings.occlusion_rises",
    "convviz.features.findings.occlusion_watched",
    "convviz.features.findings.occlusion_colours",
)
@pytest.mark.parametrize(
    ("uncovered", "responses"),
    [
        (-4.67, (-3.41, -4.67)),  # nearer to 0 is a rise
        (-4.0, (-5.0, 1.0)),
        (2.0, (0.0, 3.0)),
        (2.0, (2.0, 2.0)),
        (2.0, (-1.0, nan)),  # falls by more than all of it
        (3.0, (nan, inf)),
    ],
)
def test_falling_and_rising_follow_the_two_values(
    uncovered: float, responses: tuple[float, ...]
) -> None:
    step = occluded(uncovered, *responses)
    finite = [value for value in responses if abs(value) < inf]
    lowest, highest = min([*finite, uncovered]), max([*finite, uncovered])
    falls, rises = findings.occlusion_falls(step), findings.occlusion_rises(step)
    low, high = findings.occlusion_extremes(step)
    assert (min(low, uncovered), max(high, uncovered)) == pytest.approx((lowest, highest))
    for text, verb, end in ((falls, "falls", lowest), (rises, "rises", highest)):
        if abs(end - uncovered) < 1e-6:  # rounded to float32
            assert text == f"{verb} nowhere"
            continue
        size = abs(end - uncovered)
        assert text.startswith(f"{verb}, by up to {size:.3g}")
        assert text.endswith(f", to {end:.3g}")
        assert (f"({percent(size / uncovered)})" in text) == (uncovered > 0)
        assert ("%" in text) == (uncovered > 0)
    watched = findings.occlusion_watched(step, "its mean")
    assert "square of 4 × 4 pixels, in the colour that the network reads as 0," in watched
    assert f"was laid over {len(responses)} places" in watched
    assert f"its mean, {uncovered:.3g} for the image" in watched
    assert "change of 0.25." in findings.occlusion_colours(0.25)
    assert "nothing is coloured" in findings.occlusion_colours(0.0)


@pytest.mark.claims(
    "convviz.features.findings.synthesis", "convviz.features.findings.synthesis_title"
)
@pytest.mark.parametrize("start", [0.0, -2.5, 6.0])
@pytest.mark.parametrize("score", [0.0, 6.0, 12.3])
@pytest.mark.parametrize("before_relu", [False, True])
@pytest.mark.parametrize("target", get_args(Target))
def test_what_was_made_is_told_by_its_own_numbers(
    start: float, score: float, before_relu: bool, target: Target
) -> None:
    picture = Image.new("RGB", (4, 4))
    step = SynthesisStep(
        8, 8, score, (1.5, 2.5), picture, start, before_relu, True, target, has_map=True
    )
    text = findings.synthesis(step)
    assert ("ReLU" in text) == before_relu
    assert ("mean of the map" in text) == (target == "channel")
    assert f"{score:.3g}, measured on this image" in text
    assert ("fell from" in text) == (score < start)
    assert ("went from" in text) == (score > start)
    assert ("where it began" in text) == (score == start)
    assert "1.5" not in text  # the score of a shifted copy
    stuck = findings.synthesis(replace(step, changed=False, score=start, step=1))
    assert "In 1 step the" in stuck
    assert f"stayed at {start:.3g}" in stuck
    assert "still the noise" in stuck
    assert "map" not in findings.synthesis(replace(step, has_map=False))
    assert findings.synthesis_title(7, "fc") == "An image for channel 7 of fc"


@pytest.mark.claims(
    "convviz.features.findings.effective_field", "convviz.features.findings.field_heading"
)
def test_an_effective_field_is_told_with_its_scale() -> None:
    weights = torch.zeros(4, 4)
    for value in (0.0, 6.0, -1.0):  # a saturated ReLU6 is flat at 6
        flat = findings.effective_field(EffectiveField(value, weights, None, None))
        assert flat.startswith(f"The number is {value:.4g}, and a little more")
    field = EffectiveField(1.0, weights, Box(0, 0, 3, 4), Box(1, 1, 2, 3))
    text = findings.effective_field(field)
    assert "square root" in text
    assert "Half of it all lies within 2 × 1 pixels, all of it within 4 × 3." in text
    assert "no finite number" in findings.effective_field(replace(field, core=None))
    assert "row 3, column 1" in findings.field_heading(2, 0)


@pytest.mark.claims("convviz.features.findings.second_image")
def test_the_second_image_has_its_own_maximum() -> None:
    other = of(SCORES, (-9, -7), (0, 0), (1, 1))
    text = findings.second_image(SIGNED, other, 0, ["Cat", "Rocket"])
    assert "over Rocket" in text
    assert "its maximum is -7, for Cat -2." in text
    assert "after the ReLU is 2" in findings.second_image(AHEAD, AHEAD, 0, ["Cat", "Rocket"])


def top_patches(seen: str, *numbers: int) -> TopPatches:
    """One channel with so many patches, beside a dead one for each further number."""
    scores = torch.full((len(numbers), 9), -inf)
    for channel, count in enumerate(numbers):
        scores[channel, :count] = 1
    layer = replace(RELU, shape=(len(numbers), 1, 1))
    pictures = torch.arange(9).expand(len(numbers), 9)
    maximum = torch.tensor([float(count > 0) for count in numbers])
    titles = tuple(map(str, range(9)))
    return TopPatches(
        layer,
        83,
        scores,
        pictures,
        pictures * 0,
        maximum,
        titles,
        tuple(range(9)),
        seen,
        ((0, None),),
    )


@pytest.mark.claims("convviz.features.findings.patches", "convviz.features.findings.patches_dead")
def test_patches_are_counted_and_their_set_is_named() -> None:
    top = top_patches("83 crops of 5 photographs", 5, 1, 0)
    first, second, third = (
        findings.patches(top, channel, "samples", is_partial=channel == 0) for channel in range(3)
    )
    assert "**The 5 strongest patches** for channel 0 over 83 crops of 5 photographs" in first
    assert "at most one of each photograph" in first
    assert first.endswith("stopped before it had seen all.")
    assert "**The strongest patch**" in second
    assert "stopped" not in second
    assert third.startswith("Channel 2 is dead over 83 crops of 5 photographs")
    assert findings.patches_dead(top) == "Dead over these 83 crops of 5 photographs: channel 2."
    assert findings.patches_dead(top_patches("2 pictures", 1, 2)) == ""
    many = findings.patches_dead(top_patches("2 pictures", *[0] * 43))
    assert "channels 0, 1," in many
    assert many.endswith("39 and 3 more.")
    assert "each picture" in findings.patches(
        top_patches("9 pictures", 2), 0, "x", is_partial=False
    )


@pytest.mark.claims(
    "convviz.features.findings.ablation",
    "convviz.features.findings.ablation_channel",
    "convviz.features.findings.most_changed_heading",
    "convviz.features.findings.nothing_changed",
)
def test_what_is_off_is_counted() -> None:
    result = Ablation(RELU, (0, 2), (), SCORES, SIGNED, SIGNED, torch.zeros(3), (), ())
    assert findings.ablation(result).startswith("2 of 3 channels of relu1 are off.")
    assert findings.ablation(replace(result, channels=(1,))).startswith("1 of 3 channels")
    assert findings.ablation(replace(result, channels=())).startswith("None of 3 channels")
    assert findings.ablation_channel(4, 0.0) == "Channel 4, unchanged"
    assert findings.ablation_channel(4, 0.25) == "Channel 4, changed by 25 %"
    assert findings.ablation_channel(4, 1e5).endswith("1 × 10⁵ times its size")
    assert findings.ablation_channel(4, inf) == "Channel 4, was empty, now active"
    assert "not known" in findings.ablation_channel(4, nan)
    assert "fc" in findings.most_changed_heading("fc")
    assert findings.nothing_changed("fc") == "No channel of fc changes."


@pytest.mark.claims("convviz.features.findings.stage")
def test_every_stage_ends_in_its_number() -> None:
    patch, kernel = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[3.0, -1.0]]])
    inside = torch.ones(1, 2, dtype=torch.bool)
    total = WeightedSum("", 0, patch, inside, kernel, 0.5, has_bias=True)
    text = findings.stage(total, "the image")
    assert text.startswith("Weighted sum over the image: 1 channel × 1 × 2 = 2 products")
    assert text.endswith("products + bias 0.5 → **1.5**")
    assert "bias" not in findings.stage(replace(total, has_bias=False), "x")
    window = torch.tensor([[1.0, 5.0], [2.0, 0.0]])
    largest = Pooled("relu", "maximum", window, 2, 4, 4)
    assert "found at row 3, column 6 → **5**" in findings.stage(largest, "relu1")
    mean = Pooled("relu", "average", window, 2, 4, 4)
    assert findings.stage(mean, "relu1").endswith("2 × 2 values of relu1 → **2**")
    assert "divided by 8" in findings.stage(replace(mean, divisor=8), "relu1")
    norm = Normalised(3.0, 1.0, 4.0, 0.0, 2.0, 0.5)
    assert "(3 − 1) / √(4 + 0) × 2 + 0.5 → **2.5**" in findings.stage(norm, "")
    assert findings.stage(Rectified(-2.0), "").endswith("larger of −2 and 0 → **0**")
    capped = findings.stage(Rectified(8.25, 6.0), "")
    assert capped.endswith("larger of 8.25 and 0, at most 6 → **6**")
    branch = BranchChoice(7.0, Branch("mix.b", "3×3", 2, 5), 1)
    assert "channel 1 of the branch 3×3 (`mix.b`), taken over as it is → **7**" in findings.stage(
        branch, ""
    )
    assert findings.stage(Identity(1.0, "dropout"), "").endswith("on unchanged → **1**")
    assert "not known here; this one is **9**" in findings.stage(Opaque(9.0, "GELU"), "")


@pytest.mark.claims(
    "convviz.features.findings.arithmetic_number",
    "convviz.features.findings.arithmetic_check",
    "convviz.features.findings.contributions_heading",
)
def test_the_check_calls_rounding_only_what_is_rounding() -> None:
    def ending(number: float, after: float) -> Arithmetic:
        return Arithmetic(RELU, 3, 1, 2, number, (Rectified(after),))

    close, far = ending(1.0, 1.0000001), ending(1.0, 7.0)
    assert "rounds its sums" in findings.arithmetic_check(close)
    text = findings.arithmetic_check(far)
    assert "more than rounding" in text
    assert re.search(r"says 1; these steps end in 7, 6 off", text)
    assert "rounds" not in findings.arithmetic_check(
        Arithmetic(RELU, 0, 0, 0, 2.0, (Opaque(2.0, "x"),))
    )
    assert "not" not in findings.arithmetic_number(close, is_map=True)
    assert "Channel 3 at row 2, column 3 is 1." in findings.arithmetic_number(close, is_map=True)
    assert "Channel 3 is 1." in findings.arithmetic_number(close, is_map=False)
    assert findings.contributions_heading("conv1").startswith("What each channel of conv1 adds")


@pytest.mark.claims("convviz.features.capture._never_ran")
def test_a_layer_that_never_runs_is_named() -> None:
    module = nn.Sequential(nn.Identity())
    module[0].extra = nn.ReLU()
    with pytest.raises(NetworkError, match=r"“0\.extra” does not run when the network looks"):
        capture(module.eval(), torch.zeros(1, 3, 4, 4), ["0.extra"])
