"""Layers that the visitor may step to, given to the browser before the step."""

from __future__ import annotations

from contextlib import suppress

from convviz.errors import ConvvizError
from convviz.features import findings
from convviz.features.activations import Activations
from convviz.ui import cache, glossary, state
from convviz.ui.activations import dead, grid
from convviz.ui.activations.display import DisplayOptions, atlas_of
from convviz.ui.choice import Choice
from convviz.ui.components.layers_ahead import LayerAhead, layers_ahead
from convviz.ui.sidebar.layer import steps

HEADLINE = "activations_headline"  # key of the box that the image's headline stands in

_HEADING = f".st-key-{HEADLINE} h2"
_CAPTION = f".st-key-{HEADLINE} [data-testid=stCaptionContainer] p"


def headline(choice: Choice, activations: Activations, options: DisplayOptions) -> tuple[str, str]:
    """Say which channels draw the clearest maps; and in which layer, and how many are empty."""
    return (
        findings.strongest(activations, options.threshold),
        findings.layer_headline(activations, choice.network.title, options.threshold),
    )


def give_shown(
    choice: Choice, activations: Activations, options: DisplayOptions, texts: tuple[str, str]
) -> LayerAhead:
    """Give the layer that is shown, with its headline; who steps away from it may step back."""
    shown = _layer(choice, activations, options, texts)
    layers_ahead([shown], key="activations_layers_shown")
    return shown


def give_neighbours(
    choice: Choice, activations: Activations, options: DisplayOptions, shown: LayerAhead
) -> None:
    """Give what lies beside the layer that the page opens with, or that a step led to.

    Then another step may follow. Who picks layers from the list waits for the script, and does not
    pay for what is not looked at.

    Args:
        choice: The image and the network.
        activations: Of the layer that is shown.
        options: How the page shows layers.
        shown: From `give_shown`.
    """
    layer = activations.layer
    if state.visit().stepped_to not in ("", layer.name):
        return
    by_name = {each.name: each for each in cache.layers(choice.network)}
    neighbours = []
    for name in _beside(choice, layer.name).values():
        with suppress(ConvvizError):  # the page says it when the visitor gets there
            maps = cache.activations(choice.image, choice.network, by_name[name])
            neighbours.append(_layer(choice, maps, options, headline(choice, maps, options)))
    layers_ahead(neighbours, key="activations_layers_ahead", given=[shown])


def _layer(
    choice: Choice, activations: Activations, options: DisplayOptions, texts: tuple[str, str]
) -> LayerAhead:
    atlas = atlas_of(choice.image, choice.network, activations, options)
    known = dead.known(choice.network, activations.layer)
    beside = _beside(choice, activations.layer.name)
    origin = cache.channels_origin(choice.network, activations.layer)
    picked = state.picked_channel(origin)
    heading, caption = texts
    return LayerAhead(
        grid.grid_id(choice, activations.layer.name, options),
        {by: grid.grid_id(choice, name, options) for by, name in beside.items()},
        grid.picture_of(atlas, activations, options.threshold, known),
        grid.sections_of(activations, options),
        activations.most_salient if picked is None else picked,
        {_HEADING: heading, _CAPTION: glossary.mark(caption)},  # as it is sent (`sent_words`)
        origin,
    )


def _beside(choice: Choice, name: str) -> dict[int, str]:
    """Name the layers that a step leads to, away from the image (1) and towards it (-1)."""
    ways = steps(choice.network, cache.layers(choice.network))
    found = {by: ways.target(name, by) for by in (1, -1)}
    return {by: each for by, each in found.items() if each != name}
