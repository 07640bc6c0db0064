"""Explains the glossary's words on a page where they are marked; nothing to see by itself."""

from __future__ import annotations

from convviz.ui import glossary
from convviz.ui.components.declare import declare, out_of_sight
from convviz.ui.keys import Component

_KEY = "glossary"


def explain_words() -> None:
    """Explain marked words on hover, tap and focus, wherever on the page they stand."""
    with out_of_sight("glossary"):
        _component(key=_KEY, data={"meanings": glossary.meanings()})


_component = declare(Component.GLOSSARY)
