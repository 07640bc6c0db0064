"""Worse images, against NumPy and SciPy; and the curve of a score over them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import SettingError
from convviz.features.capture import input_for, network_crop
from convviz.features.class_target import ClassTarget
from convviz.features.corruption import (
    CORRUPTIONS,
    NOTHING,
    Corruption,
    changes_of,
    corrupt,
    corruption_curve,
    input_of_crop,
)
from convviz.networks.network import Interpolation
from convviz.weights.load import load
from tests.features.explained import explained, scorer
from tests.networks_for_tests import network_of


def grey(side: int = 32) -> Image.Image:
    return Image.new("RGB", (side, side), (100, 100, 100))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_nothing_leaves_the_image_and_the_network_s_input_as_they_are(
    cat: Image.Image, interpolation: Interpolation
) -> None:
    network = load("alexnet", "random")
    network = replace(network, spec=replace(network.spec, interpolation=interpolation))
    square = network_crop(network, cat)
    same = corrupt(square, NOTHING)
    assert np.array_equal(pixels(same), pixels(square))
    assert torch.equal(input_of_crop(network, same), input_for(network, cat))
    assert changes_of(NOTHING) == ()
    assert changes_of(Corruption(blur=1, patch=0.5, seed=3)) == ("blur", "patch")


def test_a_network_for_grey_images_gets_the_image_in_grey(cat: Image.Image) -> None:
    network = network_of(nn.Conv2d(1, 2, 3), side=32)
    network = replace(network, spec=replace(network.spec, mean=(0.5,), std=(0.25,)))
    square = network_crop(network, cat)
    red, green, blue = np.moveaxis(pixels(square), -1, 0)
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)
    made = input_of_crop(network, corrupt(square, NOTHING))
    assert torch.allclose(made, input_for(network, cat), atol=1e-6)


def test_brightness_contrast_and_noise_by_hand() -> None:
    assert pixels(corrupt(grey(), Corruption(brightness=1.5))).max() == 150
    assert pixels(corrupt(grey(), Corruption(brightness=3.0))).max() == 255
    halves = Image.fromarray(np.repeat(np.array([[50, 150]], np.uint8), 2, 0)).convert("RGB")
    flat = pixels(corrupt(halves, Corruption(contrast=0.5)))[..., 0]
    assert flat.tolist() == [[75.0, 125.0]] * 2
    noisy = pixels(corrupt(grey(128), Corruption(noise=0.1, seed=4)))
    assert noisy.mean() == pytest.approx(100, abs=0.5)
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    again = pixels(corrupt(grey(128), Corruption(noise=0.1, seed=4)))
    assert np.array_equal(noisy, again)
    assert not np.array_equal(noisy, pixels(corrupt(grey(128), Corruption(noise=0.1))))


def test_a_patch_covers_its_share_and_a_turn_moves_what_was_there() -> None:
    for share, count in ((0.0, 0), (0.25, 64), (0.5, 256), (1.0, 1024)):
        covered = pixels(corrupt(grey(), Corruption(patch=share)))[..., 0] != 100
        assert covered.sum() == count
    corner = np.zeros((32, 32, 3), np.uint8)
    corner[:4, :4] = 255
    turned = pixels(corrupt(Image.fromarray(corner), Corruption(rotation=90.0)))[..., 0]
    assert turned[-4:, :4].min() == 255
    assert turned[:4, :4].max() == 0


def test_blur_keeps_the_mean_and_spreads_a_point() -> None:
    point = np.zeros((64, 64, 3), np.uint8)
    point[32, 32] = 255
    blurred = pixels(corrupt(Image.fromarray(point), Corruption(blur=5.0)))[..., 0]
    assert 0 < blurred.max() < 30
    assert blurred[32, 36] > 0


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_values_outside_their_range_are_refused(kind: str) -> None:
    limits = CORRUPTIONS[kind]
    for value in (limits.low - 0.1, limits.high + 0.1):
        with pytest.raises(SettingError, match=f"A {kind} of"):
            corrupt(grey(), replace(NOTHING, **{kind: value}))
    corrupt(grey(), replace(NOTHING, **{kind: limits.high}))


def test_the_curve_is_the_score_of_each_worse_image() -> None:
    network = explained(scorer(nn.ReLU()), side=4, classes=2)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 204
    image, target = Image.fromarray(red), ClassTarget(0)
    steps = list(corruption_curve(network, image, target, "brightness", count=4))
    last = steps[-1]
    assert last.values == (0.0, 1.0, 2.0, 3.0)
    assert [step.values for step in steps[:3]] == [(0.0,), (0.0, 3.0), (0.0, 1.0, 3.0)]
    assert [step.scores[-1] for step in steps[1:]] == [pytest.approx(1.1)] * 3
    assert last.fraction == 1
    # Red is 0.8 · brightness and no more than 1; the score 2 · (red − 0.5) + 0.1 from 0.5 on.
    assert last.scores == pytest.approx((0.1, 0.7, 1.1, 1.1), abs=1e-5)
    for score, probability in zip(last.scores, last.probabilities, strict=True):
        assert probability == pytest.approx(1 / (1 + np.exp(-score)))
    dark = Corruption(contrast=0.0)
    *_, flat = corruption_curve(network, image, target, "brightness", corruption=dark, count=2)
    assert flat.scores[0] == pytest.approx(0.1)
    assert [flat.values, flat.total] == [(0.0, 3.0), 2]


def test_the_curve_is_coarse_at_first_and_then_finer() -> None:
    network = explained(scorer(nn.ReLU()), side=4, classes=2)
    steps = list(corruption_curve(network, grey(), ClassTarget(0), "blur"))
    assert [len(step.values) for step in steps] == list(range(1, 22))
    for step in steps:
        assert list(step.values) == sorted(step.values)
    for seen, widest in ((2, 10.0), (3, 5.0), (5, 2.5), (9, 1.5), (17, 1.0), (21, 0.5)):
        gaps = np.diff(steps[seen - 1].values)
        assert gaps.max() == pytest.approx(widest)
    with_gap = steps[4]
    whole = dict(zip(steps[-1].values, steps[-1].scores, strict=True))
    assert with_gap.scores == tuple(whole[value] for value in with_gap.values)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "fog"}, "choose blur, noise"),
        ({"kind": "blur", "count": 1}, "choose 2 to 200"),
        ({"kind": "blur", "corruption": Corruption(patch=2)}, "A patch of 2"),
        ({"kind": "blur", "target": ClassTarget(9)}, "choose 0 to 1"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    network = explained(scorer(nn.ReLU()), side=4, classes=2)
    with pytest.raises(SettingError, match=words):
        corruption_curve(network, grey(), **({"target": ClassTarget(0)} | options))
