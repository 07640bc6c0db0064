"""The view “One channel”: which channel, and the questions that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.features.activations import Activations
from convviz.language import later, tr
from convviz.ui import state, widgets
from convviz.ui.activations import ablation, arithmetic, dead, grid, map_and_field, stimulation
from convviz.ui.activations.display import DisplayOptions
from convviz.ui.choice import Choice
from convviz.ui.keys import Key

_QUESTIONS: dict[str, Callable[[Choice, Activations, int], None]] = {
    later("Map and field"): map_and_field.draw,
    later("What stimulates it"): stimulation.draw,
    later("Arithmetic"): arithmetic.draw,
    later("Switch it off"): ablation.draw,
}


def draw(choice: Choice, activations: Activations, options: DisplayOptions) -> None:
    """Draw the picked channel; only the question that is open is answered."""
    grid.remember_channel(choice, activations)
    channel = state.channel()
    _heading(activations, channel)
    with st.container(key="activations_channel_facts", gap="small"):
        grid.numbers(activations, options.threshold, channel, choice.network.weights.classes)
        facts = st.empty()
    titles = {title: title for title in _QUESTIONS}
    question = widgets.one_of(tr("Question"), titles, Key.QUESTION, "Map and field")
    _QUESTIONS[question](choice, activations, channel)
    # Last: a pass over a set that has just ended knows more.
    facts.caption(dead.sentence(choice.network, activations, channel))


def _heading(activations: Activations, channel: int) -> None:
    last = activations.channels - 1
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_channel_choice"
    ):
        st.session_state["activations_inspected"] = channel
        st.number_input(
            tr(
                "Channel of {layer}, 0 to {last}",
                layer=state.plain(activations.layer.title),
                last=last,
            ),
            0,
            last,
            key="activations_inspected",
            on_change=lambda: state.pick_channel(int(st.session_state["activations_inspected"])),
            width=260,
        )
        # Their keys, which Streamlit writes on them, are their arrows.
        for title, step, shortcut in (
            (tr("Previous channel"), -1, "Left"),
            (tr("Next channel"), 1, "Right"),
        ):
            st.button(
                title,
                key=f"activations_inspected_{'next' if step > 0 else 'previous'}",
                disabled=not 0 <= channel + step <= last,
                on_click=state.pick_channel,
                args=(channel + step,),
                shortcut=shortcut,
            )
