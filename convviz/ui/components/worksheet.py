"""Saves what a page shows as one HTML file to work with on paper; nothing to see by itself.

The browser makes the file, of the page as it stands when the button is pressed: headings, texts
and tables as text, figures as images, chosen settings as a list. Nothing in it is fetched from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convviz.ui.components.declare import declare, out_of_sight
from convviz.ui.keys import Component

_KEY = "worksheet"


def worksheet(
    *,
    button: str,
    name: str,
    image: Mapping[str, str],
    about: Mapping[str, str],
    questions: Sequence[tuple[str, Sequence[str]]],
    command: str,
) -> None:
    """Save the page when a button is pressed.

    Args:
        button: Key of the button.
        name: The file's name.
        image: The image's title and whom to thank for it; not written where the page has none.
        about: What else the page is about, each with its name: network, weights, layer.
        questions: Each with its possible answers.
        command: The command line that makes the same again; "" where there is none.
    """
    with out_of_sight("worksheet"):
        _component(
            key=_KEY,
            data={
                "button": f".st-key-{button} button",
                "name": name,
                "image": dict(image),
                "about": dict(about),
                "questions": [[text, list(options)] for text, options in questions],
                "command": command,
            },
        )


_component = declare(Component.WORKSHEET)
