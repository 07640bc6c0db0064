"""Saves what a page shows as one HTML file to work with on paper; nothing to see by itself.

The browser makes the file, of the page as it stands when the button is pressed: headings, texts
and tables as text, figures as images, chosen settings as a list. Nothing in it is fetched from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convviz import language
from convviz.ui.components import texts
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
    settings: Mapping[str, str] | None,
    command: str,
    command_note: str,
    link: Mapping[str, str | None],
    link_note: str,
) -> None:
    """Save the page when a button is pressed.

    Args:
        button: Key of the button.
        name: The file's name.
        image: The title of the sidebar's image and whom to thank for it, for the top of the sheet;
            empty where the page is about another, and not written where the sidebar shows none.
        about: What else the page is about, each with its name: network, weights, layer.
        questions: Each with its possible answers.
        settings: What is shown was made with; None for what the page's widgets show.
        command: The command line that makes the same again; "" where there is none.
        command_note: A text below it.
        link: What the page's address gets in the link, by parameter; None takes one out.
        link_note: A text below the link.
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
                "settings": None if settings is None else [list(row) for row in settings.items()],
                "command": command,
                "commandNote": command_note,
                "link": {str(name): value for name, value in link.items()},
                "linkNote": link_note,
                "language": language.current(),
                "texts": texts.told(Component.WORKSHEET),
            },
        )


_component = declare(Component.WORKSHEET, scripts=("figures",))
