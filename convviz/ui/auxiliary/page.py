"""Auxiliary classifiers: two trainings, with and without the auxiliary losses."""

from __future__ import annotations

import math

import streamlit as st

from convviz.datasets.labelled_set import Dataset, split
from convviz.figures import auxiliary as figures
from convviz.figures import theme
from convviz.jobs.job import JobView
from convviz.learning import findings
from convviz.learning.auxiliary import Comparison, Settings, compare_auxiliary
from convviz.learning.small_networks import HEADS, NARROWER
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.ui import datasets, exports, jobs, state
from convviz.ui.auxiliary.settings import choose, in_short
from convviz.ui.jobs import PageJobs

_STAGES = (
    *("conv1", "conv2", "conv3", "inception3a", "inception3b"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e"),
    *("inception5a", "inception5b", "fc"),
)
_SECONDS_PER_STEP = 0.12  # of both networks on two cores, to tell others how long to wait


def draw() -> None:
    """Draw the settings and the job that trains the two networks."""
    page_jobs = jobs.page_jobs("auxiliary")
    view = page_jobs.find()
    if view is None:
        _explain()
    idea = st.container()
    with st.expander("Pictures to learn from", expanded=False):
        dataset = datasets.choose()
    # Out of the way while there is something to watch.
    with st.expander("Weight of the auxiliary losses, and settings", expanded=view is None):
        settings = choose()
    with idea:
        _draw_idea(settings.weight)
    _start_button(page_jobs, dataset, settings, view)
    if view is not None:
        _draw_job(page_jobs, view)


def _explain() -> None:
    st.markdown(
        "In a deep network the loss is far from the first layers, and its gradient has to come "
        "back through all the layers in between. GoogLeNet hangs two small classifiers half-way. "
        "While it trains, their losses are added to the main one, each weighted "
        f"{AUXILIARY_WEIGHT:g}; after training they are thrown away (Szegedy et al. 2015, §5)."
    )


def _draw_idea(weight: float) -> None:
    """Draw the network with its heads, each auxiliary loss multiplied with a weight."""
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
    heads = [head for head, stage in HEADS.items() if stage == name]
    if heads:
        below = f"<em>{heads[0]}<br>loss × {weight:g}</em>"
    else:
        below = "<em class='main'>main<br>loss × 1</em>" if name == _STAGES[-1] else ""
    kind = "module" if short != name else "plain"
    return f'<li><b class="{kind}" title="{name}">{short}</b>{below}</li>'


def _start_button(
    page_jobs: PageJobs, dataset: Dataset | None, settings: Settings, view: JobView | None
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="auxiliary_start_row"):
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


def _start(page_jobs: PageJobs, dataset: Dataset, settings: Settings) -> None:
    page_jobs.start(
        compare_auxiliary,
        title=f"With and without auxiliary losses, on {state.shorten(dataset.name)}",
        seconds=settings.steps * _SECONDS_PER_STEP,
        dataset=dataset,
        split=split(dataset),
        settings=settings,
    )


def _draw_job(page_jobs: PageJobs, view: JobView) -> None:
    comparison: Comparison | None = view.newest
    page_jobs.show(
        view,
        live=lambda view: _draw_live,
        ended=lambda view: _draw_ended(view.id, view.newest),
        ready="Reading the pictures…",
        caption=in_short(comparison.settings) if comparison else "",
        note=view.note or (comparison.note if comparison else ""),
    )


def _draw_live(view: JobView) -> None:
    """Draw trainings that go on; called about once a second, so it must stay cheap."""
    comparison: Comparison = view.newest
    steps = comparison.settings.steps
    text = f"Step {comparison.step:,} of {steps:,} of each network · {view.seconds:.0f} s"
    jobs.progress(view, text)
    _draw_curves(comparison, "live", steps)
    newest = len(comparison.moments) - 1
    st.markdown(f"**Gradients by depth**, {_when(comparison, newest)}")
    _draw_gradients(comparison, newest, "live")


def _draw_ended(job_id: str, comparison: Comparison) -> None:
    st.markdown(findings.gradients(comparison))
    st.markdown(findings.learning(comparison))
    _draw_table(comparison)
    _draw_curves(comparison, "ended", max(comparison.step, 1))
    _draw_moment(job_id, comparison)
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
        key="auxiliary_save_comparison",
    )


def _draw_curves(comparison: Comparison, name: str, steps: int) -> None:
    classes = len(comparison.classes)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Loss of the main classifier** on the training pictures")
        st.plotly_chart(
            figures.losses(comparison.moments, math.log(classes), steps),
            config=theme.save_as("auxiliary-loss"),
            key=f"auxiliary_{name}_loss",
        )
    with right:
        st.markdown("**Named rightly** of the pictures not learned from")
        st.plotly_chart(
            figures.accuracies(comparison.moments, 1 / classes, steps),
            config=theme.save_as("auxiliary-accuracy"),
            key=f"auxiliary_{name}_accuracy",
        )


def _draw_gradients(comparison: Comparison, index: int, name: str) -> None:
    st.plotly_chart(
        figures.gradients(comparison.moments, index, HEADS),
        config=theme.save_as(f"auxiliary-gradients-{comparison.moments[index].step}"),
        key=f"auxiliary_{name}_gradients",
    )


@st.fragment
def _draw_moment(job_id: str, comparison: Comparison) -> None:
    """Draw the gradients of the moment that the slider stands at."""
    st.markdown("**Gradients by depth**")
    index = st.select_slider(
        "Steps behind it",
        range(len(comparison.moments)),
        format_func=lambda number: f"{comparison.moments[number].step:,}",
        key=f"auxiliary_moment_{job_id}",
    )
    _draw_gradients(comparison, index, "ended")
    st.caption(
        f"{_when(comparison, index).capitalize()}. The length of the gradient of the loss that "
        "each network lowers, with respect to the weights of each stage, over the same training "
        "pictures at every moment. A head adds to the gradient of the stages before its dotted "
        "line; behind the last one, before the first step, the two are equal."
    )


def _when(comparison: Comparison, index: int) -> str:
    step = comparison.moments[index].step
    return f"after {step:,} steps" if step else "before the first step"


def _draw_table(comparison: Comparison) -> None:
    last = comparison.moments[-1]
    rows = [
        {
            "auxiliary losses": title,
            "named rightly": f"{standing.validation.accuracy:.1%}",
            "main loss": "" if standing.loss is None else f"{standing.loss:.3f}",
            "time of its steps": f"{standing.seconds:.1f} s",
            "parameters in training": f"{comparison.parameters + extra:,}",
            "parameters kept": f"{comparison.parameters:,}",
        }
        for title, standing, extra in (
            (
                f"with, weight {comparison.settings.weight:g}",
                last.with_heads,
                comparison.head_parameters,
            ),
            ("without", last.without, 0),
        )
    ]
    st.dataframe(rows, hide_index=True, key="auxiliary_table")


def _csv(comparison: Comparison) -> str:
    stages = [stage.name for stage in comparison.moments[0].stages]
    header = ["step"]
    for side in ("with", "without"):
        header += [f"{side}_{name}" for name in ("loss", "validation_accuracy", "seconds", *stages)]
    rows = []
    for moment in comparison.moments:
        row: list[object] = [moment.step]
        for standing, norms in (
            (moment.with_heads, [stage.with_heads for stage in moment.stages]),
            (moment.without, [stage.without for stage in moment.stages]),
        ):
            row += [standing.loss, standing.validation.accuracy, standing.seconds, *norms]
        rows.append(row)
    return exports.table(header, rows)
