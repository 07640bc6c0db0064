"""Reconstruction: what does a layer still know about the image?"""

from pathlib import Path

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Reconstruction",
    question="What does a layer still know about the image? Make an image from its feature maps "
    "alone, and see what comes back and what does not.",
    layer=True,
)

with shell.errors():
    from convviz.reconstruction import progress
    from convviz.ui import jobs
    from convviz.ui.reconstruction import page, settings

    st.html(Path(page.__file__).with_name("style.css"))
    desk = jobs.desk("reconstruction", progress.reconstruct_one, progress.reconstruct_series)
    plans, start = settings.plans(choice)
    view = desk.find()
    with start:
        page.start_button(desk, plans, view)
    if view is None:
        page.preview(plans)
    else:
        page.draw(desk, view)
