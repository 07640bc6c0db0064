"""Auxiliary classifiers: do small classifiers half-way help a deep network learn?"""

from pathlib import Path

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Auxiliary classifiers",
    question="Do small classifiers half-way help a deep network learn? Train the same network "
    "twice at once, with and without them, and watch the gradients.",
    needs_network=False,
    image_in_sidebar=False,
)

with shell.errors():
    from convviz.learning.auxiliary import compare_auxiliary
    from convviz.ui import jobs
    from convviz.ui.auxiliary import idea, panel, settings
    from convviz.ui.learning import data_panel

    st.html(Path(panel.__file__).with_name("style.css"))
    desk = jobs.desk("auxiliary", compare_auxiliary)
    view = desk.find()
    if view is None:
        idea.explain()
    drawing = st.container()
    with st.expander("Pictures to learn from", expanded=False):
        dataset = data_panel.choose()
    # Out of the way while there is something to watch.
    with st.expander("Weight of the auxiliary losses, and settings", expanded=view is None):
        wanted = settings.choose()
    with drawing:
        idea.draw(wanted.weight)
    panel.start_button(desk, dataset, wanted, view)
    if view is not None:
        panel.draw(desk, view)
