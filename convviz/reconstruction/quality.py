"""How alike two images look: PSNR and SSIM.

Pixels lie in 0…1. SSIM is that of Wang, Bovik, Sheikh & Simoncelli, "Image Quality Assessment: From
Error Visibility to Structural Similarity", 2004: Gaussian windows of 11 × 11 pixels with a standard
deviation of 1.5, K₁ = 0.01, K₂ = 0.03; windows that lie wholly in the image, each colour channel
on its own, then the mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_WINDOW, _SIGMA = 11, 1.5


_C1, _C2 = 0.01**2, 0.03**2


def psnr(image: Tensor, reference: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite if the two are equal.

    Args:
        image: Pixels in 0…1, shape (3, H, W).
        reference: Pixels of the same shape.
    """
    error = float((image.double() - reference.double()).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(image: Tensor, reference: Tensor) -> float:
    """Return the mean structural similarity, 1 if the two are equal.

    Args:
        image: Pixels in 0…1, shape (3, H, W). In an image smaller than a window, the window is
            as large as the image's shorter side.
        reference: Pixels of the same shape.
    """
    x, y = image.double().unsqueeze(1), reference.double().unsqueeze(1)
    side = min(_WINDOW, *x.shape[-2:])
    places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    line = torch.exp(-places.square() / (2 * _SIGMA**2))
    line = line / line.sum()

    def blur(values: Tensor) -> Tensor:
        across = functional.conv2d(values, line.view(1, 1, 1, -1))
        return functional.conv2d(across, line.view(1, 1, -1, 1))

    mean_x, mean_y = blur(x), blur(y)
    variance_x = blur(x * x) - mean_x.square()
    variance_y = blur(y * y) - mean_y.square()
    covariance = blur(x * y) - mean_x * mean_y
    structure = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    strength = (mean_x.square() + mean_y.square() + _C1) * (variance_x + variance_y + _C2)
    return float((structure / strength).mean())


PATCH = 8


def agreement(image: Tensor, other: Tensor) -> tuple[float | None, float | None]:
    """Compare two images in their layout and in their detail.

    The layout is each patch's mean colour; the detail is what the pixels add to it.

    Args:
        image: The one, shape (3, H, W).
        other: The other one, of the same shape.

    Returns:
        The correlation of the layouts and that of the details, -1 to 1 each: 1 for the same up to
        contrast, about 0 for unrelated. None where one of the two images has none, as a flat one.
    """
    coarse = [_layout(each.to(torch.float64)) for each in (image, other)]
    fine = [
        each.to(torch.float64) - functional.interpolate(layout[None], each.shape[-2:])[0]
        for each, layout in zip((image, other), coarse, strict=True)
    ]
    return _correlation(*coarse), _correlation(*fine)


def _layout(image: Tensor) -> Tensor:
    side = (max(1, image.shape[-2] // PATCH), max(1, image.shape[-1] // PATCH))
    return functional.adaptive_avg_pool2d(image, side)


def _correlation(first: Tensor, second: Tensor) -> float | None:
    """Pearson's correlation, each colour channel about its own mean."""
    first = first - first.mean((-2, -1), keepdim=True)
    second = second - second.mean((-2, -1), keepdim=True)
    scale = float(first.norm() * second.norm())
    # Rounding leaves about 1e-14 of a flat image.
    return None if scale < 1e-9 else float((first * second).sum()) / scale
