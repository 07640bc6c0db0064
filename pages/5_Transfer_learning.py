"""Transfer learning: a trained encoder, a decoder of one's own."""

from pathlib import Path

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Transfer learning",
    question="How does a trained encoder help a new task with few images? Keep what it has learned "
    "to see, and teach it new names.",
)

with shell.errors():
    from convviz.learning.transfer import train_transfer
    from convviz.ui import jobs
    from convviz.ui.learning import data_panel, plan_panel, training_panel

    st.html(Path(training_panel.__file__).with_name("style.css"))
    st.subheader("1 · Pictures with classes", anchor=False)
    dataset = data_panel.choose()
    st.subheader("2 · What stays, and what is learned", anchor=False)
    wanted = plan_panel.choose(choice.network, dataset)
    st.subheader("3 · Training", anchor=False)
    desk = jobs.desk("transfer", train_transfer)
    view = desk.find()
    training_panel.start_button(desk, wanted, view)
    if view is not None:
        training_panel.draw(desk, view, choice)
