"""The coordinates of an image."""

import pytest
import torch

from convviz.images.canvas import Canvas

CPU = torch.device("cpu")


@pytest.mark.parametrize("side", [1, 2, 7, 12])
@pytest.mark.parametrize("smoothness", [0.0, 1.0, 1.5])
def test_every_image_has_coordinates(side, smoothness):
    canvas = Canvas(side, smoothness, CPU)
    pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side))
    coordinates = canvas.coordinates(pixels)
    assert coordinates.shape == canvas.shape
    torch.testing.assert_close(canvas.pixels(coordinates), pixels, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [7, 12])
def test_the_gradient_is_the_transpose(side):
    canvas = Canvas(side, 1.0, CPU)
    generator = torch.Generator().manual_seed(0)
    coordinates = torch.randn(canvas.shape, generator=generator).requires_grad_()
    slope = torch.randn(1, 3, side, side, generator=generator)
    # pixels() adds in place, which automatic differentiation allows.
    (expected,) = torch.autograd.grad((canvas.pixels(coordinates) * slope).sum(), coordinates)
    torch.testing.assert_close(canvas.gradient(slope), expected, atol=1e-5, rtol=1e-4)


def test_zero_is_grey():
    canvas = Canvas(6, 1.0, CPU)
    assert torch.equal(canvas.pixels(torch.zeros(canvas.shape)), torch.full((1, 3, 6, 6), 0.5))


def test_coarse_structure_moves_more_easily_than_fine():
    canvas = Canvas(32, 1.0, CPU)
    coarse, fine = torch.zeros(canvas.shape), torch.zeros(canvas.shape)
    coarse[0, 0, 1, 0] = fine[0, 0, 8, 0] = 1.0
    contrast = [(canvas.pixels(each) - 0.5).norm() for each in (coarse, fine)]
    assert contrast[0] / contrast[1] == pytest.approx(8.0, rel=1e-4)
