"""Home: choose an image and a network, and see what goes in and what comes out."""

import streamlit as st

from convviz.ui import navigation, predictions, shell
from convviz.ui.sidebar import image

choice = shell.open_page(
    "Look inside a ConvNet",
    question="Choose an image, and a network in the sidebar. Here is what goes in and what comes "
    "out; the other pages show what happens in between.",
    image_in_sidebar=False,
)

image.chooser("home", wide=True)

with shell.errors():
    from convviz.ui import cache

    network = choice.network
    guesses = cache.predictions(choice.image, network)
    whole, goes_in, comes_out = st.columns([5, 3, 4], gap="large")
    with whole:
        st.subheader("The image", anchor=False)
        image.whole(choice.image, network)
    with goes_in:
        st.subheader("What goes in", anchor=False)
        image.input_crop(choice.image, network)
    with comes_out:
        st.subheader(f"What {network.title} takes it for", anchor=False)
        predictions.draw(network, guesses)

st.subheader("Look further", anchor=False)
navigation.cards()
