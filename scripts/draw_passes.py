"""Draw the picture in README's section on performance: relative error against passes.

    PYTHONPATH=. python scripts/draw_passes.py        writes docs/passes.svg

It shows what `benchmarks/passes.py` has written to its file, one panel for each layer: geometric
means over the images that every method has seen. Of Adam's three learning rates it shows the best
one after each number of passes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.passes import ADAM, CONVVIZ, FILE, LAYERS, LBFGS, PASSES, Row, read, rows
from convviz.networks.registry import spec
from convviz.structure.layers import layer

TARGET = Path(__file__).parents[1] / "docs" / "passes.svg"

LINES = (
    (CONVVIZ, "convviz", "#1f6feb", 2.5),
    ("Adam", "plain Adam, best of three learning rates", "#bc4c00", 1.5),
    (LBFGS, "plain L-BFGS", "#57606a", 1.5),
)
"""What is drawn: key, name, colour, width."""

WIDTH, HEIGHT = 300, 260  # of a panel
NAMES, LINE = 340, 18  # width of the lines' names, and height of each
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 30, 40  # of its margins
LOWEST, HIGHEST = 0.05, 1.0  # relative errors
TICKS = (0.05, 0.1, 0.2, 0.5, 1.0)


def x_of(passes: int) -> float:
    """Return where a number of passes stands in a panel, in pixels; doublings are equal."""
    share = math.log(passes / PASSES[0]) / math.log(PASSES[-1] / PASSES[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def y_of(error: float) -> float:
    """Return where a relative error stands in a panel, in pixels; equal ratios are equal."""
    share = math.log(HIGHEST / max(LOWEST, error)) / math.log(HIGHEST / LOWEST)
    return TOP + share * (HEIGHT - TOP - BOTTOM)


def error_of(row: Row, key: str) -> float:
    """Return a method's error; of Adam that of its best learning rate."""
    return min(row.errors[name] for name in ADAM) if key == "Adam" else row.errors[key]


def panel(title: str, of_layer: Sequence[Row]) -> Iterator[str]:
    """Draw one layer."""
    yield f'<text class="title" x="{LEFT}" y="18">{title}</text>'
    for tick in TICKS:
        y = y_of(tick)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for count in PASSES:
        x = x_of(count)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{count}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">passes</text>'
    for key, _, colour, width in reversed(LINES):
        points = [(x_of(row.passes), y_of(error_of(row, key))) for row in of_layer]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        yield f'<path d="M{path}" stroke="{colour}" stroke-width="{width}" fill="none"/>'
        for x, y in points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 0.5}" fill="{colour}"/>'


def picture(compared: Sequence[Row]) -> str:
    """Draw a panel for each layer that was measured, and the names of the lines."""
    panels = [
        (network, name, [row for row in compared if (row.network, row.layer) == (network, name)])
        for network, names in LAYERS.items()
        for name in names
    ]
    panels = [each for each in panels if len(each[2]) > 1]  # a point makes no line
    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    width, height = max(NAMES, columns * WIDTH), lines * HEIGHT + LINE * (len(LINES) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>Relative error against passes: convviz, plain Adam and plain L-BFGS</title>",
        "<style>text{font:12px sans-serif;fill:#24292f}.title{font-weight:bold}"
        ".grid{stroke:#d0d7de;fill:none}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, (network, name, of_layer) in enumerate(panels):
        network_spec = spec(network)
        title = f"{network_spec.title} {layer(network_spec, name).title}: relative error"
        place = f"translate({number % columns * WIDTH} {number // columns * HEIGHT})"
        parts += [f'<g transform="{place}">', *panel(title, of_layer), "</g>"]
    for number, (_, name, colour, line) in enumerate(LINES, start=1):
        y = lines * HEIGHT + LINE * number
        parts.append(f'<path d="M{LEFT} {y - 4}h22" stroke="{colour}" stroke-width="{line}"/>')
        parts.append(f'<text x="{LEFT + 28}" y="{y}">{name}</text>')
    return "\n".join((*parts, "</svg>\n"))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=FILE, help="(default: benchmarks/passes.json)")
    parser.add_argument("--out", type=Path, default=TARGET, help="(default: docs/passes.svg)")
    args = parser.parse_args()
    args.out.write_text(picture(list(rows(read(args.json)))), "utf-8")


if __name__ == "__main__":
    main()
