"""Auxiliary classifiers: do small classifiers half-way help a deep network learn?"""

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Auxiliary classifiers",
    question="Do small classifiers half-way help a deep network learn? Train the same network "
    "twice at once, with and without them, and watch the gradients.",
    needs_network=False,
    image_in_sidebar=False,
    folder="auxiliary",
)

with shell.errors():
    from convviz.ui import datasets, jobs
    from convviz.ui.auxiliary import page, settings

    page_jobs = jobs.page_jobs("auxiliary")
    view = page_jobs.find()
    if view is None:
        page.explain()
    drawing = st.container()
    with st.expander("Pictures to learn from", expanded=False):
        dataset = datasets.choose()
    # Out of the way while there is something to watch.
    with st.expander("Weight of the auxiliary losses, and settings", expanded=view is None):
        wanted = settings.choose()
    with drawing:
        page.draw_idea(wanted.weight)
    page.start_button(page_jobs, dataset, wanted, view)
    if view is not None:
        page.draw(page_jobs, view)
