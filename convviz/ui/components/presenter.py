"""Presenter mode in the browser: large text, its keys, images that fill the screen; and copying."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convviz.ui.components import texts
from convviz.ui.components.declare import declare, out_of_sight
from convviz.ui.keys import Component

_KEY = "presenter"


def presenter(
    *,
    on: bool,
    on_toggle: Callable[[], None],
    copy: str,
    left_out: Sequence[str],
    back: str,
    forward: str,
) -> None:
    """Listen to the key p, and in presenter mode to the arrow keys, Escape, and clicks on images.

    Args:
        on: Whether the page is in presenter mode.
        on_toggle: Called before the script runs again when the visitor enters or leaves it.
        copy: Key of the button that copies the page's address.
        left_out: Parameters of the address that are not copied.
        back: Key of the button that the left arrow presses; without it the arrow goes to the layer
            before.
        forward: The same for the right arrow.
    """
    with out_of_sight("presenter"):
        _component(
            key=_KEY,
            data={
                "on": on,
                "copy": _selector(copy),
                "left_out": [str(name) for name in left_out],
                "back": _selector(back),
                "forward": _selector(forward),
                "texts": texts.told(Component.PRESENTER),
            },
            on_toggle_change=on_toggle,
        )


def _selector(key: str) -> str:
    return f".st-key-{key} button"


_component = declare(Component.PRESENTER, scripts=("figures",))
