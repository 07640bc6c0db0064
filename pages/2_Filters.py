"""Filters: what did the channels of a layer learn to look for?"""

import streamlit as st

from convviz.ui import shell, state
from convviz.ui.keys import Key

choice = shell.open_page(
    "Filters",
    question="A filter is a small pattern of weights that slides over its input and answers where "
    "the pattern is found. Training made these patterns from random numbers.",
    layer=True,
    folder="filters",
)

with shell.errors():
    from convviz.ui.filters import compare, page

    views = ("This layer", "First layers", "Trained and untrained")
    key = state.remember(Key.FILTERS_VIEW, views[0], allowed=views)
    this_layer, first, trained = st.tabs(views, key=key, on_change="rerun")
    with this_layer:
        if this_layer.open:
            page.draw(choice)
    with first:
        if first.open:
            compare.draw(choice)
    with trained:
        if trained.open:
            compare.trained_and_not(choice)
