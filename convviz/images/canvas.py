"""The coordinates in which the image is optimised.

Photographs have most of their contrast in coarse structure and in brightness: amplitudes fall about
as 1/frequency, and colours vary less than brightness does. An optimiser that moves pixels knows
nothing of this and spends its steps on coloured high-frequency noise. So the image is written as a
Fourier series whose terms are scaled by 1/frequency, in colour axes that are uncorrelated in
photographs (Olah, Mordvintsev & Schubert, "Feature Visualization", 2017). Every image can still be
reached; only the way there is shorter.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Square root of the covariance of ImageNet's colours, in its principal axes, by column: brightness,
# blue against yellow, green against magenta (from the Lucid library of Olah et al.).
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


GREY = 0.5


"""The pixel value that all coordinates zero stand for."""


class Canvas:
    """Maps coordinates, shape (3, S, S // 2 + 1, 2), to pixels, shape (1, 3, S, S), and back.

    The map is linear apart from the constant GREY. With all scales at 1 it keeps lengths, so that
    the gradient with respect to the coordinates is the map's transpose.
    """

    def __init__(self, side: int, smoothness: float, device: torch.device) -> None:
        self.side = side
        rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
        frequency = (rows[:, None].square() + columns.square()).sqrt().clamp(min=1 / side)
        scale = frequency.pow(-smoothness)
        scale = scale / scale.square().mean().sqrt()
        # A column of the half spectrum stands for itself and for its mirror image, but for the
        # first and, if the side is even, the last one.
        mirrored = torch.ones(columns.shape[0])
        mirrored[1 : (side + 1) // 2] = math.sqrt(0.5)
        colours = torch.tensor(_COLOURS)
        colours = colours / colours[:, 0].norm()
        self._forward = (scale * mirrored).to(device)
        self._transpose = (scale / mirrored).to(device)
        self._colours = colours.to(device)
        self._inverse_colours = torch.linalg.inv(colours).to(device)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the coordinates."""
        return (3, self.side, self.side // 2 + 1, 2)

    def pixels(self, coordinates: Tensor) -> Tensor:
        """Draw the image, shape (1, 3, S, S); pixels may lie outside 0…1."""
        spectrum = torch.view_as_complex(coordinates) * self._forward
        planes = torch.fft.irfft2(spectrum, s=(self.side, self.side), norm="ortho")
        return self._mix(self._colours, planes).unsqueeze(0).add_(GREY)

    def gradient(self, pixels: Tensor) -> Tensor:
        """Turn a gradient with respect to the pixels into one with respect to the coordinates."""
        planes = self._mix(self._colours.T, pixels[0])
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") * self._transpose)

    def coordinates(self, pixels: Tensor) -> Tensor:
        """Find the coordinates of an image, shape (1, 3, S, S)."""
        planes = self._mix(self._inverse_colours, pixels[0] - GREY)
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self._forward)

    def _mix(self, matrix: Tensor, planes: Tensor) -> Tensor:
        return (matrix @ planes.reshape(3, -1)).reshape(3, self.side, self.side)
