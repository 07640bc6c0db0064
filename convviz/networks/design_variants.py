"""Variants of a design for a sweep: wider or narrower, deeper, with another kernel.

Every variant keeps the image and the number of outputs. With another odd kernel in the place of an
odd one the maps keep their size, since the padding follows; but where there is no padding to lose,
a smaller kernel makes them larger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from convviz.errors import SettingError
from convviz.language import tr
from convviz.networks.design import Design
from convviz.networks.design_blocks import ConvBlock
from convviz.networks.design_changes import change_design, scaled_widths
from convviz.networks.design_reading import name_with


def widen(design: Design, factor: float) -> Design:
    """Multiply the channels of all layers but the last one that gives the scores.

    Raises:
        SettingError: There is no other layer.
        DesignError: The design does not fit its image.
    """
    if scaled_widths(design, 2) == design.blocks:
        raise SettingError(tr("There is nothing to widen: the design has no layer but the last."))
    return replace(design, blocks=scaled_widths(design, factor))


def deepen(design: Design, factor: float) -> Design:
    """Make a design 1, 2, 4 or more times as deep, by powers of two.

    Raises:
        SettingError: There is nothing to repeat.
    """
    while factor > 1:
        design, factor = change_design(design, "deep"), factor / 2
    return design


def with_kernel(design: Design, side: float) -> Design:
    """Give all lines “conv” of more than 1×1 another square kernel, of an odd side.

    Raises:
        SettingError: There is no such convolution.
    """
    kernel, blocks, changed = int(side), list(design.blocks), 0
    for index, block in enumerate(blocks):
        if isinstance(block, ConvBlock) and max(block.kernel) > 1:
            padding = [
                max(0, p + d * (kernel - k) // 2)
                for p, d, k in zip(block.padding, block.dilation, block.kernel, strict=True)
            ]
            blocks[index] = replace(
                block, kernel=(kernel, kernel), padding=(padding[0], padding[1])
            )
            changed += 1
    if not changed:
        raise SettingError(
            tr(
                "There is no kernel to vary: no line “conv” has one larger than 1×1, and those of "
                "inception stay as they are."
            )
        )
    return replace(design, blocks=tuple(blocks))


VARIATIONS: dict[str, tuple[tuple[float, ...], Callable[[Design, float], Design]]] = {
    "width": ((0.25, 0.5, 1.0, 2.0, 3.0), widen),
    "depth": ((1.0, 2.0, 4.0), deepen),
    "kernel": ((3.0, 5.0, 7.0, 9.0), with_kernel),
}
"""What can be varied: the values that are offered, and the function that makes the variant."""


def vary(design: Design, values: tuple[tuple[str, float], ...]) -> Design:
    """Make one variant of a design, named after its values.

    Args:
        design: The design.
        values: Names of `VARIATIONS`, each with its value, in the order in which they are made.

    Raises:
        SettingError: There is no such variation, or nothing to vary.
        DesignError: The design does not fit its image.
    """
    base = design.name or "design"
    for name, value in values:
        if name not in VARIATIONS:
            raise SettingError(
                tr(
                    "There is no variation called {name}: choose from {names}.",
                    name=name,
                    names=", ".join(VARIATIONS),
                )
            )
        design = VARIATIONS[name][1](design, value)
    ending = ", ".join(f"{name} {value:g}" for name, value in values)
    return replace(design, name=name_with(base, f", {ending}"))
