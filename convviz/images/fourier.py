"""An image as Fourier coefficients, in colour axes that are uncorrelated in photographs.

Photographs have most of their contrast in coarse structure and in brightness: amplitudes fall about
as 1/frequency, and colours vary less than brightness. An optimizer that changes pixels ignores
this and spends its steps on coloured high-frequency noise. So each coefficient is weighted by
1/frequency and the colours follow the principal axes of those of photographs (Olah, Mordvintsev &
Schubert, "Feature Visualization", Distill 2017). Every image can still be reached, in fewer steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GREY = 0.5
"""The pixel value when all coefficients are zero."""

# Square root of the covariance of ImageNet's colours, in its principal axes, by column: brightness,
# blue against yellow, green against magenta (from lucid, the library of Olah et al.).
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))

_CPU = torch.device("cpu")


class FourierImage:
    """Maps coefficients, shape (3, S, S // 2 + 1, 2), to pixels, shape (1, 3, S, S), and back.

    The last axis of the coefficients holds their real and imaginary parts. The map is linear apart
    from the constant GREY.

    Args:
        side: S, the image's side in pixels.
        decay: p in the weight 1 / frequency^p of each coefficient; 1 is the spectrum of
            photographs.
        unitary: Whether the weights are scaled to a mean square of 1, and each coefficient that
            stands for two frequencies by a further √½, so that with a decay of 0 the map from
            coefficients to grey values keeps lengths. Otherwise the weights are 1 / frequency^p
            without scaling, as in lucid.
        device: The device that it computes on.

    Attributes:
        side: The image's side in pixels.
        shape: Shape of the coefficients.
        weights: Weight of each coefficient, shape (S, S // 2 + 1). The mean has the weight of a
            wave as long as the image.
    """

    def __init__(
        self,
        side: int,
        *,
        decay: float = 1.0,
        unitary: bool = True,
        device: torch.device = _CPU,
    ) -> None:
        self.side = side
        rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
        self.shape = (3, side, columns.shape[0], 2)
        frequency = (rows[:, None].square() + columns.square()).sqrt().clamp(min=1 / side)
        weights = frequency.pow(-decay)
        # A column of the half spectrum stands for its frequency and for the negative one, except
        # for the first and, if the side is even, the last.
        twice = torch.ones_like(columns, dtype=torch.bool)
        twice[0] = False
        twice[(side + 1) // 2 :] = False
        shares = torch.ones_like(columns).masked_fill_(twice, math.sqrt(0.5))
        if unitary:
            weights = weights / weights.square().mean().sqrt()
            transposed, weights = weights / shares, weights * shares
        else:
            transposed = weights * torch.ones_like(columns).masked_fill_(twice, 2.0)
        colours = colour_axes()
        self.weights = weights.to(device)
        self._transposed_weights = transposed.to(device)
        self._shares = shares.to(device)
        self._colours = colours.to(device)
        self._inverse_colours = torch.linalg.inv(colours).to(device)

    def contrast(self, coefficients: Tensor) -> Tensor:
        """Return how far the pixels are from GREY, shape (1, 3, S, S)."""
        spectrum = torch.view_as_complex(coefficients) * self.weights
        planes = torch.fft.irfft2(spectrum, s=(self.side, self.side), norm="ortho")
        return self._mix(self._colours, planes).unsqueeze(0)

    def pixels(self, coefficients: Tensor) -> Tensor:
        """Return the image, shape (1, 3, S, S); pixels may be outside 0…1."""
        return self.contrast(coefficients).add_(GREY)

    def coefficients(self, pixels: Tensor) -> Tensor:
        """Return the coefficients of an image, shape (1, 3, S, S)."""
        planes = self._mix(self._inverse_colours, pixels[0] - GREY)
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self.weights)

    def transpose(self, gradient: Tensor) -> Tensor:
        """Turn a gradient with respect to the pixels into one with respect to the coefficients."""
        planes = self._mix(self._colours.T, gradient[0])
        spectrum = torch.fft.rfft2(planes, norm="ortho") * self._transposed_weights
        return torch.view_as_real(spectrum)

    def unweighted(self, coefficients: Tensor) -> Tensor:
        """Return coefficients as planes in space, shape (3, S, S), of the same length.

        All frequencies have the same weight in them, but each value still belongs to its place.
        """
        spectrum = torch.view_as_complex(coefficients) * self._shares
        planes: Tensor = torch.fft.irfft2(spectrum, s=(self.side, self.side), norm="ortho")
        return planes

    def of_unweighted(self, planes: Tensor) -> Tensor:
        """Return the coefficients that such planes stand for."""
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self._shares)

    def _mix(self, matrix: Tensor, planes: Tensor) -> Tensor:
        return (matrix @ planes.reshape(3, -1)).reshape(3, self.side, self.side)


def colour_axes() -> Tensor:
    """Return the matrix from uncorrelated colours to red, green and blue, shape (3, 3).

    Its columns are as long as photographs vary along them; the longest, brightness, has length 1.
    """
    colours = torch.tensor(_COLOURS)
    brightness: Tensor = colours[:, 0].norm()
    return colours / brightness
