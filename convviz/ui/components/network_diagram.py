"""The diagram of a network: one block per layer, and below it one module's branches.

Blocks stand on one line, from the image to the classes. A map's block is as wide as it has
channels, but for a least width that a finger or a pointer can hit. Its height grows with the square
root of the map's side, so that a map of 7 × 7 can be seen beside an image of 224 × 224. A vector
stands upright; its height grows with the square root of its length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import streamlit as st

from convviz.language import again, tr
from convviz.lessons.inception import InceptionModule, inception_modules
from convviz.structure.costs import Costs, LayerCost
from convviz.structure.ops import kind_text
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component

HEIGHT = 190  # pixels of the largest map's side
_WIDTH = 930  # pixels of the whole strip, if its layers are not too many
_LEAST, _THIN, _VECTOR = 10, 6, 12  # pixels
_GAP, _WIDE_GAP = 2, 12  # between a layer and what belongs to it, and between layers
_WIDEST_GAP = 40  # in a small network, whose names need room
_MOST_EACH = 1.0  # pixels of a block's width for each channel, however few there are

# What a block looks like; whatever is not here is drawn as "other".
_LOOKS = {
    "convolution": "conv",
    "max pooling": "pool",
    "average pooling": "pool",
    "linear": "linear",
    "ReLU": "relu",
    "batch norm": "norm",
    "local response normalisation": "norm",
    "concatenation": "join",
    "addition": "join",
    "flatten": "flat",
}
_SHEETS = {"relu", "norm", "other"}  # drawn thin: they change values but not shapes


@dataclass(frozen=True)
class Block:
    """One block of the strip.

    Attributes:
        id: The row's name; for a module with branches, that of the row that joins them.
        title: What is written below; empty for thin sheets.
        label: What is read out and shown when it is pointed at.
        look: "conv", "pool", "linear", "relu", "norm", "join", "flat",
            "module", "input" or "other".
        x: Left edge, in pixels.
        width: In pixels.
        height: In pixels.
        flat: Whether it is a vector, drawn without depth.
        module: Name of the module that it unfolds into; empty if there is none.
    """

    id: str
    title: str
    label: str
    look: str
    x: float
    width: float
    height: float
    flat: bool
    module: str = ""


def strip(costs: Costs) -> tuple[Block, ...]:
    """Lay a network's rows out from left to right, modules with branches as one block each."""
    modules = {f"{one.name}.": one for one in inception_modules(costs)}
    rows = [row for row in costs.layers if row.executed]
    gaps = sum(
        _GAP + _THIN if _is_sheet(row) else _WIDE_GAP for row in rows if _is_shown(row, modules)
    )
    room = max(_WIDTH - gaps, _WIDTH / 3)
    channels = sum(_channels(row, modules) for row in rows)
    per_channel = min(room / max(channels, 1), _MOST_EACH)
    apart = sum(_is_shown(row, modules) and not _is_sheet(row) for row in rows)
    spare = _WIDTH - gaps - per_channel * channels
    wide_gap = min(_WIDE_GAP + max(spare, 0) / max(apart, 1), _WIDEST_GAP)
    longest = max((row.output_shape[0] for row in rows if len(row.output_shape) == 1), default=1)
    square = (3, costs.input_size, costs.input_size)
    images = (shape for row in rows for shape in row.input_shapes if len(shape) == 3)
    entry = tr("image, {shape}", shape=_shape(next(images, square)))
    blocks = [Block("", tr("image"), entry, "input", 0, 6, HEIGHT, flat=False)]
    for row in rows:
        if not _is_shown(row, modules):
            continue
        inside = next((m for prefix, m in modules.items() if _inside(row, prefix)), None)
        look = "module" if inside else _LOOKS.get(row.kind, "other")
        flat = len(row.output_shape) != 3
        thin = look in _SHEETS
        if flat:
            width, height = float(_VECTOR), HEIGHT * sqrt(row.output_shape[0] / longest)
        else:
            width = max(_LEAST, row.output_shape[0] * per_channel)
            height = HEIGHT * sqrt(row.output_shape[1] / costs.input_size)
        last = blocks[-1]
        x = last.x + last.width + (_GAP if thin else wide_gap)
        blocks.append(
            Block(
                id=row.name,
                title="" if thin else _title(row, inside),
                label=_label(row),
                look=look,
                x=round(x, 1),
                width=round(_THIN if thin else width, 1),
                height=round(max(height, 3), 1),
                flat=flat,
                module=inside.name if inside else "",
            )
        )
    return tuple(blocks)


def unfolded(costs: Costs) -> dict[str, dict[str, Any]]:
    """Describe the branches of every module for the browser: lanes of blocks, and their join."""
    return {module.name: _module(module) for module in inception_modules(costs)}


