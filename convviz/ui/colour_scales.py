"""What the colours of a map stand for: a colour map between the numbers or words at its ends."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import MINUS, in_words
from convviz.sprites.colormaps import Colormap, hex_colours
from convviz.sprites.kernels import SCALE


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
    return _written(hex_colours(colours), low, high, zero)


def of_weights(bound: float, *, is_clipped: bool) -> str:
    """Write the colours that kernels are drawn in, from −bound over 0 to the bound.

    Args:
        bound: The magnitude at the ends.
        is_clipped: Whether there are larger weights, which are drawn as the ends are.
    """
    number = in_words(bound)
    low, high = f"{MINUS}{number}", f"+{number}"
    if is_clipped:
        low, high = f"≤ {low}", f"≥ {high}"
    return _written(SCALE, low, high, 0.5)


def _written(colours: Sequence[str], low: str, high: str, zero: float | None) -> str:
    stops = ", ".join(colours)
    mark = "" if zero is None else f'<span class="zero" style="left:{zero:.2%}">0</span>'
    gradient = f"linear-gradient(90deg, {stops})"
    ramp = f'<span class="ramp" style="background:{gradient}">{mark}</span>'
    return f'<span class="convviz-scale">{low}{ramp}{high}</span>'
