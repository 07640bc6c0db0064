"""Activations: which channels of a layer answer to the image, and which stay empty?"""

import streamlit as st

from convviz.ui import shell, state
from convviz.ui.keys import Key

choice = shell.open_page(
    "Activations",
    question="Every channel of a layer looks for one thing all over the image. Its map is bright "
    "where it finds it; an **empty** channel finds it nowhere.",
    layer=True,
    folder="activations",
)

with shell.errors():
    from convviz.ui import cache
    from convviz.ui.activations import compare, display, grid
    from convviz.ui.activations import one_channel as inspector
    from convviz.ui.activations import page as view

    shown = cache.activations(choice.image, choice.network, choice.layer)
    said, slider = st.columns([3, 1], gap="large")
    with slider:
        threshold = display.threshold_slider()
    with said:
        view.headline(choice, shown, threshold)
    views = (view.FIRST_VIEW, inspector.TITLE, compare.TITLE, "All layers")
    key = state.remember(Key.ACTIVATIONS_VIEW, views[0], allowed=views)
    this_layer, one_channel, side_by_side, all_layers = st.tabs(views, key=key, on_change="rerun")
    with this_layer:
        if this_layer.open:
            grid.explorer(choice, shown, threshold)
    with one_channel:
        if one_channel.open:
            inspector.draw(choice, shown, threshold)
    with side_by_side:
        if side_by_side.open:
            compare.draw(choice, shown, threshold)
    with all_layers:
        if all_layers.open:
            view.depth(choice, shown.layer, threshold)
    view.words()
