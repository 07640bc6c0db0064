"""A window that slides over a layer's input, with the numbers under it and what they make.

All numbers travel once for a channel, through `store`; the browser moves the window and computes.
It tells Python the position at which the window comes to rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from convviz import language
from convviz.features.arithmetic_steps import Normalised, Rectified, Stage
from convviz.features.sliding_window import SlidingWindow
from convviz.sprites.colormaps import lookup
from convviz.structure.receptive_field import ReceptiveField
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.components.store import pack, store
from convviz.ui.keys import Component


@dataclass(frozen=True)
class Captions:
    """What stands beside the drawings.

    Attributes:
        inputs: Name of each input channel that is given.
        source: Title of the layer that they are channels of, or "the image".
        output: Names the map.
        contributions: Names the list of what the input channels add.
    """

    inputs: Sequence[str]
    source: str
    output: str
    contributions: str


def draw(
    window: SlidingWindow,
    captions: Captions,
    *,
    photograph: bytes,
    side: int,
    field: ReceptiveField | None,
    relu_follows: bool,
    position: tuple[int, int],
    on_pick: Callable[[int, int], None],
    key: str,
) -> None:
    """Draw the window on its input, the map, and the numbers; the visitor moves the window.

    Args:
        window: The windows of a channel's map.
        captions: What stands beside the drawings.
        photograph: What goes into the network, as the bytes of a JPEG or PNG.
        side: Its side in the network's pixels.
        field: What the map's positions see of it; None where that is not known.
        relu_follows: Whether a ReLU that is no part of the layer comes next.
        position: Row and column of the map at which the window stands.
        on_pick: Called with the row and column where the visitor left the window, before the script
            runs again.
        key: Of the component.
    """
    rows, columns = window.numbers.shape
    after = [sent for stage in window.after if (sent := _sent(stage))]
    inputs = pack({}, [[_bytes(window.inputs), _bytes(window.on_map.to(torch.uint8))]])
    parts = (window.kernel, window.rest, window.divisors.double(), window.numbers)
    header = {"bias": window.bias, "after": after}
    numbers = pack(header, [[_bytes(part) for part in parts]])
    image = pack({}, [[photograph]])
    token = f"{inputs[0]}{numbers[0]}{image[0]}{language.current()}"

    def picked() -> None:
        pick = st.session_state[key].get("pick")
        if isinstance(pick, dict) and pick.get("token") == token:
            row, column = pick.get("row", -1), pick.get("column", -1)
            if row in range(rows) and column in range(columns):
                on_pick(int(row), int(column))

    last = st.session_state.get(key, {}).get("pick") or {}
    with st.container(gap=None, key=f"{key}_box"):
        for name, (_, message) in (("inputs", inputs), ("numbers", numbers), ("image", image)):
            store(key=f"{key}_{name}", data=message)
        _component(
            key=key,
            data={
                "token": token,
                "inputs": inputs[0],
                "numbers": numbers[0],
                "photograph": image[0],
                "kind": window.kind,
                "of_image": not window.source,
                "height": window.inputs.shape[1],
                "width": window.inputs.shape[2],
                "padding": window.padding,
                "padded": not bool(window.on_map.all()),
                "rows": window.rows,
                "columns": window.columns,
                "others": window.others,
                "bias": window.bias,
                "after": after,
                "relu_follows": relu_follows,
                "side": side,
                "field": None if field is None else [field.rows.seen, field.columns.seen],
                "colours": lookup("viridis").flatten().tolist(),
                "names": captions.inputs,
                "input": captions.source,
                "output": captions.output,
                "title": captions.contributions,
                "picked": position,
                "serial": last.get("serial", 0),
                "texts": texts.told(Component.SLIDING_WINDOW),
            },
            on_pick_change=picked,
        )


def _sent(stage: Stage) -> dict[str, object] | None:
    """Describe a stage for the browser; None for one that takes its number over as it is."""
    match stage:
        case Normalised():
            return {
                "kind": "batch norm",
                "mean": stage.mean,
                "spread": stage.spread,
                "scale": stage.scale,
                "shift": stage.shift,
            }
        case Rectified():
            return {"kind": "relu", "ceiling": stage.ceiling}
    return None


def _bytes(numbers: Tensor) -> bytes:
    data: bytes = numbers.contiguous().numpy().tobytes()
    return data


_component = declare(Component.SLIDING_WINDOW, "edge", "tip", "buttons")