def message(costs: Costs) -> dict[str, Any]:
    """Return the diagram as plain data for the browser, in any language: `diagram` tells it."""
    return {
        "blocks": [asdict(block) for block in strip(costs)],
        "modules": unfolded(costs),
        "height": HEIGHT,
    }


def diagram(
    drawing: dict[str, Any],
    *,
    selected: str,
    open_module: str = "",
    marks: dict[str, str] | None = None,
    on_pick: Callable[[str], None] | None = None,
    only_module: bool = False,
    name: str = "network",
    key: str,
) -> None:
    """Draw a network.

    Args:
        drawing: From `message`.
        selected: Name of the row that is picked.
        open_module: Name of the module whose branches are drawn below; empty for none.
        marks: Notes to put above blocks, by the row's name.
        on_pick: Called with a row's name when the visitor picks it, before the script runs again.
        only_module: Whether to draw only the open module's branches.
        name: What the saved drawing is called, without its ending.
        key: The widget's key.
    """
    known = {block["id"] for block in drawing["blocks"]}
    for module in drawing["modules"].values():
        known |= {step["id"] for lane in module["lanes"] for step in lane["steps"]}

    def picked() -> None:
        pick = st.session_state[key].get("pick")
        if isinstance(pick, dict) and pick.get("id") in known and on_pick is not None:
            on_pick(pick["id"])

    last = st.session_state.get(key, {}).get("pick") or {}
    _diagram(
        key=key,
        data={
            **_retold(drawing),
            "selected": selected,
            "open": open_module,
            "marks": marks or {},
            "only": only_module,
            "fixed": on_pick is None,
            "name": name,
            "serial": last.get("serial", 0),
            "texts": texts.told(Component.NETWORK_DIAGRAM),
        },
        on_pick_change=picked,
    )


_diagram = declare(Component.NETWORK_DIAGRAM, "tip", "buttons")


def _module(module: InceptionModule) -> dict[str, Any]:
    lanes = []
    for branch in module.branches:
        steps = []
        for row in branch.rows:
            look = _LOOKS.get(row.kind, "other")
            side = row.window.kernel[0] if row.window else 0
            steps.append(
                {
                    "id": row.name,
                    "look": look,
                    "thin": look in _SHEETS,
                    "text": _step_text(row, side),
                    "channels": row.output_shape[0],
                    "label": _label(row),
                }
            )
        lanes.append({"channels": branch.channels, "steps": steps})
    height, width = module.output_shape[-2:]
    return {
        "title": module.name,
        "channels": module.input_shape[0],
        "outputs": module.output_shape[0],
        "formula": module.depth_formula,
        "size": f"{height} × {width}",
        "lanes": lanes,
    }


def _step_text(row: LayerCost, side: int) -> str:
    """Write on a block of a branch what it does: "3×3", "max 3×3"."""
    if not side:
        return kind_text(row.kind)
    if row.kind == "max pooling":
        return tr("max {side}×{side}", side=side)
    if row.kind == "average pooling":
        return tr("mean {side}×{side}", side=side)
    return f"{side}×{side}"


def _inside(row: LayerCost, prefix: str) -> bool:
    return f"{row.module}.".startswith(prefix)


def _channels(row: LayerCost, modules: dict[str, InceptionModule]) -> int:
    """Count the channels that a row takes up in the strip."""
    if _is_sheet(row) or not _is_shown(row, modules) or len(row.output_shape) != 3:
        return 0
    return row.output_shape[0]


def _is_shown(row: LayerCost, modules: dict[str, InceptionModule]) -> bool:
    """Tell whether a row has a block in the strip: the insides of modules unfold below it."""
    inside = any(_inside(row, prefix) for prefix in modules)
    return not inside or row.kind == "concatenation"


def _is_sheet(row: LayerCost) -> bool:
    return _LOOKS.get(row.kind, "other") in _SHEETS


def _title(row: LayerCost, inside: InceptionModule | None) -> str:
    if inside:
        short = inside.name.removeprefix("inception")  # "4a", as GoogLeNet's are called
        return inside.name if short.isdigit() else short
    name = row.title.split(" (")[0].split(" · ")[0]
    return row.title if name == row.title else name


def _label(row: LayerCost) -> str:
    kind, shape = kind_text(row.kind), _shape(row.output_shape)
    if not row.parameters:
        return tr("{layer}: {kind}, {shape}", layer=row.title, kind=kind, shape=shape)
    return tr(
        "{layer}: {kind}, {shape}, {count:,} parameters",
        layer=row.title,
        kind=kind,
        shape=shape,
        count=row.parameters,
    )


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _retold(data: Any) -> Any:
    """Tell the texts of a message, which may have been kept, in the reader's language."""
    match data:
        case str():
            return again(data)
        case dict():
            return {key: _retold(value) for key, value in data.items()}
        case list():
            return [_retold(value) for value in data]
    return data
