"""Keys that step through the layers, [ and ]; a part of the page without anything to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from convviz.ui.components.declare import declare, out_of_sight
from convviz.ui.keys import Component

_KEY = "layer_keys"


def layer_keys(buttons: Mapping[str, int], on_step: Callable[[int, int], None]) -> None:
    """Listen to the keys [ and ], and to clicks on buttons.

    Args:
        buttons: Keys of buttons, and the direction that a click on each goes in.
        on_step: Called before the script runs again with how many steps to go from what is drawn
            now, along the trunk and through the parts; steps towards the image are negative.
    """
    # What is on the page now has followed these. Keys may be pressed several times before it is
    # drawn again.
    before = followed()

    def stepped() -> None:
        on_step(*added(before, st.session_state[_KEY].get("steps")))

    with out_of_sight("keys"):
        _component(
            key=_KEY,
            data={"buttons": {f".st-key-{key}": by for key, by in buttons.items()}},
            on_steps_change=stepped,
        )


def followed() -> object:
    """Return the totals that the steps had come to, in the browser, when this run began."""
    return (st.session_state.get(_KEY) or {}).get("steps")


def added(before: object, totals: object) -> tuple[int, int]:
    """Return how many steps were added to the browser's totals, along the trunk and by parts.

    Args:
        before: The totals that were followed last; those of another opened page count for nothing.
        totals: The totals now: a dict of "id", "trunk" and "parts". Anything else has no steps.
    """
    if not isinstance(totals, dict):
        return 0, 0
    same = isinstance(before, dict) and before.get("id") == totals.get("id")
    steps = []
    for name in ("trunk", "parts"):
        now = totals.get(name)
        earlier = before.get(name) if same and isinstance(before, dict) else 0
        if not isinstance(now, int) or not isinstance(earlier, int):
            return 0, 0
        steps.append(now - earlier)
    return steps[0], steps[1]


_component = declare(Component.LAYER_KEYS)
