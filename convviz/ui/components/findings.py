"""What the components say in words; the sentences alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convviz.formatting import called, percent
from convviz.language import later, tr, trn

if TYPE_CHECKING:
    from convviz.features.overview import StageSummary


def stage_lines(summary: StageSummary) -> list[str]:
    """Describe a stage in short lines: maps drawn and in all, their size, share of empty channels.

    Args:
        summary: What the stage makes of the image; a layer without a name is a decoder.
    """
    shape = summary.layer.shape
    if not summary.layer.name:
        return [trn("{count:,} class", "{count:,} classes", shape[0])]
    if len(shape) == 1:
        size = [tr("{count:,} numbers", count=shape[0])]
    else:
        size = [_maps(len(summary.strongest), shape[0]), f"{shape[1]} × {shape[2]}"]
    if summary.empty:
        return [*size, tr("{share} empty", share=percent(summary.empty / summary.channels))]
    return [*size, tr("no ReLU") if summary.is_signed else tr("none empty")]


def _maps(drawn: int, count: int) -> str:
    if 0 < drawn < count:
        return tr("{drawn} of {count:,} maps", drawn=drawn, count=count)
    return trn("{count:,} map", "{count:,} maps", count)


def stage_sentence(summary: StageSummary) -> str:
    """Describe a stage in sentences, with the channels that are drawn.

    Args:
        summary: What the stage makes of the image.
    """
    layer, channels = summary.layer, summary.channels
    if not layer.name:
        return trn(
            "The decoder shares out a probability among {count:,} class.",
            "The decoder shares out a probability among {count:,} classes.",
            channels,
        )
    name = called(layer.title, layer.name)
    if summary.is_signed and not summary.empty:
        empty = _nothing_set_to_0(channels, are_numbers=len(layer.shape) == 1)
    else:
        empty = _empty(summary.empty, channels, are_numbers=len(layer.shape) == 1)
    *others, last = map(str, summary.strongest or ("",))
    if not last:
        return f"{name}. {empty}"
    drawn = (
        tr("Drawn are the strongest: {channels} and {last}.", channels=", ".join(others), last=last)
        if others
        else tr("Drawn is the strongest: {channel}.", channel=last)
    )
    return f"{name}. {empty} {drawn}"


def _nothing_set_to_0(count: int, *, are_numbers: bool) -> str:
    if are_numbers:
        return tr("No ReLU follows that would set any of its {count:,} numbers to 0.", count=count)
    return tr("No ReLU follows that would set any of its {count:,} channels to 0.", count=count)


def _empty(empty: int, count: int, *, are_numbers: bool) -> str:
    text = (
        later("{empty:,} of its {count:,} numbers are empty for this image.")
        if are_numbers
        else later("{empty:,} of its {count:,} channels are empty for this image.")
    )
    return tr(text, empty=empty, count=count)
