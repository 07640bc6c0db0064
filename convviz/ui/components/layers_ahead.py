"""Layers that a step may lead to, ready in the browser; a part of the page that draws nothing.

A step to one of them is drawn at once: the grid has its channels and the texts of the headline by
then, and need not wait for the script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convviz.formatting import unbroken
from convviz.sprites.grid import Section
from convviz.ui.components.channel_grid import Picture, drawing, give
from convviz.ui.components.declare import declare, out_of_sight
from convviz.ui.glossary import MARKED
from convviz.ui.keys import Component


@dataclass(frozen=True)
class LayerAhead:
    """What is drawn of a layer as soon as a step leads to it.

    Attributes:
        id: Names the layer, with all that its grid depends on.
        beside: The ids of the layers that a step leads to from there: 1 away from the image, -1
            towards it.
        picture: Its channels.
        sections: Those that are shown, and how they are grouped.
        selected: The channel that is picked at first.
        markdown: Texts of the page, by CSS selector of the element that each stands in.
        channels: Names what makes its channels: in layers of one such name a pick stays.
    """

    id: str
    beside: Mapping[int, str]
    picture: Picture
    sections: Sequence[Section]
    selected: int
    markdown: Mapping[str, str]
    channels: str


def layers_ahead(
    layers: Sequence[LayerAhead], *, key: str, given: Sequence[LayerAhead] = ()
) -> None:
    """Give layers to the browser, for the grid of channels of this page.

    Layers that pass everything on, such as a dropout, have the same picture as those before them:
    it is given once.

    Args:
        layers: The layers.
        key: Of the component.
        given: Layers that this run of the page has given already.
    """
    has = {layer.picture.message[0] for layer in given}
    pictures = {layer.picture.message[0]: layer.picture for layer in layers}
    with out_of_sight(key):
        for token, picture in pictures.items():
            if token not in has:
                give(picture)
        _component(key=key, data={"layers": [_message(layer) for layer in layers]})


def _message(layer: LayerAhead) -> dict[str, object]:
    return {
        "grid": drawing(layer.picture, layer.sections, layer.selected, layer.id, layer.channels),
        "beside": {str(by): each for by, each in layer.beside.items()},
        "texts": {where: text_nodes(markdown) for where, markdown in layer.markdown.items()},
    }


def text_nodes(markdown: str) -> list[str]:
    """Return the texts that the browser makes of a sentence: code, marked words, what lies between.

    Args:
        markdown: One line whose only signs are names as code, words that `glossary.mark` has marked
            and the backslashes of `plain`; units are kept with their numbers here as the server
            does in every text that it sends.
    """
    parts = re.split(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)", markdown)
    texts = []
    for text, name in zip(parts[::3], [*parts[2::3], ""], strict=True):
        for part in MARKED.split(text):
            texts.append(unbroken(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", part)))
        texts.append(name.strip())
    return [text for text in texts if text.strip()]


_component = declare(Component.LAYERS_AHEAD)
