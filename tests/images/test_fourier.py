"""Coefficients and pixels of one image, both ways."""

import pytest
import torch

from convviz.images.fourier import FourierImage, colour_axes


@pytest.mark.parametrize("side", [1, 2, 7, 12])
@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("unitary", [True, False])
def test_every_image_has_coefficients(side: int, decay: float, unitary: bool) -> None:
    image = FourierImage(side, decay=decay, unitary=unitary)
    pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side))
    coefficients = image.coefficients(pixels)
    assert coefficients.shape == image.shape
    torch.testing.assert_close(image.pixels(coefficients), pixels, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [7, 12])
@pytest.mark.parametrize("unitary", [True, False])
def test_the_transpose_is_the_gradient(side: int, unitary: bool) -> None:
    image = FourierImage(side, unitary=unitary)
    generator = torch.Generator().manual_seed(0)
    coefficients = torch.randn(image.shape, generator=generator).requires_grad_()
    slope = torch.randn(1, 3, side, side, generator=generator)
    # pixels() adds in place, which automatic differentiation allows.
    (expected,) = torch.autograd.grad((image.pixels(coefficients) * slope).sum(), coefficients)
    torch.testing.assert_close(image.transpose(slope), expected, atol=1e-5, rtol=1e-4)


def test_without_decay_brightness_keeps_its_length() -> None:
    image = FourierImage(12, decay=0.0)
    grey = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0)).sub(0.5)
    # Brightness alone: along the first colour axis, whose length is 1.
    planes = grey * colour_axes()[:, :1, None]
    coefficients = image.coefficients(planes + 0.5)
    assert coefficients.norm() == pytest.approx(float(grey.norm()), rel=1e-5)


def test_zero_is_grey() -> None:
    image = FourierImage(6)
    assert torch.equal(image.pixels(torch.zeros(image.shape)), torch.full((1, 3, 6, 6), 0.5))


def test_coarse_structure_moves_more_easily_than_fine() -> None:
    image = FourierImage(32)
    coarse, fine = torch.zeros(image.shape), torch.zeros(image.shape)
    coarse[0, 0, 1, 0] = fine[0, 0, 8, 0] = 1.0
    contrast = [(image.pixels(each) - 0.5).norm() for each in (coarse, fine)]
    assert contrast[0] / contrast[1] == pytest.approx(8.0, rel=1e-4)


def test_the_coefficients_of_one_wave_make_one_wave() -> None:
    image = FourierImage(8, unitary=False)
    coefficients = torch.zeros(3, 8, 5, 2)
    coefficients[0, 0, 1, 0] = 1.0
    contrast = image.contrast(coefficients)[0]
    assert tuple(contrast.shape) == (3, 8, 8)
    torch.testing.assert_close(contrast, contrast[:, :1].expand_as(contrast))
    row = contrast[0, 0]
    wave = torch.cos(2 * torch.pi * torch.arange(8) / 8)
    torch.testing.assert_close(row / row[0], wave, atol=1e-5, rtol=1e-5)


def test_low_frequencies_weigh_more() -> None:
    weights = FourierImage(16, unitary=False).weights
    assert weights[0, 0] == weights[0, 1] == 16
    assert weights[0, 8] == 2
    assert colour_axes().norm(dim=0).max() == pytest.approx(1)


@pytest.mark.parametrize("side", [1, 7, 12])
def test_unweighted_planes_keep_lengths_and_lose_nothing(side: int) -> None:
    image = FourierImage(side)
    generator = torch.Generator().manual_seed(side)
    coefficients = image.coefficients(torch.rand(1, 3, side, side, generator=generator))
    planes = image.unweighted(coefficients)
    assert planes.shape == (3, side, side)
    assert float(planes.norm()) == pytest.approx(float(coefficients.norm()), rel=1e-4)
    torch.testing.assert_close(image.of_unweighted(planes), coefficients, atol=1e-4, rtol=1e-4)
