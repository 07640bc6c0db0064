"""One channel's map, enlarged: alone, or over the image."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from convviz.sprites.colormaps import Colormap, colour

Box = tuple[float, float, float, float]  # top, left, bottom, right

_ABOVE, _BELOW = (213, 94, 0), (0, 114, 178)  # Okabe and Ito's vermilion and blue


def ends(*maps: Tensor) -> tuple[float, float]:
    """Return the scale that maps share: from their least finite value, or 0, to their greatest."""
    finite = [map_[map_.isfinite()] for map_ in maps]
    lows = [float(values.min()) for values in finite if values.numel()]
    highs = [float(values.max()) for values in finite if values.numel()]
    return min([0.0, *lows]), max([0.0, *highs])


def heatmap(
    values: Tensor,
    size: int | tuple[int, int],
    colormap: Colormap = "viridis",
    low: float | None = None,
    high: float | None = None,
) -> Image.Image:
    """Draw one map, shape (H, W), in colour.

    Each value becomes a rectangle, without smoothing.

    Args:
        values: The map.
        size: Width and height in pixels, or the side of a square.
        colormap: Name of the colour map.
        low: Value of the lowest colour; None for the map's least value, or 0 if that is greater.
        high: Value of the highest colour; None for the map's greatest value, or 0 if that is less.
    """
    image = Image.fromarray(colour(_scaled(values, low, high), colormap))
    return image.resize(_pair(size), Image.Resampling.NEAREST)


def overlay(
    image: Image.Image,
    values: Tensor,
    blend: float = 0.75,
    colormap: Colormap = "viridis",
    low: float | None = None,
    high: float | None = None,
    *,
    box: Box | None = None,
    side: int | None = None,
) -> Image.Image:
    """Lay one map, shape (H, W), over the image it answers to.

    The image is shown in grey. The nearer a value is to the top of the scale, the more the map's
    colour covers it; where it is at the bottom, and beside the map, the image shows through.

    Args:
        image: The network's input.
        values: The map.
        blend: How much the highest values cover the image, in 0…1.
        colormap: Name of the colour map.
        low: As in `heatmap`.
        high: As in `heatmap`.
        box: Where the map lies on the network's input, `ReceptiveField.map_box`; None stretches it
            over the whole image.
        side: Side of the network's input, in which `box` is measured; None for the image's own.
    """
    scaled = Image.fromarray(_scaled(values, low, high).astype(np.float32))
    strength = np.asarray(_placed(scaled, image.size, box, side)).clip(0, 1)
    cover = Image.fromarray((strength * (255 * min(max(blend, 0.0), 1.0))).round().astype(np.uint8))
    grey = image.convert("L").convert("RGB")
    return Image.composite(Image.fromarray(colour(strength, colormap)), grey, cover)


def levels(
    values: Tensor, low: float | None = None, high: float | None = None
) -> NDArray[np.uint8]:
    """Round a map, shape (H, W), to the 256 levels of a colour map, 0 to 255.

    Args:
        values: The map.
        low: As in `heatmap`.
        high: As in `heatmap`.
    """
    return (_scaled(values, low, high) * 255).round().astype(np.uint8)


def _placed(
    map_: Image.Image, size: tuple[int, int], box: Box | None, side: int | None
) -> Image.Image:
    """Draw a map, smoothed, where it lies on an image of this size; 0 beside it."""
    if box is None:
        return map_.resize(size, Image.Resampling.BILINEAR)
    width, height = size
    top, left, bottom, right = box
    down, across = height / (side or height), width / (side or width)
    # The part of the map that the image's edges cut out, in the map's own cells.
    corners = (
        -left / (right - left) * map_.width,
        -top / (bottom - top) * map_.height,
        (width / across - left) / (right - left) * map_.width,
        (height / down - top) / (bottom - top) * map_.height,
    )
    extent = Image.Transform.EXTENT
    return map_.transform(size, extent, corners, Image.Resampling.BILINEAR)


def signed_overlay(
    image: Image.Image, values: Tensor, bound: float, blend: float = 0.85
) -> Image.Image:
    """Lay a map of gains and losses, shape (H, W), over an image.

    The image is shown in grey. Above 0 the map covers it in vermilion, below 0 in blue, the more
    the further from 0.

    Args:
        image: The image.
        values: The map; it is stretched over the whole image.
        bound: The magnitude that covers the image most.
        blend: How much it covers the image there, in 0…1.
    """
    numbers = values.detach().to("cpu").float().nan_to_num(nan=0.0).numpy() / (bound or 1.0)
    smooth = np.asarray(Image.fromarray(numbers).resize(image.size, Image.Resampling.BILINEAR))
    strength = np.abs(smooth).clip(0, 1) * min(max(blend, 0.0), 1.0)
    cover = Image.fromarray((strength * 255).round().astype(np.uint8))
    colours = np.where(smooth[..., None] > 0, _ABOVE, _BELOW).astype(np.uint8)
    grey = image.convert("L").convert("RGB")
    return Image.composite(Image.fromarray(colours), grey, cover)


def _scaled(values: Tensor, low: float | None, high: float | None) -> NDArray[np.float64]:
    """Scale a map to 0…1; not-a-numbers count as 0."""
    numbers = values.detach().to("cpu").double().nan_to_num(nan=0.0).numpy()
    finite = np.append(numbers[np.isfinite(numbers)], 0.0)
    bottom = float(finite.min()) if low is None else low
    top = float(finite.max()) if high is None else high
    if top <= bottom:
        return np.zeros_like(numbers)
    return ((numbers - bottom) / (top - bottom)).clip(0, 1)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
