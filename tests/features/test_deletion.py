"""Curves of deletion and insertion, against sums written out here."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import nn

from convviz.errors import SettingError
from convviz.features.class_target import ClassTarget
from convviz.features.deletion import Curve, DeletionStep, blur, delete_and_insert, spread
from tests.features.explained import explained, scorer

A = ClassTarget(0)


def ramp() -> tuple[np.ndarray, Image.Image]:
    """Red from 0 to 1 in 16 steps, no other colour."""
    red = np.arange(16, dtype=np.float32).reshape(4, 4) / 15
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 0] = np.round(255 * red)
    return red, Image.fromarray(pixels)


def test_the_area_is_that_of_the_trapezoids() -> None:
    curve = Curve((0.0, 0.5, 1.0), (1.0, 0.2, 0.0))
    assert curve.area == pytest.approx(0.5 * 0.6 + 0.5 * 0.1)
    assert Curve((0.0, 1.0), (0.3, 0.3)).area == pytest.approx(0.3)


def test_deletion_takes_the_largest_values_first() -> None:
    red, image = ramp()
    network = explained(scorer(nn.ReLU()), side=4, classes=2)
    steps = list(delete_and_insert(network, image, A, torch.from_numpy(red), steps=4, shuffles=2))
    last = steps[-1]
    assert last.is_complete
    assert last.total == 2 * 3 * 5
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert last.deletion is not None
    assert last.deletion.shares == (0.0, 0.25, 0.5, 0.75, 1.0)
    flat = np.sort(red.flatten())[::-1]
    for index, probability in enumerate(last.deletion.probabilities):
        left = flat[4 * index :]
        score = 2 * np.maximum(left - 0.5, 0).sum() / 16 + 0.1
        # The other score is 3 · mean(green), and there is none.
        expected = np.exp(score) / (np.exp(score) + 1)
        assert probability == pytest.approx(expected, abs=1e-5)
    assert last.insertion is not None
    assert last.insertion.probabilities[-1] == pytest.approx(last.deletion.probabilities[0])
    assert len(last.random_deletions) == len(last.random_insertions) == 2
    assert last.random_deletion_area == pytest.approx(
        np.mean([curve.area for curve in last.random_deletions])
    )


def test_a_true_map_beats_its_shuffled_self_and_a_reversed_one_does_not() -> None:
    red = torch.zeros(32, 32)
    red[10:18, 10:18] = 1
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[..., 0] = 255 * red.numpy()
    network = explained(scorer(nn.ReLU()), side=8, classes=2)
    network = replace(network, weights=replace(network.weights, input_size=32, resize=32))

    def last(map_: torch.Tensor) -> DeletionStep:
        *_, step = delete_and_insert(network, Image.fromarray(pixels), A, map_, steps=8)
        return step

    true, wrong = last(red), last(-red)
    assert true.beats_random_in_deletion
    assert true.beats_random_in_insertion
    assert not wrong.beats_random_in_deletion
    assert not wrong.beats_random_in_insertion


def test_a_map_is_spread_where_it_lies() -> None:
    map_ = torch.tensor([[1.0, 3.0], [5.0, 7.0]])
    whole = spread(map_, 4)
    assert whole[0].tolist() == pytest.approx([1.0, 1.5, 2.5, 3.0])
    assert whole[:, 0].tolist() == pytest.approx([1.0, 2.0, 4.0, 5.0])
    # On the pixels 1 and 2 alone, each value is a pixel; beside them is nothing.
    inner = spread(map_, 4, (1.0, 1.0, 3.0, 3.0))
    expected = torch.zeros(4, 4)
    expected[1:3, 1:3] = map_
    assert torch.allclose(inner, expected)
    assert torch.equal(spread(whole, 4), whole)


def test_insertion_begins_with_a_gaussian_blur() -> None:
    generator = torch.Generator().manual_seed(2)
    batch = torch.rand((1, 3, 64, 64), generator=generator)
    expected = gaussian_filter(batch[0].numpy(), (0, 2.5, 2.5), mode="nearest", radius=(0, 8, 8))
    assert np.allclose(blur(batch)[0], expected, atol=1e-5)


def test_what_makes_no_order_is_refused_and_a_stop_is_heard() -> None:
    red, image = ramp()
    network = explained(scorer(nn.ReLU()), side=4, classes=2)
    with pytest.raises(SettingError, match="same everywhere"):
        delete_and_insert(network, image, A, torch.zeros(4, 4))
    with pytest.raises(SettingError, match="finite"):
        delete_and_insert(network, image, A, torch.full((2, 2), torch.nan))
    with pytest.raises(SettingError, match="choose 2 or more"):
        delete_and_insert(network, image, A, torch.from_numpy(red), steps=1)
    stopped = list(delete_and_insert(network, image, A, torch.from_numpy(red), stop=lambda: True))
    assert len(stopped) == 1
    assert not stopped[0].is_complete
