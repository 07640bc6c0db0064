"""One frame of a camera, as a layer answers it: all maps as levels for the browser to colour.

No image is encoded here: what travels is one byte for each value of a map that is drawn, and the
browser looks its colour up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.predictions import Prediction
from convviz.sprites.grid import Contrast, draw_tiles, effective_contrast, own_size, scale_of

_MOST_VALUES = 400_000  # of all maps together; larger maps are averaged down


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """What a layer answers to a frame.

    Attributes:
        channels: How many channels there are.
        side: Of each map as it is drawn, in values.
        levels: Levels from 0 to `grid.LEVELS` − 1, channel by channel and row by row.
        empty: The channels that are empty for this frame.
        predictions: The most probable classes; none without a decoder.
        headline: Which channels draw the clearest maps, and how many are empty.
    """

    channels: int
    side: int
    levels: bytes = field(repr=False)
    empty: tuple[int, ...]
    predictions: tuple[Prediction, ...]
    headline: str


def camera_frame(
    activations: Activations,
    predictions: Sequence[Prediction],
    *,
    contrast: Contrast = "channel",
    threshold: float = 0.0,
) -> CameraFrame:
    """Draw what a layer answers to a frame.

    Args:
        activations: The layer's activations for the frame.
        predictions: The most probable classes.
        contrast: Whether each channel has its own scale or all share one, as in `grid.atlas`.
        threshold: τ, as in `Activations.empty`.

    Raises:
        SettingError: The contrast or threshold does not exist.
    """
    empty = activations.empty(threshold)
    scale = scale_of(activations, effective_contrast(activations, contrast), empty)
    count, height, width = activations.maps.shape
    side = min(own_size(count, height, width), max(1, int((_MOST_VALUES / count) ** 0.5)))
    return CameraFrame(
        channels=count,
        side=side,
        levels=draw_tiles(activations, scale, side).tobytes(),
        empty=tuple(empty.nonzero().flatten().tolist()),
        predictions=tuple(predictions),
        headline=f"{findings.strongest(activations, threshold, 'frame')} "
        f"{activations.sentence(threshold, 'frame')}",
    )
