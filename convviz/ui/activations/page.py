"""The parts of the page Activations: headline, grid, chart, and what can be saved."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convviz.features.activations import Activations, depth_trend
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.structure.layers import Layer
from convviz.ui import cache as shared
from convviz.ui import exports, state
from convviz.ui.choice import Choice
from convviz.ui.keys import Key

FIRST_VIEW = "This layer"


_NOTHING = {
    "all": "",
    "hide": "Every channel is empty for this image, so none is left to show.",
    "only": "No channel is empty for this image, so there is none to show.",
}


def headline(choice: Choice, shown: Activations, threshold: float) -> None:
    """Say how many channels are empty, in which layer, and what counts as empty."""
    st.subheader(shown.sentence(threshold), anchor=False)
    layer = shown.layer
    channels, height, width = shown.maps.shape
    of = "" if height == width == 1 else f" maps of {height} × {width}"
    size = f"{channels}{of or ' numbers'}"
    dotted = "" if layer.name == layer.title else f" (`{layer.name}`)"
    said = [f"{layer.title}{dotted} of {choice.network.title}, {layer.kind}: {size}."]
    most = shown.empty_up_to(threshold)
    if threshold > 0:
        said.append(f"Empty: no activation beyond {most:.3g}, which is τ times the strongest.")
    elif layer.pre_relu is None:
        said.append("Empty: every activation is 0.")
    else:
        said.append("Empty: no activation above 0.")
    if layer.pre_relu is not None:
        said.append("The ReLU after this layer is still to come: what it would let through counts.")
    st.caption(" ".join(said))


def depth(choice: Choice, layer: Layer, threshold: float) -> None:
    """Draw how the share of empty channels changes from the first layer to the last."""
    summaries = shared.empty_by_depth(choice.image, choice.network, threshold)
    st.markdown(depth_trend(summaries))
    figure = figures.empty_by_depth(summaries, layer.name)
    st.plotly_chart(
        figure,
        config=theme.CONFIG,
        key="activations_depth_chart",
        on_select=lambda: _open_layer([each.layer.name for each in summaries]),
        selection_mode="points",
    )
    st.caption("Click a bar to open its layer.")
    exports.save_button(
        "Save as CSV",
        lambda: exports.depth(summaries),
        exports.file_name(choice, "empty-by-depth", ending="csv"),
        key="activations_save_depth",
    )


def _open_layer(names: Sequence[str]) -> None:
    """Open the layer whose bar was clicked."""
    points = st.session_state["activations_depth_chart"]["selection"]["points"]
    if points:
        st.session_state[Key.LAYER] = names[points[0]["point_index"]]
        state.open_view(FIRST_VIEW)


def words() -> None:
    """Explain the page's words."""
    with st.expander("Words"):
        st.markdown(
            "- **Layer**: one step of the network; it turns a stack of maps into another.\n"
            "- **Channel**: one map of that stack. It is made by one filter that looks for the "
            "same pattern everywhere.\n"
            "- **Activation**: one number of a map: how well the pattern fits at this place.\n"
            "- **ReLU**: the step that sets every negative number to 0.\n"
            "- **Batch norm**: a step that shifts and scales each channel, so that the next layer "
            "gets numbers of a familiar size.\n"
            "- **Concatenation**: the maps of several branches, one behind the other.\n"
            "- **Empty channel**: a channel with no activation left after the ReLU, for this "
            "image. Another image may wake it up.\n"
            "- **Dead channel**: a channel that is empty for every picture of a set. How many "
            "pictures that were, N, always stands beside it: a larger set may wake it up."
        )
