"""From a picture to the numbers a network takes, and back.

The steps are those of torchvision's ImageClassification preset: resize the shorter side to
``resize`` pixels (bilinear, antialiased), crop the centre ``size`` × ``size``, scale to 0…1,
subtract the mean and divide by the standard deviation, channel by channel. Only the part inside the
crop is ever resized, so a very long picture costs no more memory than a square one.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError


def crop(image: Image.Image, *, size: int, resize: int) -> Image.Image:
    """Cut out of a picture exactly what goes into the network.

    Args:
        image: The picture, of any size.
        size: Side of the result, in pixels.
        resize: Length in pixels that the picture's shorter side is scaled to; at least ``size``.

    Returns:
        An RGB picture of ``size`` × ``size`` pixels.

    Raises:
        SettingError: The crop is larger than the resized picture.
    """
    if not 1 <= size <= resize:
        raise SettingError(
            f"The crop of {size} pixels does not fit into a picture whose shorter side is resized "
            f"to {resize}; make the crop smaller or the resizing larger."
        )
    width, height = image.size
    resized_width, resized_height = _resized(width, height, resize)
    left = round((resized_width - size) / 2.0)
    top = round((resized_height - size) / 2.0)
    across, down = width / resized_width, height / resized_height
    box = (
        left * across,
        top * down,
        min((left + size) * across, width),  # rounding must not step over the edge
        min((top + size) * down, height),
    )
    plain = image if image.mode == "RGB" else image.convert("RGB")  # which would copy it
    return plain.resize((size, size), Image.Resampling.BILINEAR, box=box)


def to_tensor(
    image: Image.Image, *, size: int, resize: int, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """Turn a picture into the network's input, shape (1, 3, size, size), float32, normalised."""
    cropped = np.array(crop(image, size=size, resize=resize))
    pixels = torch.from_numpy(cropped).permute(2, 0, 1).unsqueeze(0).contiguous()
    return normalise(pixels.to(torch.float32).div_(255), mean=mean, std=std)


def to_picture(tensor: Tensor, *, mean: Sequence[float], std: Sequence[float]) -> Image.Image:
    """Turn a normalised input, shape (1, 3, H, W) or (3, H, W), back into a picture.

    Values outside the valid range are clamped; not-a-number becomes black.
    """
    pixels = denormalise(tensor.detach().to("cpu", torch.float32), mean=mean, std=std)
    pixels = pixels.reshape(pixels.shape[-3:]).nan_to_num(0.0).clamp(0, 1)
    rounded = pixels.mul(255).round().to(torch.uint8)
    return Image.fromarray(rounded.permute(1, 2, 0).contiguous().numpy())


def normalise(pixels: Tensor, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Map pixels in 0…1, shape (…, 3, H, W), to what the network expects."""
    return (pixels - _per_channel(mean, pixels)) / _per_channel(std, pixels)


def denormalise(tensor: Tensor, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Map normalised values, shape (…, 3, H, W), back to pixels; valid ones lie in 0…1."""
    return tensor * _per_channel(std, tensor) + _per_channel(mean, tensor)


def _resized(width: int, height: int, shorter: int) -> tuple[int, int]:
    """Size after the shorter side was scaled to ``shorter``; rounds as torchvision does."""
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)
