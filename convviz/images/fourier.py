"""An image to optimise, held as Fourier coefficients of decorrelated colours.

Steps of gradient ascent on pixels end in high frequencies that no photograph has. The same steps on
Fourier coefficients, each scaled by one over its frequency, and on colours along the axes in which
those of photographs vary independently, spread over all frequencies alike (Olah, Mordvintsev and
Schubert, "Feature Visualization", Distill 2017; the colour axes are those of its code, lucid).
"""

from __future__ import annotations

import torch
from torch import Tensor

# Columns: brightness, and two axes of colour, each as long as photographs vary along it.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))


def colour_axes() -> Tensor:
    """Give the matrix from decorrelated to red, green and blue, shape (3, 3); its longest is 1."""
    matrix = torch.tensor(_COLOURS)
    longest: Tensor = matrix.norm(dim=0).max()
    return matrix / longest


def start(size: int, generator: torch.Generator, *, spread: float = 0.01) -> Tensor:
    """Make the coefficients of a nearly grey image.

    Args:
        size: Side of the image, in pixels.
        generator: Where the noise comes from.
        spread: Its standard deviation.

    Returns:
        Real and imaginary parts, shape (3, size, size // 2 + 1, 2).
    """
    return spread * torch.randn(3, size, size // 2 + 1, 2, generator=generator)


def to_pixels(coefficients: Tensor, size: int) -> Tensor:
    """Turn coefficients into an image, shape (1, 3, size, size), values strictly in 0…1."""
    scale = frequency_scale(size).to(coefficients.device)
    spectrum = torch.view_as_complex(coefficients.contiguous()) * scale
    planes = torch.fft.irfft2(spectrum, s=(size, size), norm="ortho")
    axes = colour_axes().to(coefficients.device)
    colours = torch.einsum("rc,chw->rhw", axes, planes)
    return torch.sigmoid(colours)[None]


def frequency_scale(size: int) -> Tensor:
    """Give the weight of each coefficient: one over its frequency, shape (size, size // 2 + 1).

    The largest weight is that of a wave as long as the image, which also serves for the mean.
    """
    down = torch.fft.fftfreq(size)[:, None]
    across = torch.fft.rfftfreq(size)[None]
    frequency: Tensor = (down.square() + across.square()).sqrt()
    return frequency.clamp(min=1.0 / size).reciprocal()
