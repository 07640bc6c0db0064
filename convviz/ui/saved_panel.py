"""Open the file of a network that was trained with convviz, as one more choice of weights."""

from __future__ import annotations

import streamlit as st

from convviz.errors import WeightsError
from convviz.ui import fetch_panel, state
from convviz.ui.keys import Key
from convviz.weights import trained_info
from convviz.weights.load import open_saved

MAX_MEGABYTES = 200  # as .streamlit/config.toml allows


def draw() -> None:
    """Draw what opens a file, and what came of the last one."""
    here = state.visit()
    with st.popover(
        "Open a saved network", icon=":material/folder_open:", width="stretch", key="open_saved"
    ):
        st.file_uploader(
            "The file of a trained network",
            type=["safetensors"],
            key="saved_upload",
            on_change=_take,
            max_upload_size=MAX_MEGABYTES,
            help="Saved on the page Transfer learning or by “convviz train”: a whole network, or a "
            "decoder alone. It becomes one more choice of weights in this visit, and is not passed "
            "on.",
        )
    if here.unopened:
        st.error(f"{here.unopened} The weights in use have not changed.", icon=":material/error:")
    elif here.opened:
        st.success(here.opened, icon=":material/check:")


def _take() -> None:
    """Take over a file; one that cannot be used changes nothing but what is said."""
    file = st.session_state.get("saved_upload")
    if file is None:
        return
    here = state.visit()
    here.opened = here.unopened = ""
    name = state.shorten(file.name, 40)
    try:
        found = open_saved(file.getvalue())
    except WeightsError as error:
        here.unopened = state.plain(f"{name}: {error}")
        return
    source = trained_info.keep(found)
    if source not in here.trained:
        here.trained.append(source)
    fetch_panel.use(found.name, source)
    st.session_state[Key.NETWORK] = found.name
    classes = len(found.weights.classes)
    here.opened = f"{state.plain(name)} is in use: {found.title} with {classes} classes."
