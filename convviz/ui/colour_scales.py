"""What the colours of a map stand for: a colour map between the numbers or words at its ends."""

from __future__ import annotations

from convviz.formatting import in_words
from convviz.sprites.colormaps import Colormap, hex_colours


def numbered(colours: Colormap, low: float, high: float) -> str:
    """Write a colour map with the numbers at its ends and a mark at 0 if that lies between them."""
    at = -low / (high - low) if low < 0 < high else None
    return between(colours, in_words(low), in_words(high), at)


def between(colours: Colormap, low: str, high: str, zero: float | None = None) -> str:
    """Write a colour map as HTML.

    Args:
        colours: Name of the colour map.
        low: What the lowest colour stands for.
        high: What the highest colour stands for.
        zero: Where 0 lies between them, as a share of the way; None for no mark.
    """
    stops = ", ".join(hex_colours(colours))
    mark = "" if zero is None else f'<span class="zero" style="left:{zero:.2%}">0</span>'
    gradient = f"linear-gradient(90deg, {stops})"
    ramp = f'<span class="ramp" style="background:{gradient}">{mark}</span>'
    return f'<span class="convviz-scale">{low}{ramp}{high}</span>'
