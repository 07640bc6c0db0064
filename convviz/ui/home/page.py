"""The image on its way through the network, and what comes out; links to the other pages."""

from __future__ import annotations

import streamlit as st

from convviz.language import tr
from convviz.networks.network import Network
from convviz.ui import cache, navigation, predictions, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components.network_flow import network_flow
from convviz.ui.errors import errors
from convviz.ui.home import findings
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.sidebar import image as sidebar_image


def prepare(image: ChosenImage, network: Network) -> None:
    """Make what the page shows, before the first visitor asks for it."""
    cache.overview(image, network)
    cache.predictions(image, network)
    cache.photograph(image, network)
    sidebar_image.prepare(image, network)


def draw(choice: Choice) -> None:
    """Draw the page; the links stay where the network fails."""
    navigation.draw_start()
    sidebar_image.chooser("home", wide=True)
    with errors():
        _from_image_to_classes(choice)
        how_we_know("input_crop", "strongest maps", "empty channels", "guesses")
    with errors(), st.container(key="home_look_further"):
        st.header(tr("Look further"), anchor=False)
        navigation.cards()


def _from_image_to_classes(choice: Choice) -> None:
    """Draw the network's stages from left to right, and its best guesses beside them."""
    network, image = choice.network, choice.image
    # Before anything is drawn: where the network fails, it is said once.
    overview = cache.overview(image, network)
    stages, comes_out = st.columns([10, 3], gap="medium")
    with stages:
        st.header(
            tr("What {network} makes of it", network=state.plain(network.title)), anchor=False
        )
        opened = network_flow(
            overview.stages,
            cache.photograph(image, network),
            network.weights.input_size,
            key="home_flow",
        )
        if opened:
            state.ask({Key.LAYER: opened})
            st.switch_page("pages/1_Activations.py")
        st.caption(findings.stages(overview.stages))
        if image.credit:
            st.caption(tr("Photograph: {credit}.", credit=image.credit))
        _draw_input(choice)
    # Where the guesses take a pass of their own, the stages are on the screen by then.
    with comes_out, errors(), st.container(key="home_guesses"):
        st.header(
            tr("What {network} takes it for", network=state.plain(network.title)), anchor=False
        )
        guesses = overview.predictions
        guesses = cache.predictions(image, network) if guesses is None else guesses
        predictions.draw(network, guesses, lambda: _own_picture(network))
        size = network.weights.decoder_size
        if guesses and size not in (None, network.weights.input_size):
            st.caption(predictions.seen_at(network, size))
        unknown = findings.unknown_class(sidebar_image.names_of(image), network)
        if unknown:
            st.caption(unknown)


def _own_picture(network: Network) -> None:
    """Say below the guesses for a visitor's own image what the network can know, with the list."""
    said = findings.own_picture(network)
    if not said or state.visit().values.get(Key.IMAGE) != sidebar_image.OWN:
        return
    st.markdown(said)
    names = [state.plain(name.split(",")[0]) for name in network.weights.classes]
    with st.popover(tr("The classes it knows"), key="home_classes"):
        st.markdown(" · ".join(names))


def _draw_input(choice: Choice) -> None:
    """Draw the whole image and the part that goes into the network, once they are asked for."""
    unfolded = st.expander(
        tr("The whole image, and the part that goes in"),
        icon=":material/crop:",
        key="home_input",
        on_change="rerun",
    )
    if not unfolded.open:  # two images, which every run would draw and send
        return
    with unfolded:
        whole, goes_in = st.columns([5, 3], gap="large")
        with whole:
            sidebar_image.whole(choice.image, choice.network)
        with goes_in:
            sidebar_image.input_crop(choice.image, choice.network)
