"""Training: how do feature maps grow while a network learns?"""

import streamlit as st

from convviz.ui import shell
from convviz.ui.keys import Key

choice = shell.open_page(
    "Training",
    question="How do feature maps grow while a network learns? Scrub through a training that was "
    "recorded, or train a small network here and watch.",
    needs_network=False,
)

with shell.errors():
    from convviz.ui import state
    from convviz.ui.training import live, recorded

    views = {"recorded": "A recorded training", "live": "Train one here"}
    shown = st.segmented_control(
        "What to watch",
        views,
        format_func=views.__getitem__,
        key=state.remember(Key.WATCH, "recorded", allowed=views),
        label_visibility="collapsed",
        required=True,
    )
    (live if shown == "live" else recorded).draw(choice)
