"""How alike two images look: PSNR, SSIM, and the agreement of their layout and detail.

Pixels lie in 0…1. SSIM is that of Wang, Bovik, Sheikh & Simoncelli, "Image Quality Assessment: From
Error Visibility to Structural Similarity", 2004: Gaussian windows of 11 × 11 pixels with a standard
deviation of 1.5, K₁ = 0.01, K₂ = 0.03; only windows that lie wholly in the image, for each colour
channel separately, and the mean of all.

An SSIM alone says little: smooth images that have nothing in common can reach 0.6. `baselines` says
what it is for a given original and images that show nothing of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from convviz.images.decode import decode
from convviz.images.fourier import GREY
from convviz.images.preprocess import crop, to_pixels
from convviz.images.samples import samples

PATCH = 8
"""Side of the patches whose mean colours are an image's layout, in pixels."""

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_SAME_PHOTOGRAPH = 30.0  # dB; above it, two images are one photograph, perhaps encoded twice


@dataclass(frozen=True)
class SsimBaselines:
    """The SSIM of one original and images that show nothing of it.

    Attributes:
        grey: Of a flat mid-grey image.
        unrelated: Of each sample photograph that is not the original itself, in ascending order.
    """

    grey: float
    unrelated: tuple[float, ...]


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
    offsets = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    line = torch.exp(-offsets.square() / (2 * _SIGMA**2))
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


def baselines(original: Tensor, *, resize: int, side: int | None = None) -> SsimBaselines:
    """Measure what SSIM is for images that show nothing of an original.

    Args:
        original: Pixels in 0…1, shape (3, S, S).
        resize: Length in pixels that the shorter side of the sample photographs is scaled to
            before their centre of S × S pixels is taken; at least S.
        side: The size to compare at; None for S.
    """
    photographs = map(to_pixels, _photographs(original.shape[-1], resize))
    others = [pixels for pixels in photographs if psnr(pixels, original) < _SAME_PHOTOGRAPH]
    side = side or original.shape[-1]
    reference = scaled(original, side)
    unrelated = sorted(ssim(scaled(pixels, side), reference) for pixels in others)
    return SsimBaselines(ssim(torch.full_like(reference, GREY), reference), tuple(unrelated))


def scaled(pixels: Tensor, side: int) -> Tensor:
    """Scale an image, shape (3, S, S), down to fewer pixels: (3, side, side)."""
    if pixels.shape[-1] == side:
        return pixels
    size = (side, side)
    return functional.interpolate(pixels[None], size, mode="bilinear", antialias=True)[0]


@lru_cache(maxsize=4)
def _photographs(side: int, resize: int) -> tuple[Image.Image, ...]:
    images = (decode(sample.read()) for sample in samples())
    return tuple(crop(image, size=side, resize=resize) for image in images)


def agreement(image: Tensor, reference: Tensor) -> tuple[float | None, float | None]:
    """Compare two images in their layout and in their detail.

    The layout is each patch's mean colour; the detail is what the pixels add to it.

    Args:
        image: Pixels in 0…1, shape (3, H, W).
        reference: Pixels of the same shape.

    Returns:
        The correlation of the layouts and that of the details, -1 to 1 each: 1 if they are the same
        up to contrast, about 0 if unrelated. None where one of the two images has none: a flat
        image has neither layout nor detail.
    """
    layout, detail = _layout_and_detail(image.double())
    reference_layout, reference_detail = _layout_and_detail(reference.double())
    return _correlation(layout, reference_layout), _correlation(detail, reference_detail)


def _layout_and_detail(image: Tensor) -> tuple[Tensor, Tensor]:
    height, width = image.shape[-2:]
    patches = (max(1, height // PATCH), max(1, width // PATCH))
    layout = functional.adaptive_avg_pool2d(image, patches)
    return layout, image - functional.interpolate(layout[None], (height, width))[0]


def _correlation(first: Tensor, second: Tensor) -> float | None:
    """Pearson's correlation, each colour channel about its own mean."""
    first = first - first.mean((-2, -1), keepdim=True)
    second = second - second.mean((-2, -1), keepdim=True)
    scale = float(first.norm() * second.norm())
    # Rounding leaves about 1e-14 of a flat image.
    return None if scale < 1e-9 else float((first * second).sum()) / scale
