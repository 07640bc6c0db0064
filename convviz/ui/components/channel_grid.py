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
from functools import cached_property

import streamlit as st

from convviz.language import tr, trn
from convviz.sprites.grid import Section, TileGrid
from convviz.ui.components import texts
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

    @cached_property
    def message(self) -> tuple[str, bytes]:
        """Itself, packed for the browser: a token that names it, and the bytes."""
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


def give(picture: Picture, key: str = KEY) -> None:
    """Give the browser a picture for the grid of that key, of this run or of a later one.

    The element is called after the picture: given again, outside a fragment as before, it is the
    same message, and Streamlit need not send it twice.
    """
    token, message = picture.message
    store(key=f"{key}_{token}", data=message)


def drawing(
    picture: Picture, sections: Sequence[Section], selected: int, id: str, channels: str = ""
) -> dict[str, object]:
    """Tell the browser how to draw a layer's channels from a picture that it has or will get."""
    return {
        "id": id,
        "channels": channels,
        "token": picture.message[0],
        **picture.marks(),
        "sections": [[section.title, section.indices] for section in sections],
        "selected": selected,
        "all": _all(sections, len(picture.empty)),
    }


def _all(sections: Sequence[Section], channels: int) -> str:
    """Name the button that shows what a folded grid does not.

    Args:
        sections: What the grid holds.
        channels: How many channels the layer has.
    """
    count = sum(len(section.indices) for section in sections)
    if count == channels:
        return trn("The one channel", "All {count:,} channels", count)
    return trn("The one of these channels", "All {count:,} of these channels", count)


def channel_grid(
    picture: Picture,
    sections: Sequence[Section],
    *,
    selected: int,
    on_pick: Callable[[int], None],
    nothing: str,
    key: str = KEY,
    link: str = "",
    label: str = "",
    given: bool = False,
    folds: bool = False,
    picked: bool = True,
    id: str = "",
    channels: str = "",
    steps: object = None,
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
        label: Names the grid for a screen reader; "" for “Channels”.
        given: Whether the browser has the picture by `give` already.
        folds: Whether a narrow screen shows the first rows alone, and a button for all.
        picked: Whether somebody picked the channel: a folded grid that hides it opens then.
        id: Names the layer where steps to its neighbours are drawn ahead (see layers_ahead.py).
        channels: Names what makes the channels there: a step to a layer of the same keeps the pick.
        steps: The steps that led to it, as `layer_keys.followed` counts them.
    """

    def has_picked() -> None:
        pick = st.session_state[key].get("pick")
        if isinstance(pick, dict) and pick.get("channel") in range(len(picture.empty)):
            on_pick(pick["channel"])

    last = st.session_state.get(key, {}).get("pick") or {}
    with st.container(gap=None, key=f"{key}_box"):
        if not given:
            give(picture, key)
        _grid(
            key=key,
            data={
                **drawing(picture, sections, selected, id, channels),
                "steps": steps,
                "serial": last.get("serial", 0),
                "nothing": nothing,
                "folds": folds,
                "picked": picked,
                "link": link,
                "label": label or tr("Channels"),
                "texts": texts.told(Component.CHANNEL_GRID),
            },
            on_pick_change=has_picked,
        )


_grid = declare(Component.CHANNEL_GRID, "tip")
