"""Step 2: which parts of the network stay frozen, and which are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from convviz.datasets.labelled_set import Dataset, Partition, partition
from convviz.errors import SettingError
from convviz.formatting import grouped
from convviz.language import again, later, tr
from convviz.learning.augmentation import seconds_an_epoch
from convviz.learning.config import TrainingSettings
from convviz.learning.image_side import side_for
from convviz.learning.plan import Part, Scenario, State, TransferPlan, recommend
from convviz.learning.plan import plan as plan_transfer
from convviz.networks.network import Network
from convviz.ui import cache, state, tables
from convviz.ui.keys import Key
from convviz.ui.transfer import findings

_NAMES: dict[Scenario, str] = {
    "last-layer": later("Replace the last layer only"),
    "several": later("Replace several fully connected layers"),
    "fine-tune": later("Fine-tune: also train the encoder's end"),
    "scratch": later("Train everything from scratch"),
}
_STATES: dict[State, str] = {
    "frozen": later("frozen"),
    "thawed": later("thawed"),
    "replaced": later("learned anew"),
    "keeps learning": later("keeps learning"),
    "from scratch": later("from scratch"),
}
_SECONDS = (5, 10, 20, 40, 60, 90)


@dataclass(frozen=True)
class TransferSetup:
    """What a training is started with: the plan, the images, the settings, and what to compare."""

    plan: TransferPlan
    dataset: Dataset
    partition: Partition
    settings: TrainingSettings
    compare: bool


def choose(network: Network, dataset: Dataset | None) -> TransferSetup | None:
    """Choose the scenario and the time; draw which parts are frozen and which are trained."""
    if dataset is None:
        st.caption(tr("Choose pictures to learn from first."))
        return None
    try:
        parts = partition(dataset)
    except SettingError as error:
        st.error(state.plain(str(error)), icon=":material/error:")
        return None
    st.caption(findings.division(parts))
    advice = recommend(len(parts.split.train), len(dataset.classes))
    left, right = st.columns([2, 3], gap="large")
    with left:
        scenario = st.radio(
            tr("What is learned anew"),
            list(_NAMES),
            format_func=lambda name: (
                tr("{scenario} (recommended)", scenario=tr(_NAMES[name]))
                if name == advice.scenario
                else tr(_NAMES[name])
            ),
            key=state.remember(Key.SCENARIO, advice.scenario, allowed=_NAMES),
        )
        st.caption(again(advice.why))
        seconds = st.select_slider(
            tr("Time for the training"),
            _SECONDS,
            format_func=lambda seconds: f"{seconds} s",
            key=state.remember(Key.TRAINING_SECONDS, 20, allowed=_SECONDS),
            help=tr(
                "At most, and without what comes first: reading the pictures and computing a "
                "frozen encoder's features."
            ),
        )
        augment = st.checkbox(
            tr("Augment the pictures"),
            key=state.remember(Key.AUGMENT, default=False),
            help=tr(
                "Each time a picture is learned from, it may be mirrored, is cropped to at "
                "least 64 % of its area, and is changed a little in brightness, contrast and "
                "saturation. Pictures that choose the epoch or test stay as they are."
            ),
        )
        side = cache.once(lambda: side_for(network), "side", network)
        if augment:
            images = len(parts.split.train)
            seconds_each = cache.once(
                lambda: seconds_an_epoch(network, images, side), "epoch", network, images
            )
            st.caption(findings.augmentation_cost(images, seconds_each, seconds))
        # An encoder that is untrained itself has nothing to transfer.
        untrained = network.weights.source == "random"
        compare = st.checkbox(
            tr("Compare with no transfer"),
            key=state.remember(
                Key.TRANSFER_COMPARE, default=True, formerly=Key.ACTIVATIONS_COMPARE
            ),
            disabled=untrained or scenario == "scratch",
            help=tr(
                "Two more trainings, tested with the same pictures: the same decoder with "
                "the same settings on an untrained encoder, and everything from scratch for "
                "as long as the first training took."
            ),
        )
    plan = plan_transfer(network, scenario, dataset.classes)
    with right:
        draw_parts(plan)
    settings = TrainingSettings(epochs=40, seconds=float(seconds), size=side, augment=augment)
    compare = compare and scenario != "scratch" and not untrained
    return TransferSetup(plan, dataset, parts, settings, compare)


def draw_parts(plan: TransferPlan, key: str = "transfer_plan") -> None:
    """Draw how much of the network is frozen, and every part of it: the frozen ones grey.

    Args:
        plan: The plan.
        key: Begins the widgets' keys.
    """
    with st.container(horizontal=True, gap="large", key=f"{key}_numbers"):
        st.metric(tr("Trained"), grouped(plan.trainable_parameters), width="content")
        st.metric(tr("Frozen"), grouped(plan.frozen_parameters), width="content")
    st.caption(findings.trained_share(plan))
    blocks = "".join(
        f'<li class="{"frozen" if not part.trained else "trained"}" '
        f'title="{escape(_described(part))}">'
        f"<span>{escape(_short(part))}</span><b>{tr(_STATES[part.state])}</b></li>"
        for part in plan.parts
    )
    st.html(f'<ol class="convviz-parts">{blocks}</ol>')
    with st.expander(tr("The same as a table")):
        cells: dict[str, Sequence[object]] = {
            tr("part"): [again(part.title) for part in plan.parts],
            tr("name"): [part.name for part in plan.parts],
            tr("parameters"): [part.parameters for part in plan.parts],
            tr("what happens"): [tr(_STATES[part.state]) for part in plan.parts],
        }
        tables.draw(cells, key="transfer_plan_table")


def _short(part: Part) -> str:
    """Return a part's title without what stands in brackets."""
    return again(part.title).split(" (")[0]


def _described(part: Part) -> str:
    """Say what happens with a part and its parameters."""
    return tr(
        "{part}: {count:,} parameters, {state}",
        part=again(part.title),
        count=part.parameters,
        state=tr(_STATES[part.state]),
    )
