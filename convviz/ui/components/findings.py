"""What the components say in words; the sentences alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convviz.formatting import percent
from convviz.language import tr

if TYPE_CHECKING:
    from convviz.features.overview import StageSummary


def stage_lines(summary: StageSummary) -> list[str]:
    """Describe a stage in short lines: channels, size of a map, share of empty channels.

    Args:
        summary: What the stage makes of the image.
    """
    shape = summary.layer.shape
    if len(shape) == 1:
        size = [tr("{shape:,} numbers", shape=shape[0])]
    else:
        size = [f"{shape[0]:,} {'map' if shape[0] == 1 else 'maps'}", f"{shape[1]} × {shape[2]}"]
    if summary.empty:
        return [*size, tr("{empty} empty", empty=percent(summary.empty / summary.channels))]
    return [*size, tr("no ReLU") if summary.is_signed else tr("none empty")]


def stage_sentence(summary: StageSummary) -> str:
    """Describe a stage in sentences, with the channels that are drawn.

    Args:
        summary: What the stage makes of the image.
    """
    layer, channels = summary.layer, summary.channels
    called = layer.name if layer.title == layer.name else f"{layer.title} ({layer.name})"
    what = "numbers" if len(layer.shape) == 1 else "channels"
    if summary.is_signed and not summary.empty:
        empty = tr(
            "No ReLU follows that would set any of its {channels:,} {what} to 0.",
            channels=channels,
            what=what,
        )
    else:
        empty = tr(
            "{empty:,} of its {channels:,} {what} are empty for this image.",
            empty=summary.empty,
            channels=channels,
            what=what,
        )
    *others, last = map(str, summary.strongest or ("",))
    if not last:
        return f"{called}. {empty}"
    names = tr("{join} and {last}", join=", ".join(others), last=last) if others else last
    drawn = (
        tr("Drawn are the strongest: {names}.", names=names)
        if others
        else tr("Drawn is the strongest: {names}.", names=names)
    )
    return f"{called}. {empty} {drawn}"
