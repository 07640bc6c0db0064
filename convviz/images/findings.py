"""Sentences on what an image had to go through before it could be shown."""

from __future__ import annotations

from convviz.formatting import percent
from convviz.images.decode import DecodedImage
from convviz.images.scaling import Scaling
from convviz.language import numeral, tr


def notes(decoded: DecodedImage) -> tuple[str, ...]:
    """Say what a viewer should know about an image, one sentence for each thing; often nothing."""
    found = (
        cut_off(decoded.missing) if decoded.is_cut_off else "",
        stretched(decoded.scaling) if decoded.scaling is not None else "",
        channels(decoded.channels) if decoded.channels else "",
        pages(decoded.pages) if decoded.pages > 1 else "",
        halved(*decoded.stored) if decoded.stored else "",
    )
    return tuple(text for text in found if text)


def stretched(scaling: Scaling) -> str:
    """Say that an image's values were stretched; empty if they were not."""
    if not scaling.is_stretched or scaling.high <= scaling.low:
        return ""
    low, high = _number(scaling.low), _number(scaling.high)
    if scaling.outside:
        values = tr(
            "All but {count:,} of the file's values lie from {low} to {high}",
            count=scaling.outside,
            low=low,
            high=high,
        )
    else:
        values = tr("The file's values go from {low} to {high}", low=low, high=high)
    if scaling.bits:
        values = tr(
            "{values}, {share} of what {bits} bits can hold",
            values=values,
            share=percent((scaling.high - scaling.low) / (2**scaling.bits - 1)),
            bits=scaling.bits,
        )
    if scaling.is_inverted:
        return tr(
            "{values}: they are stretched, so that the least is white and the greatest black.",
            values=values,
        )
    return tr(
        "{values}: they are stretched, so that the least is black and the greatest white.",
        values=values,
    )


def cut_off(missing: float) -> str:
    """Say that a JPEG ends too early.

    Args:
        missing: Share of its rows that are missing.
    """
    if not missing:
        return tr(
            "The file ends too early: its last corner may be missing, or the finest detail; the "
            "rest is shown."
        )
    return tr(
        "The file ends too early: the last {missing} of the picture is missing, and grey.",
        missing=percent(missing),
    )


def channels(count: int) -> str:
    """Say that a file has more channels than are shown.

    Args:
        count: How many it has.
    """
    if count == 2:
        return tr("The file has {count} channels: the first is shown in grey.", count=count)
    return tr("The file has {count} channels: the first three are shown as colours.", count=count)


def pages(count: int) -> str:
    """Say that a file has more pictures than the one that is shown.

    Args:
        count: How many it has.
    """
    return tr(
        "The file has {count:,} pictures, one behind the other: the first is shown.", count=count
    )


def halved(width: int, height: int) -> str:
    """Say that a large JPEG was read at half its size.

    Args:
        width: Of the image in the file.
        height: The same.
    """
    return tr(
        "The file has {width} × {height} pixels: it is read at half its width and "
        "height, which is still finer than what goes into a network.",
        width=width,
        height=height,
    )


def _number(value: float) -> str:
    """Write a value: whole ones with their digits grouped."""
    is_whole = value == round(value) and abs(value) < 1e9
    return numeral(f"{value:,.0f}" if is_whole else f"{value:.4g}")
