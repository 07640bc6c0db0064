"""From an image to a network's input, and back.

The steps are those of torchvision's ImageClassification preset: resize the shorter side to
``resize`` pixels (bilinear or bicubic, antialiased), crop the centre ``size`` × ``size``, scale to
0…1, subtract the mean and divide by the standard deviation, channel by channel. Only the part
inside the crop is ever resized, so a very long image takes no more memory than a square one.
"""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor, to_pil_image

from convviz.errors import SettingError
from convviz.language import tr

LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in the brightness of an image, ITU-R BT.601."""

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def crop(
    image: Image.Image, *, size: int, resize: int, interpolation: str = "bilinear"
) -> Image.Image:
    """Crop the square of an image that the network sees.

    Args:
        image: The image, of any size.
        size: Side of the result, in pixels.
        resize: Length in pixels that the image's shorter side is scaled to; at least ``size``.
        interpolation: "bilinear" or "bicubic".

    Returns:
        An RGB image of ``size`` × ``size`` pixels.

    Raises:
        SettingError: The crop is larger than the resized image.
    """
    if not 1 <= size <= resize:
        raise SettingError(
            tr(
                "The crop of {size} pixels does not fit into a picture whose shorter side is "
                "resized to {resize}; make the crop smaller or the resizing larger.",
                size=size,
                resize=resize,
            )
        )
    width, height = image.size
    resized_width, resized_height = _resized(width, height, resize)
    left = round((resized_width - size) / 2.0)
    top = round((resized_height - size) / 2.0)
    scale_x, scale_y = width / resized_width, height / resized_height
    box = (
        left * scale_x,
        top * scale_y,
        min((left + size) * scale_x, width),  # rounding must not exceed the edge
        min((top + size) * scale_y, height),
    )
    plain = image if image.mode == "RGB" else image.convert("RGB")  # convert would copy it
    return plain.resize((size, size), _FILTERS[interpolation], box=box)


def to_pixels(image: Image.Image) -> Tensor:
    """Turn an image into its pixels in 0…1, shape (3, H, W), float32."""
    values: Tensor = pil_to_tensor(image if image.mode == "RGB" else image.convert("RGB"))
    return values.contiguous().to(torch.float32).div_(255)


def to_grey(pixels: Tensor) -> Tensor:
    """Average colours by their brightness, (…, 3, H, W) to (…, 1, H, W), as in ITU-R BT.601."""
    weights = torch.tensor(LUMA, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    return (pixels * weights).sum(-3, keepdim=True)


def without_colour(pixels: Tensor) -> Tensor:
    """Give each pixel its brightness in all three colours, shape (…, 3, H, W)."""
    return to_grey(pixels).expand_as(pixels)


def in_grey(image: Image.Image) -> Image.Image:
    """Return an image without its colours, mode RGB: as a network for grey images sees it."""
    return image.convert("L").convert("RGB")


def to_image(pixels: Tensor) -> Image.Image:
    """Turn pixels in 0…1, shape (3, H, W) or (1, 3, H, W), into an image; of one channel grey.

    Values outside the valid range are clamped; NaN becomes black.
    """
    valid = pixels.detach().to("cpu", torch.float32).reshape(pixels.shape[-3:])
    valid = valid.nan_to_num(0.0).clamp(0, 1)
    image: Image.Image = to_pil_image(valid.mul(255).round().to(torch.uint8))
    return image


def as_saved(pixels: Tensor) -> Tensor:
    """Return the pixels that a saved image will have, shape (3, H, W), float32.

    A file holds 8 bits for each colour of a pixel: what is measured of an image that somebody
    saves is measured after this rounding.

    Args:
        pixels: Shape (3, H, W) or (1, 3, H, W); clamped to 0…1, NaN becomes black.
    """
    return to_pixels(to_image(pixels))


def to_tensor(
    image: Image.Image,
    *,
    size: int,
    resize: int,
    mean: Sequence[float],
    std: Sequence[float],
    interpolation: str = "bilinear",
) -> Tensor:
    """Turn an image into the network's input, shape (1, 3, size, size), float32, normalised.

    With a mean of one number the image becomes grey, shape (1, 1, size, size).

    Args:
        image: The image, of any size.
        size: Side of the crop, in pixels.
        resize: Length in pixels that the image's shorter side is scaled to; at least ``size``.
        mean: Subtracted from red, green and blue, or from grey.
        std: What they are divided by then.
        interpolation: "bilinear" or "bicubic".

    Raises:
        SettingError: The crop is larger than the resized image.
    """
    cropped = crop(image, size=size, resize=resize, interpolation=interpolation)
    if len(mean) == 1:
        grey: Tensor = pil_to_tensor(cropped.convert("L"))
        pixels = grey.to(torch.float32).div_(255)
    else:
        pixels = to_pixels(cropped)
    return normalise(pixels.unsqueeze(0), mean=mean, std=std)


def normalise(pixels: Tensor, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Map pixels in 0…1, shape (…, 3, H, W), to what the network expects.

    Args:
        pixels: The pixels.
        mean: Subtracted from red, green and blue; of one number, from grey, which colours are
            turned into first: the result has the shape (…, 1, H, W).
        std: What they are divided by then.
    """
    if len(mean) == 1 and pixels.shape[-3] == 3:
        pixels = to_grey(pixels)
    return (pixels - _per_channel(mean, pixels)) / _per_channel(std, pixels)


def denormalise(tensor: Tensor, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Map normalised values, shape (…, 3, H, W), back to pixels; valid ones are in 0…1.

    Args:
        tensor: The normalised values.
        mean: What was subtracted from red, green and blue.
        std: What they were divided by then.
    """
    return tensor * _per_channel(std, tensor) + _per_channel(mean, tensor)


def _resized(width: int, height: int, shorter: int) -> tuple[int, int]:
    """Return the size after the shorter side was scaled to ``shorter``; rounds as torchvision."""
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)
