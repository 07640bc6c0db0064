"""Step 2: what of the network stays, and what is learned anew."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from convviz.datasets.labelled_set import Dataset, Split
from convviz.datasets.labelled_set import split as split_set
from convviz.learning.config import TrainingSettings
from convviz.learning.plan import Scenario, TransferPlan, recommend
from convviz.learning.plan import plan as plan_transfer
from convviz.networks.network import Network
from convviz.ui import state
from convviz.ui.keys import Key

_NAMES: dict[Scenario, str] = {
    "last-layer": "Replace the last layer only",
    "several": "Replace several fully connected layers",
    "fine-tune": "Fine-tune: also train the encoder's end",
    "scratch": "Train everything from scratch",
}


_SECONDS = (5, 10, 20, 40, 60, 90)


_SIZE = 128


@dataclass(frozen=True)
class Wanted:
    """Everything a training needs to start."""

    plan: TransferPlan
    dataset: Dataset
    split: Split
    settings: TrainingSettings
    compare: bool


def choose(network: Network, dataset: Dataset | None) -> Wanted | None:
    """Choose the scenario and the time; draw what is frozen and what is trained."""
    if dataset is None:
        st.caption("Choose pictures to learn from first.")
        return None
    split = split_set(dataset)
    advice = recommend(len(split.train), len(dataset.classes))
    left, right = st.columns([2, 3], gap="large")
    with left:
        scenario = st.radio(
            "What is learned anew",
            list(_NAMES),
            format_func=lambda each: (
                _NAMES[each] + (" (recommended)" if each == advice.scenario else "")
            ),
            key=state.remember(Key.SCENARIO, advice.scenario, allowed=_NAMES),
        )
        st.caption(advice.why)
        seconds = st.select_slider(
            "Time for the training",
            _SECONDS,
            format_func=lambda each: f"{each} s",
            key=state.remember(Key.TRAINING_SECONDS, 20, allowed=_SECONDS),
            help="At most, and without what comes first: reading the pictures and computing a "
            "frozen encoder's features.",
        )
        compare = st.checkbox(
            "Compare with no transfer",
            key=state.remember(
                Key.TRANSFER_COMPARE, default=True, formerly=Key.ACTIVATIONS_COMPARE
            ),
            help="Two more trainings, each for as long as the first one took: the same decoder on "
            "an untrained encoder, and everything from scratch.",
        )
    made = plan_transfer(network, scenario, dataset.classes)
    with right:
        parts(made)
    settings = TrainingSettings(epochs=40, seconds=float(seconds), size=_SIZE)
    return Wanted(made, dataset, split, settings, compare and scenario != "scratch")


def parts(made: TransferPlan, key: str = "plan") -> None:
    """Draw how much of the network is frozen, and every part of it: the frozen ones grey."""
    trained, whole = made.trainable_parameters, made.parameters
    with st.container(horizontal=True, gap="large", key=f"{key}_numbers"):
        st.metric("Trained", f"{trained:,}", width="content")
        st.metric("Frozen", f"{made.frozen_parameters:,}", width="content")
    st.caption(
        f"{trained / whole:.1%} of the {whole:,} parameters learn; the others stay exactly as they "
        "are."
        if made.frozen_parameters
        else f"All {whole:,} parameters are drawn anew and learn."
    )
    blocks = "".join(
        f'<li class="{"frozen" if not part.trained else "trained"}" '
        f'title="{escape(part.title)}: {part.parameters:,} parameters, {part.state}">'
        f"<span>{escape(part.title.split(' (')[0])}</span><b>{part.state}</b></li>"
        for part in made.parts
    )
    st.html(f'<ol class="convviz-parts">{blocks}</ol>')
    with st.expander("The same as a table"):
        st.dataframe(
            [
                {
                    "part": part.title,
                    "name": part.name,
                    "parameters": part.parameters,
                    "what happens": part.state,
                }
                for part in made.parts
            ],
            hide_index=True,
        )
