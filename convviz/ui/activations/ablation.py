"""The question “Switch it off”: what deeper layers and the predictions become without channels."""

from __future__ import annotations

import streamlit as st

from convviz.features import channel_findings
from convviz.features.ablation import Ablation, ablate, deeper_layers
from convviz.features.activations import Activations
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.language import later, tr
from convviz.sprites.overlay import ends, heatmap
from convviz.ui import charts, predictions, state
from convviz.ui.activations.compare import CHANNEL_WISE
from convviz.ui.choice import Choice
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry, Key
from convviz.ui.sidebar.layer import titles

_MODES = (later("Switch off"), later("Keep only"))
_MOST_MAPS = 8
_PIXELS = 104  # side of a map


def draw(choice: Choice, activations: Activations, channel: int) -> None:
    """Switch channels off and compare."""
    layer = activations.layer
    by_name = {deeper.name: deeper for deeper in deeper_layers(choice.network, layer.name)}
    if not by_name:
        st.info(tr("This is the last layer: nothing comes after it that could change."))
        return
    names = list(by_name)
    # What works on each channel by itself changes in those that are off alone.
    mixing = (name for name, deeper in by_name.items() if deeper.kind not in CHANNEL_WISE)
    _begin_with(activations, channel)
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_ablation_controls"
    ):
        mode = st.segmented_control(
            tr("These channels"),
            _MODES,
            format_func=tr,
            required=True,
            key=state.remember(Key.SILENCE_MODE, _MODES[0], allowed=_MODES, in_url=False),
            wrap=True,
        )
        channels = st.multiselect(
            tr("Channels"), range(activations.channels), key="activations_ablated", width=320
        )
        deeper_name = st.selectbox(
            tr("Look closely at"),
            names,
            format_func=titles(tuple(by_name.values())).__getitem__,
            key=state.remember(
                Key.SILENCE_DEEPER, next(mixing, names[0]), allowed=names, in_url=False
            ),
            width=320,
        )
    ablation = ablate(
        choice.network,
        choice.image.pixels,
        layer.name,
        channels,
        deeper_name,
        keep=mode == _MODES[1],
    )
    st.caption(channel_findings.ablation(ablation))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(tr("**How much each deeper layer changes**"))
        figure = figures.changes(ablation.changes, ablation.deeper.name)
        charts.draw(figure, config=theme.CONFIG, key="activations_changes")
    with right:
        _predictions(ablation)
    _maps(ablation)
    how_we_know("ablation")


def _begin_with(activations: Activations, channel: int) -> None:
    """Keep the channels that are chosen; begin with the picked one when another is picked."""
    chosen = st.session_state.get("activations_ablated", [])
    chosen = [index for index in chosen if index < activations.channels]
    picked = (activations.layer.name, channel)
    if not chosen or st.session_state.get(Entry.SILENCED_FOR) != picked:
        chosen = [channel]
    st.session_state[Entry.SILENCED_FOR] = picked
    st.session_state["activations_ablated"] = chosen


def _predictions(ablation: Ablation) -> None:
    if not ablation.predictions_before:
        st.info(tr("With these weights no class is known, so there is no prediction to compare."))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(tr("**Prediction before**"))
        predictions.bars(ablation.predictions_before)
    with right:
        st.markdown(tr("**Prediction after**"))
        predictions.bars(ablation.predictions_after)


def _maps(ablation: Ablation) -> None:
    most_changed = ablation.most_changed()
    # What did not change shows nothing: behind its own ReLU that is all but what was switched off.
    changed = most_changed[ablation.relative[most_changed] != 0][:_MOST_MAPS].tolist()
    if not changed:
        st.markdown(channel_findings.nothing_changed(ablation.deeper.title))
        return
    st.markdown(channel_findings.most_changed_heading(ablation.deeper.title))
    with st.container(horizontal=True, key="activations_changed_maps"):
        for channel in changed:
            before = ablation.before.rectified[channel]
            after = ablation.after.rectified[channel]
            low, high = ends(before, after)
            with st.container(width=_PIXELS, gap="small"):
                for map_, alt in (
                    (before, tr("Channel {channel} before", channel=channel)),
                    (after, tr("Channel {channel} after", channel=channel)),
                ):
                    st.image(
                        heatmap(map_, _PIXELS, "viridis", low, high),
                        width=_PIXELS,
                        output_format="PNG",
                        alt=alt,
                    )
                st.caption(
                    channel_findings.ablation_channel(channel, float(ablation.relative[channel]))
                )
