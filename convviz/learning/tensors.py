"""From a data set's pictures to tensors, one small uint8 image each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from convviz.images.preprocess import crop, normalise
from convviz.learning.datasets import Dataset

_BYTES = 600_000_000


def read(
    dataset: Dataset, places: Sequence[int], size: int
) -> Iterator[tuple[float, tuple[Tensor, Tensor] | None]]:
    """Decode pictures, the middle square of each, scaled to the same size.

    Yields:
        The share that is done and None, again and again; at the end 1 and the pictures,
        (N, 3, size, size) uint8, with the numbers of their classes, (N,).
    """
    pixels = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
    for row, place in enumerate(places):
        picture = crop(dataset.pictures.picture(place), size=size, resize=size)
        pixels[row] = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        if row % 16 == 15:
            yield row / len(places), None
    labels = torch.tensor([dataset.labels[place] for place in places])
    yield 1.0, (pixels, labels)


def to_input(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn uint8 pictures, (N, 3, H, W), into a network's normalised input, float32."""
    return normalise(pixels.to(torch.float32).div_(255), mean=mean, std=std)


def fits(images: int, size: int) -> bool:
    """Whether so many pictures of this size may be held in memory."""
    return images * 3 * size * size <= _BYTES
