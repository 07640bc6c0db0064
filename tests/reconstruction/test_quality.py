"""PSNR and SSIM against scikit-image and by hand; layout and detail against numpy; baselines."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from convviz.images.decode import decode
from convviz.images.preprocess import crop, to_pixels
from convviz.images.samples import sample, samples
from convviz.reconstruction.quality import agreement, baselines, psnr, ssim
from tests.reconstruction import by_skimage

NAMES = [each.name for each in samples()]


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


def photograph(name: str, side: int) -> Image.Image:
    return crop(decode(sample(name).read()), size=side, resize=side)


@pytest.mark.parametrize("side", [11, 24, 128, 224])
def test_scikit_image_measures_the_same(side: int) -> None:
    grey, black = Image.new("RGB", (side, side), "#808080"), Image.new("RGB", (side, side))
    images = [*(photograph(name, side) for name in NAMES), grey, black]
    for first, second in itertools.combinations(images, 2):
        x, y = to_pixels(first), to_pixels(second)
        assert ssim(x, y) == pytest.approx(by_skimage.ssim(first, second), abs=1e-5)
        a, b = (np.asarray(each, dtype=np.float64) / 255 for each in (first, second))
        assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1.0), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_layout_and_detail_are_numpys_correlations(name: str) -> None:
    first, second = photograph(name, 64), photograph("cat", 64).rotate(180)
    layouts, details = [], []
    for image in (first, second):
        pixels = np.asarray(image, dtype=np.float64) / 255
        layout = pixels.reshape(8, 8, 8, 8, 3).mean((1, 3))
        layouts.append((layout - layout.mean((0, 1))).ravel())
        details.append((pixels - layout.repeat(8, 0).repeat(8, 1)).ravel())

    def cosine(pair: list[np.ndarray]) -> float:
        return float(pair[0] @ pair[1] / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1]))

    expected = (cosine(layouts), cosine(details))
    assert agreement(to_pixels(first), to_pixels(second)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", [32, 128])
@pytest.mark.parametrize("name", [*NAMES, None])
def test_baselines_are_those_of_grey_and_of_the_other_photographs(
    name: str | None, side: int
) -> None:
    tartan = Image.linear_gradient("L").resize((side, side)).convert("RGB")
    original = photograph(name, side) if name else tartan
    baseline = baselines(to_pixels(original), resize=side)
    expected = sorted(
        by_skimage.ssim(photograph(other, side), original) for other in NAMES if other != name
    )
    assert baseline.unrelated == pytest.approx(expected, abs=0.01)
    grey = by_skimage.ssim(Image.new("RGB", (side, side), (128, 128, 128)), original)
    assert baseline.grey == pytest.approx(grey, abs=0.01)


def test_a_centre_is_compared_with_centres() -> None:
    cat = decode(sample("cat").read())
    scaled = ImageOps.fit(cat, (73, 73), Image.Resampling.BILINEAR)
    centre = scaled.crop((4, 4, 68, 68))
    baseline = baselines(to_pixels(centre), resize=73)
    assert len(baseline.unrelated) == len(NAMES) - 1  # the cat is recognised
    assert baselines(to_pixels(centre), resize=73, side=32).unrelated != baseline.unrelated
    assert len(baselines(to_pixels(centre), resize=73, side=32).unrelated) == len(NAMES) - 1
