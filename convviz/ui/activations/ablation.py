"""The question “Switch it off”: what deeper layers and the predictions make of its absence."""

from __future__ import annotations

import streamlit as st

from convviz.features.ablation import Ablation, ablate, deeper_layers
from convviz.features.activations import Activations
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.sprites.overlay import heatmap
from convviz.ui import predictions, state
from convviz.ui.choice import Choice
from convviz.ui.keys import Entry, Key
from convviz.ui.sidebar.layer import titles

_MODES = ("Switch off", "Keep only")


_SHOWN = 8


_PIXELS = 104


def draw(choice: Choice, shown: Activations, channel: int) -> None:
    """Switch channels off and compare."""
    later = deeper_layers(choice.network, shown.layer.name)
    if not later:
        st.info("This is the last layer: nothing comes after it that could change.")
        return
    st.session_state.setdefault("activations_ablated", [channel])
    held = [each for each in st.session_state["activations_ablated"] if each < shown.channels] or [
        channel
    ]
    if st.session_state.get(Entry.SILENCED_FOR) != (shown.layer.name, channel):
        held = [channel]
    st.session_state[Entry.SILENCED_FOR] = (shown.layer.name, channel)
    st.session_state["activations_ablated"] = held
    names = [layer.name for layer in later]
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_ablation_controls"
    ):
        mode = st.segmented_control(
            "These channels",
            _MODES,
            required=True,
            key=state.remember(Key.SILENCE_MODE, _MODES[0], allowed=_MODES, in_url=False),
        )
        st.multiselect("Channels", range(shown.channels), key="activations_ablated", width=320)
        deeper = st.selectbox(
            "Look closely at",
            names,
            format_func=titles(later).__getitem__,
            key=state.remember(Key.SILENCE_DEEPER, names[0], allowed=names, in_url=False),
            width=320,
        )
    found = ablate(
        choice.network,
        choice.image.pixels,
        shown.layer.name,
        st.session_state["activations_ablated"],
        deeper,
        keep=mode == _MODES[1],
    )
    _said(found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**How much each deeper layer changes**")
        st.plotly_chart(
            figures.changes(found.changes), config=theme.CONFIG, key="activations_changes"
        )
    with right:
        _predictions(found)
    _maps(found)


def _said(found: Ablation) -> None:
    off, all_ = len(found.channels), found.layer.shape[0]
    st.caption(
        f"{off} of {all_} channels of {found.layer.title} are off. Change: length of the "
        "difference of all the layer's numbers, as a share of their length before."
    )


def _maps(found: Ablation) -> None:
    order = found.most_changed()[:_SHOWN].tolist()
    st.markdown(f"**Channels of {found.deeper.title} that change most**: above before, below after")
    with st.container(horizontal=True, key="activations_changed_maps"):
        for channel in order:
            before, after = found.before.rectified[channel], found.after.rectified[channel]
            low = min(float(before.min()), float(after.min()), 0.0)
            high = max(float(before.max()), float(after.max()))
            with st.container(width=_PIXELS, gap="small"):
                for map_, when in ((before, "before"), (after, "after")):
                    st.image(
                        heatmap(map_, _PIXELS, "viridis", low, high),
                        width=_PIXELS,
                        output_format="PNG",
                        alt=f"Channel {channel} {when}",
                    )
                st.caption(f"Channel {channel}, {_percent(float(found.relative[channel]))}")


def _percent(relative: float) -> str:
    return f"changed by {relative:.0%}" if relative < 1e4 else "woken up"


def _predictions(found: Ablation) -> None:
    if not found.predictions_before:
        st.info("These weights have no decoder, so there is no prediction to compare.")
        return
    before, after = st.columns(2, gap="medium")
    with before:
        st.markdown("**Prediction before**")
        predictions.bars(found.predictions_before)
    with after:
        st.markdown("**Prediction after**")
        predictions.bars(found.predictions_after)
