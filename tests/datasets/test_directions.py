"""The generated stripes: a class is the direction they run in."""

import math
from hashlib import sha256

import numpy as np
import pytest

from convviz.datasets.directions import CLASSES, directions


def angle_of(pixels: np.ndarray) -> float:
    """Read the stripes' angle off the spectrum's strongest wave, counterclockwise in degrees."""
    grey = pixels.astype(float).mean(2)
    spectrum = np.abs(np.fft.fft2(grey - grey.mean()))
    spectrum[:, 0][:4] = spectrum[0][:4] = 0
    spectrum[:3, :3] = spectrum[-3:, :3] = spectrum[:3, -3:] = spectrum[-3:, -3:] = 0
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    frequencies = np.fft.fftfreq(len(grey))
    # A wave rises along (x, y), y downwards; its stripes run across that.
    return math.degrees(math.atan2(frequencies[column], frequencies[row])) % 180


@pytest.mark.parametrize("label", range(6))
def test_stripes_run_in_the_direction_of_their_class(label: int) -> None:
    images = directions(10).images
    for index in range(label, 60, 6):
        off = (angle_of(np.asarray(images.image(index))) - 30 * label + 90) % 180 - 90
        assert abs(off) < 9 + 4  # the spectrum's grid is coarse


def test_the_same_seed_draws_the_same_pictures() -> None:
    first, again, another_seed = directions(3), directions(3), directions(3, seed=1)
    digests = [
        [sha256(each.images.image(k).tobytes()).hexdigest() for k in range(18)]
        for each in (first, again, another_seed)
    ]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])
    assert CLASSES == ("0°", "30°", "60°", "90°", "120°", "150°")
    assert first.classes == CLASSES
    assert first.counts == (3,) * 6
