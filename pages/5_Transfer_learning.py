"""Transfer learning: a trained encoder, a decoder of one's own."""

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Transfer learning",
    question="How does a trained encoder help a new task with few images? Keep what it has learned "
    "to see, and teach it new names.",
    folder="transfer",
)

with shell.errors():
    from convviz.ui import datasets, jobs
    from convviz.ui.transfer import plan, training

    st.subheader("1 · Pictures with classes", anchor=False)
    dataset = datasets.choose()
    st.subheader("2 · What stays, and what is learned", anchor=False)
    wanted = plan.choose(choice.network, dataset)
    st.subheader("3 · Training", anchor=False)
    page_jobs = jobs.page_jobs("transfer")
    view = page_jobs.find()
    training.start_button(page_jobs, wanted, view)
    if view is not None:
        training.draw(page_jobs, view, choice)
