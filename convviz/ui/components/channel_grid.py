"""The clickable grid of all channels of a layer.

Two components: one receives the picture of all channels, which is large and changes only with the
image, the layer or its looks; the other draws the grid from it and is told, in a few kilobytes,
which channels to show in which order, which are marked as empty or dead, and which one is picked.

Grids that share a link show the same channels of two images: what is pointed at or picked in one is
marked in the other as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from convviz.sprites.grid import Section, TileGrid
from convviz.ui.components.declare import declare
from convviz.ui.components.store import pack, store
from convviz.ui.keys import Component

KEY = "channel_grid"


@dataclass(frozen=True)
class Picture:
    """All channels in one PNG, in the order of their index, and what to say of each.

    Attributes:
        tiles: The image, and where each channel lies in it.
        empty: For each channel, whether it is empty.
        maximum: For each channel, its maximum in words.
        active: For each channel, the share of its positions that are active, in words.
        said: For each channel, what to say of it instead.
        dead: The channels that are marked as dead.
        dead_over: The images that they are dead over, in words: "83 crops of 5 photographs".
    """

    tiles: TileGrid
    empty: Sequence[bool]
    maximum: Sequence[str]
    active: Sequence[str]
    said: Sequence[str] = ()
    dead: Sequence[int] = ()
    dead_over: str = ""

    def message(self) -> tuple[str, bytes]:
        """Pack it for the browser: a token that names it, and the bytes."""
        header = {
            **self.tiles.geometry(),
            "maximum": self.maximum,
            "active": self.active,
            "said": self.said,
        }
        return pack(header, [[self.tiles.png]])

    def marks(self) -> dict[str, object]:
        """Tell the browser, which draws them, which channels carry a mark; the image stays."""
        empty = [channel for channel, is_empty in enumerate(self.empty) if is_empty]
        return {"empty": empty, "dead": list(self.dead), "dead_over": self.dead_over}


def channel_grid(
    picture: Picture,
    sections: Sequence[Section],
    *,
    selected: int,
    on_pick: Callable[[int], None],
    nothing: str,
    key: str = KEY,
    link: str = "",
    label: str = "Channels",
) -> None:
    """Draw the grid.

    Args:
        picture: All channels.
        sections: Which of them to show, and how they are grouped.
        selected: The channel that is picked.
        on_pick: Called with a channel when the visitor picks it, before the script runs again.
        nothing: What to say when there is no channel to show.
        key: Of the component; each grid on a page has its own.
        link: Grids with the same link mark the same channel; "" for none.
        label: Names the grid for a screen reader.
    """
    token, message = picture.message()

    def picked() -> None:
        pick = st.session_state[key].get("pick")
        if isinstance(pick, dict) and pick.get("channel") in range(len(picture.empty)):
            on_pick(pick["channel"])

    last = st.session_state.get(key, {}).get("pick") or {}
    with st.container(gap=None, key=f"{key}_box"):
        store(key=f"{key}_atlas", data=message)
        _grid(
            key=key,
            data={
                "token": token,
                **picture.marks(),
                "sections": [[section.title, section.indices] for section in sections],
                "selected": selected,
                "serial": last.get("serial", 0),
                "nothing": nothing,
                "link": link,
                "label": label,
            },
            on_pick_change=picked,
        )


_grid = declare(Component.CHANNEL_GRID, "tip")
