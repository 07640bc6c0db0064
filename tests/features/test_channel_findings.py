"""Sentences about one channel hold for every kind of result."""

import re
from dataclasses import replace
from math import inf, nan
from typing import get_args

import pytest
import torch
from PIL import Image

from convviz.features import channel_findings as findings
from convviz.features.ablation import Ablation
from convviz.features.activations import measure
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
from convviz.features.effective_field import Box, EffectiveField
from convviz.features.occlusion import OcclusionStep
from convviz.features.synthesis import SynthesisStep, Target
from convviz.features.top_patches import TopPatches
from convviz.formatting import percent
from convviz.structure.layers import Branch, Layer

RELU = Layer("relu", "relu1", "ReLU", "", (3, 1, 2), 0, False, None, (), True)
SCORES = replace(RELU, name="classifier", title="fc", kind="linear")
BEFORE = replace(RELU, name="conv", title="conv1", kind="convolution", pre_relu="conv")


def occluded(uncovered: float, *responses: float) -> OcclusionStep:
    table = torch.tensor(responses).reshape(1, -1)
    return OcclusionStep(RELU, 0, 4, len(responses), len(responses), uncovered, table)


@pytest.mark.claims(
    "convviz.features.channel_findings.occlusion_extremes",
    "convviz.features.channel_findings.occlusion_falls",
    "convviz.features.channel_findings.occlusion_rises",
    "convviz.features.channel_findings.occlusion_watched",
    "convviz.features.channel_findings.occlusion_colours",
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
    "convviz.features.channel_findings.synthesis",
    "convviz.features.channel_findings.synthesis_title",
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
    "convviz.features.channel_findings.effective_field",
    "convviz.features.channel_findings.field_heading",
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


@pytest.mark.claims(
    "convviz.features.channel_findings.patches", "convviz.features.channel_findings.patches_dead"
)
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
    "convviz.features.channel_findings.ablation",
    "convviz.features.channel_findings.ablation_channel",
    "convviz.features.channel_findings.most_changed_heading",
    "convviz.features.channel_findings.nothing_changed",
)
def test_what_is_off_is_counted() -> None:
    scores = measure(SCORES, torch.zeros(3, 1, 2))
    result = Ablation(RELU, (0, 2), (), SCORES, scores, scores, torch.zeros(3), (), ())
    assert findings.ablation(result).startswith("2 of 3 channels of relu1 are off.")
    assert findings.ablation(replace(result, channels=(1,))).startswith("1 of 3 channels")
    assert findings.ablation(replace(result, channels=())).startswith("None of the 3 channels of ")
    assert findings.ablation_channel(4, 0.0) == "Channel 4, unchanged"
    assert findings.ablation_channel(4, 0.25) == "Channel 4, changed by 25 %"
    assert findings.ablation_channel(4, 1e5).endswith("1 × 10⁵ times its size")
    assert findings.ablation_channel(4, inf) == "Channel 4, was empty, now active"
    assert "not known" in findings.ablation_channel(4, nan)
    assert "fc" in findings.most_changed_heading("fc")
    assert findings.nothing_changed("fc") == "No channel of fc changes."


@pytest.mark.claims("convviz.features.channel_findings.stage")
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
    "convviz.features.channel_findings.arithmetic_number",
    "convviz.features.channel_findings.arithmetic_check",
    "convviz.features.channel_findings.contributions_heading",
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


@pytest.mark.claims("convviz.features.channel_findings.window_map")
def test_what_the_window_makes_is_named_by_its_channel() -> None:
    assert findings.window_map(7).startswith("The map of channel 7; faded: ")
