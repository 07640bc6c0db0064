"""Activations: which channels of a layer answer to the image, and which stay empty?"""

import streamlit as st

from convviz.ui import shell

choice = shell.open_page(
    "Activations",
    question="Every channel of a layer looks for one thing, everywhere in the image. Its map is "
    "bright where it finds it; the map of an **empty** channel finds it nowhere.",
    layer=True,
)

with shell.errors():
    from convviz import features
    from convviz.figures import activations as figures
    from convviz.figures import theme
    from convviz.ui import activations_view as view
    from convviz.ui import cache

    network, layer = choice.network, choice.layer
    shown = cache.activations(choice.image, network, layer)
    headline = st.container()
    looks = view.controls()
    headline.markdown(f"### {shown.sentence(looks.threshold)}")
    headline.caption(view.context(choice, shown, looks.threshold))
    view.explorer(choice, shown, looks)

    st.subheader("Empty channels from the first layer to the last", anchor=False)
    summaries = cache.empty_by_depth(choice.image, network, looks.threshold)
    st.markdown(features.depth_trend(summaries))
    st.plotly_chart(
        figures.empty_by_depth(summaries, layer.name), config=theme.CONFIG, key="depth_chart"
    )
    view.save_depth(choice, summaries)
    view.words()
