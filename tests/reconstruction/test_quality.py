"""PSNR and SSIM against values worked out by hand, and the agreement of layout and detail."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from convviz.reconstruction.quality import agreement, psnr, ssim


def test_psnr_of_a_constant_difference() -> None:
    reference = torch.full((3, 5, 7), 0.4)
    assert psnr(reference + 0.1, reference) == pytest.approx(20.0, abs=1e-4)  # 10 log10(1 / 0.01)
    assert psnr(reference + 0.01, reference) == pytest.approx(40.0, abs=1e-3)


def test_psnr_of_one_wrong_pixel() -> None:
    reference = torch.zeros(3, 10, 10)
    image = reference.clone()
    image[0, 3, 4] = 1.0
    assert psnr(image, reference) == pytest.approx(10 * math.log10(300))


def test_equal_images_are_equal() -> None:
    image = torch.rand(3, 20, 16, generator=torch.Generator().manual_seed(0))
    assert psnr(image, image) == math.inf
    assert ssim(image, image) == pytest.approx(1.0)


def test_ssim_of_flat_images_compares_their_means_only() -> None:
    a, b, c1 = 0.25, 0.75, 0.01**2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(torch.full((3, 16, 16), a), torch.full((3, 16, 16), b)) == pytest.approx(expected)


def test_ssim_of_one_window() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1, 11, 11, generator=generator, dtype=torch.float64)
    y = torch.rand(1, 11, 11, generator=generator, dtype=torch.float64)
    offsets = torch.arange(11) - 5.0
    weights = torch.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2)).double()
    weights /= weights.sum()
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    variance_x = (weights * (x - mean_x) ** 2).sum()
    variance_y = (weights * (y - mean_y) ** 2).sum()
    covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = 0.01**2, 0.03**2
    expected = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    assert ssim(x, y) == pytest.approx(float(expected))


def test_ssim_of_an_inverted_image_is_negative_and_of_a_small_one_is_defined() -> None:
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert ssim(1 - x, x) < 0
    assert ssim(x[:, :4, :6], x[:, :4, :6]) == pytest.approx(1.0)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_an_image_agrees_with_itself_and_with_more_contrast(image: Tensor) -> None:
    for changed in (image, image * 0.5 + 0.2):
        assert agreement(image, changed) == (pytest.approx(1), pytest.approx(1))


def test_the_negative_disagrees(image: Tensor) -> None:
    assert agreement(image, 1 - image) == (pytest.approx(-1), pytest.approx(-1))


def test_layout_is_what_patch_means_keep_and_detail_is_the_rest(image: Tensor) -> None:
    patches = image.reshape(3, 8, 8, 8, 8).mean((2, 4)) + torch.linspace(0, 1, 8)
    blocks = patches.repeat_interleave(8, 1).repeat_interleave(8, 2)
    ripple = torch.tensor([0.1, -0.1]).repeat(32)  # sums to 0 in every patch
    layout, detail = agreement(blocks + ripple, blocks + ripple[:, None])
    assert layout == pytest.approx(1)
    assert detail == pytest.approx(0, abs=1e-6)


def test_a_flat_image_has_neither(image: Tensor) -> None:
    flat = torch.full((3, 64, 64), 0.3)
    assert agreement(flat, image) == (None, None)
    assert agreement(image, flat) == (None, None)
