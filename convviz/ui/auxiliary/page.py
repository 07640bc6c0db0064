"""The two trainings, live and afterwards."""

from __future__ import annotations

import math

import streamlit as st

from convviz.datasets.labelled_set import Dataset, split
from convviz.figures import auxiliary as figures
from convviz.figures import theme as saved
from convviz.jobs.job import JobView
from convviz.learning import findings
from convviz.learning.auxiliary import Comparison, Settings, compare_auxiliary
from convviz.learning.small_networks import HEADS, NARROWER
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.ui import exports, jobs, state
from convviz.ui.auxiliary.settings import in_short
from convviz.ui.jobs import PageJobs

_STAGES = (
    *("conv1", "conv2", "conv3", "inception3a", "inception3b"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e"),
    *("inception5a", "inception5b", "fc"),
)


def explain() -> None:
    """Say what they are for."""
    st.markdown(
        "In a deep network the loss is far from the first layers, and its gradient has to come "
        "back through all the layers in between. GoogLeNet hangs two small classifiers half-way. "
        "While it trains, their losses are added to the main one, each weighted "
        f"{AUXILIARY_WEIGHT:g}; after "
        "training they are thrown away (Szegedy et al. 2015, §5)."
    )


def draw_idea(weight: float) -> None:
    """Draw the network with its heads.

    Args:
        weight: What each auxiliary loss is multiplied with.
    """
    blocks = "".join(_block(name, weight) for name in _STAGES)
    st.html(f'<ol class="convviz-heads" aria-label="Where the heads sit">{blocks}</ol>')
    st.caption(
        f"This network is GoogLeNet with every layer {NARROWER} times narrower, nine Inception "
        f"modules deep. loss = main + {weight:g} · aux1 + {weight:g} · aux2 on one side, and main "
        "alone on the other. Both begin with the same weights and see the same batches. The "
        "network in the sidebar plays no part here."
    )


def _block(name: str, weight: float) -> str:
    short = name.removeprefix("inception")
    reading = [head for head, after in HEADS.items() if after == name]
    if reading:
        hung = f"<em>{reading[0]}<br>loss × {weight:g}</em>"
    else:
        hung = "<em class='main'>main<br>loss × 1</em>" if name == _STAGES[-1] else ""
    kind = "module" if short != name else "plain"
    return f'<li><b class="{kind}" title="{name}">{short}</b>{hung}</li>'


_SECONDS_PER_STEP = 0.12  # of both networks on two cores, to tell others how long to wait


def start_button(
    page_jobs: PageJobs, dataset: Dataset | None, settings: Settings, view: JobView | None
) -> None:
    """Draw the button that starts what the settings say."""
    with st.container(horizontal=True, vertical_alignment="center", key="start_row"):
        page_jobs.start_button(
            "Train both",
            view,
            ready=dataset is not None,
            on_click=_start,
            args=(page_jobs, dataset, settings),
        )
        if dataset is not None:
            st.caption(
                f"On {state.plain(state.shorten(dataset.name))}, {len(dataset):,} pictures in "
                f"{len(dataset.classes)} classes."
            )


def draw(page_jobs: PageJobs, view: JobView) -> None:
    """Draw the job, with what can be done about it."""
    comparison: Comparison | None = view.newest
    page_jobs.show(
        view,
        live=lambda view: _live,
        ended=lambda view: _ended(view.id, view.newest),
        ready="Reading the pictures…",
        caption=in_short(comparison.settings) if comparison else "",
        note=view.note or (comparison.note if comparison else ""),
    )


def _start(page_jobs: PageJobs, dataset: Dataset, settings: Settings) -> None:
    page_jobs.start(
        compare_auxiliary,
        title=f"With and without auxiliary losses, on {state.shorten(dataset.name)}",
        seconds=settings.steps * _SECONDS_PER_STEP,
        dataset=dataset,
        split=split(dataset),
        settings=settings,
    )


def _live(view: JobView) -> None:
    """Draw trainings that go on; called about once a second, so nothing here may be heavy."""
    comparison: Comparison = view.newest
    steps = comparison.settings.steps
    text = f"Step {comparison.step:,} of {steps:,} of each network · {view.seconds:.0f} s"
    jobs.progress(view, text)
    _curves(comparison, "live", steps)
    st.markdown(f"**Gradients by depth**, {_when(comparison, len(comparison.moments) - 1)}")
    _gradients(comparison, len(comparison.moments) - 1, "live")


def _curves(comparison: Comparison, key: str, steps: int) -> None:
    classes = len(comparison.classes)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Loss of the main classifier** on the training pictures")
        st.plotly_chart(
            figures.losses(comparison.moments, math.log(classes), steps),
            config=saved.save_as("auxiliary-loss"),
            key=f"{key}_loss",
        )
    with right:
        st.markdown("**Named rightly** of the pictures not learned from")
        st.plotly_chart(
            figures.accuracies(comparison.moments, 1 / classes, steps),
            config=saved.save_as("auxiliary-accuracy"),
            key=f"{key}_accuracy",
        )


def _gradients(comparison: Comparison, at: int, key: str) -> None:
    st.plotly_chart(
        figures.gradients(comparison.moments, at, HEADS),
        config=saved.save_as(f"auxiliary-gradients-{comparison.moments[at].step}"),
        key=f"{key}_gradients",
    )


def _ended(job: str, comparison: Comparison) -> None:
    st.markdown(findings.gradients(comparison))
    st.markdown(findings.learning(comparison))
    _table(comparison)
    _curves(comparison, "ended", max(comparison.step, 1))
    _scrub(job, comparison)
    with st.expander("What became of auxiliary classifiers"):
        st.markdown(
            "They were made for a time without batch norm and without today's first weights. With "
            "either, the main loss reaches the first layers by itself: choose one above and train "
            "again. The authors later found that the heads hardly help early in a training, and "
            "act as a regulariser towards its end (Szegedy et al. 2016, §4)."
        )
    exports.save_button(
        "Curves and gradients (CSV)",
        _csv(comparison),
        "auxiliary-classifiers.csv",
        key="save_comparison",
    )


def _table(comparison: Comparison) -> None:
    last = comparison.moments[-1]
    rows = []
    for name, each, extra in (
        (
            f"with, weight {comparison.settings.weight:g}",
            last.with_heads,
            comparison.head_parameters,
        ),
        ("without", last.without, 0),
    ):
        rows.append(
            {
                "auxiliary losses": name,
                "named rightly": f"{each.validation.accuracy:.1%}",
                "main loss": "" if each.loss is None else f"{each.loss:.3f}",
                "time of its steps": f"{each.seconds:.1f} s",
                "parameters in training": f"{comparison.parameters + extra:,}",
                "parameters kept": f"{comparison.parameters:,}",
            }
        )
    st.dataframe(rows, hide_index=True, key="comparison_table")


@st.fragment
def _scrub(job: str, comparison: Comparison) -> None:
    """Draw the gradients of the moment that the slider stands at."""
    st.markdown("**Gradients by depth**")
    at = st.select_slider(
        "Steps behind it",
        range(len(comparison.moments)),
        format_func=lambda number: f"{comparison.moments[number].step:,}",
        key=f"moment:{job}",
    )
    _gradients(comparison, at, "ended")
    st.caption(
        f"{_when(comparison, at).capitalize()}. The length of the gradient of the loss that each "
        "network lowers, with respect to the weights of each stage, over the same training "
        "pictures at every moment. A head adds to the gradient of the stages before its dotted "
        "line; behind the last one, before the first step, the two are equal."
    )


def _when(comparison: Comparison, at: int) -> str:
    step = comparison.moments[at].step
    return f"after {step:,} steps" if step else "before the first step"


def _csv(comparison: Comparison) -> str:
    stages = [stage.name for stage in comparison.moments[0].stages]
    header = ["step"]
    for side in ("with", "without"):
        header += [f"{side}_{name}" for name in ("loss", "validation_accuracy", "seconds", *stages)]
    rows = []
    for each in comparison.moments:
        row: list[object] = [each.step]
        for standing, norms in (
            (each.with_heads, [stage.with_heads for stage in each.stages]),
            (each.without, [stage.without for stage in each.stages]),
        ):
            row += [standing.loss, standing.validation.accuracy, standing.seconds, *norms]
        rows.append(row)
    return exports.table(header, rows)
