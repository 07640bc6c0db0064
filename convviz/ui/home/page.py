"""The image, what of it goes into the network, and what comes out; links to the other pages."""

from __future__ import annotations

import streamlit as st

from convviz.ui import cache, navigation, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.errors import errors
from convviz.ui.how_we_know import how_we_know
from convviz.ui.sidebar import image as sidebar_image


def draw(choice: Choice) -> None:
    """Draw the page; the links stay where the network fails."""
    sidebar_image.chooser("home", wide=True)
    with errors():
        _in_and_out(choice)
        how_we_know("input_crop", "guesses")
    st.subheader("Look further", anchor=False)
    with errors():
        navigation.cards()


def _in_and_out(choice: Choice) -> None:
    """Draw the image, the crop that goes in, and the network's best guesses."""
    network = choice.network
    guesses = cache.predictions(choice.image, network)
    whole, goes_in, comes_out = st.columns([5, 3, 4], gap="large")
    with whole:
        st.subheader("The image", anchor=False)
        sidebar_image.whole(choice.image, network)
    with goes_in:
        st.subheader("What goes in", anchor=False)
        sidebar_image.input_crop(choice.image, network)
    with comes_out:
        st.subheader(f"What {state.plain(network.title)} takes it for", anchor=False)
        predictions.draw(network, guesses)
