"""What a visitor can save: pictures as they are shown, numbers as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from PIL import Image

from convviz.images import encode

if TYPE_CHECKING:
    from convviz.features.activations import Activations, LayerSummary
    from convviz.features.dead import DeadChannels
    from convviz.ui.choice import Choice


def file_name(choice: Choice, *parts: str, ending: str) -> str:
    """Name a file after the image, the network and what it shows: "cat-vgg16-features.8.png"."""
    words = (PurePath(choice.image.name).stem, choice.network_name, *parts)
    return "-".join(re.sub(r"[^\w.]+", "_", word) for word in words) + f".{ending}"


def png(image: Image.Image) -> bytes:
    """Write a picture as a PNG file."""
    return encode.png(image)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def statistics(shown: Activations, threshold: float, dead: DeadChannels | None = None) -> str:
    """Write the numbers of every channel as CSV.

    Args:
        shown: The layer's activations.
        threshold: τ, up to which a channel counts as empty.
        dead: What is known of the layer's dead channels; without it there is no column for it.
    """
    branch = {
        channel: each.title
        for each in shown.layer.branches
        for channel in range(each.start, each.stop)
    }
    by_strength = shown.order("strength").tolist()
    rank = {channel: place for place, channel in enumerate(by_strength, start=1)}
    columns = zip(
        shown.maximum.tolist(),
        shown.mean.tolist(),
        shown.active_share.tolist(),
        shown.empty(threshold).tolist(),
        strict=True,
    )
    header = ["channel", "branch", "maximum", "mean", "active_share", "rank_by_maximum", "empty"]
    rows: list[list[object]] = [
        [channel, branch.get(channel, ""), *numbers[:3], rank[channel], numbers[3]]
        for channel, numbers in enumerate(columns)
    ]
    if dead is not None:
        header.append(f"dead_over_{dead.seen}_pictures")
        for channel, row in enumerate(rows):
            row.append(channel in dead.numbers)
    return table(header, rows)


def depth(summaries: Iterable[LayerSummary]) -> str:
    """Write how many channels of each layer are empty as CSV."""
    return table(
        ["layer", "title", "kind", "stage", "channels", "empty", "share"],
        (
            [
                each.layer.name,
                each.layer.title,
                each.layer.kind,
                each.layer.stage,
                each.channels,
                each.empty,
                each.share,
            ]
            for each in summaries
        ),
    )
