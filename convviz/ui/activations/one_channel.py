"""The view “One channel”: which channel, and the questions that can be asked of it."""

from __future__ import annotations

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.effective_field import effective_field
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.sprites.overlay import heatmap, overlay
from convviz.structure.costs import receptive_field
from convviz.ui import cache, exports, state
from convviz.ui.activations import ablation, arithmetic, second_image, stimulation
from convviz.ui.activations import channel as channel_panel
from convviz.ui.choice import Choice
from convviz.ui.components import position_map
from convviz.ui.keys import Key

TITLE = "One channel"


QUESTIONS = ("Map and field", "What stimulates it", "Arithmetic", "Switch it off")


_PIXELS = 448


def draw(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw the picked channel; only the question that is open is answered."""
    place = f"{choice.network_name}/{shown.layer.name}"
    state.remember_channel(int(shown.maximum.argmax()), shown.channels, place)
    channel = state.channel()
    _heading(shown, channel)
    with st.container(key="activations_channel_facts", gap="small"):
        classes = choice.network.weights.classes
        channel_panel.numbers(shown, threshold, channel, classes)
        facts = st.empty()
    key = state.remember(Key.QUESTION, QUESTIONS[0], allowed=QUESTIONS)
    tabs = st.tabs(QUESTIONS, key=key, on_change="rerun")
    answers = (_map_and_field, stimulation.draw, arithmetic.draw, ablation.draw)
    for tab, answer in zip(tabs, answers, strict=True):
        with tab:
            if tab.open:
                answer(choice, shown, channel)
    # Last: a pass over a set that has just ended knows more.
    facts.caption(stimulation.dead_or_alive(choice, shown, channel))


def _heading(shown: Activations, channel: int) -> None:
    last = shown.channels - 1
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_channel_choice"
    ):
        st.session_state["activations_inspected"] = channel
        st.number_input(
            f"Channel of {shown.layer.title}, 0 to {last}",
            0,
            last,
            key="activations_inspected",
            on_change=lambda: state.pick_channel(int(st.session_state["activations_inspected"])),
            width=260,
        )
        for title, icon, step, shortcut in (
            ("Previous channel", "arrow_back", -1, "Left"),
            ("Next channel", "arrow_forward", 1, "Right"),
        ):
            st.button(
                title,
                icon=f":material/{icon}:",
                key=f"activations_inspected_{'next' if step > 0 else 'previous'}",
                disabled=not 0 <= channel + step <= last,
                on_click=state.pick_channel,
                args=(channel + step,),
                shortcut=shortcut,
            )


def where(choice: Choice, shown: Activations) -> str:
    """Name what a position belongs to."""
    return f"{choice.image.sha256[:16]}/{choice.network_name}/{shown.layer.name}"


def _map_and_field(choice: Choice, shown: Activations, channel: int) -> None:
    values = shown.maps[channel]
    used = choice.network
    st.caption(
        "Point at the map or the image, or move with the arrow keys on the map: the frame is all "
        "that this number can have been computed from."
    )
    seen = receptive_field(used, shown.layer.name, channel)
    place = where(choice, shown)
    position_map.draw(place, choice.crop(), values, seen, "viridis", f"Map of channel {channel}")
    row, column = position_map.position(place, values)
    effect, spread, other = st.columns(3, gap="large")
    with effect:
        _effective(choice, shown, channel, row, column)
    with spread:
        st.markdown("**Values of the map**")
        st.plotly_chart(
            figures.histogram(values), config=theme.CONFIG, key="activations_map_histogram"
        )
    with other:
        _second_image(choice, shown, channel)


def _effective(choice: Choice, shown: Activations, channel: int, row: int, column: int) -> None:
    st.markdown(f"**What matters at row {row}, column {column}**")
    found = effective_field(
        choice.network, choice.image.pixels, shown.layer.name, channel, row, column
    )
    field_ = found.weights.sqrt()
    small = heatmap(field_, field_.shape[0], "magma")
    with st.container(key="activations_effective_field"):
        st.image(small, width="stretch", output_format="PNG", alt="The effective receptive field")
    if found.core is None or found.support is None:
        st.caption("The number is 0 and a little more or less of any pixel leaves it there.")
        return
    st.caption(
        "How much a small change of each pixel would change this number: the brighter, the more. "
        f"Half of it all lies within {found.core.width} × {found.core.height} pixels; "
        f"{found.support.width} × {found.support.height} matter at all."
    )
    exports.save_button(
        "Save as PNG",
        lambda: heatmap(field_, _PIXELS, "magma"),
        exports.file_name(
            choice, shown.layer.name, f"channel{channel}", f"field{row}-{column}", ending="png"
        ),
        key="activations_save_effective",
    )


def _second_image(choice: Choice, shown: Activations, channel: int) -> None:
    beside = second_image.choose(choice.image, "The same channel for another image", "stretch")
    if beside is None:
        st.caption("Bring a picture to see this channel's map for it.")
        return
    answer: Activations = cache.activations(beside, choice.network, shown.layer)
    cut = beside.crop(choice.network, enlarged=_PIXELS)
    both = common_scale(shown, answer, channel)
    over = overlay(cut, answer.maps[channel], 0.75, "viridis", *both)
    said = f"Channel {channel}, {beside.title}"
    st.image(over, width="stretch", output_format="JPEG", alt=said)
    with st.container(key="activations_second_image_map"):
        alone = heatmap(answer.maps[channel], _PIXELS // 2, "viridis", *both)
        st.image(alone, width="stretch", output_format="PNG", alt=f"Map of channel {channel}")
    one, other = (state.plain(state.shorten(e.title, 40)) for e in (choice.image, beside))
    st.caption(
        f"Its map over {other} and alone, on the scale that both images share: its maximum "
        f"is {float(answer.maximum[channel]):.3g}, for {one} "
        f"{float(shown.maximum[channel]):.3g}."
    )


def common_scale(shown: Activations, other: Activations, channel: int) -> tuple[float, float]:
    """Give the scale that two maps of one channel share: from their least to their largest."""
    low = min(float(each.maps[channel].min()) for each in (shown, other))
    high = max(float(each.maps[channel].max()) for each in (shown, other))
    return min(low, 0.0), high
