"""Auxiliary classifiers: two trainings, with and without the auxiliary losses."""

from __future__ import annotations

import streamlit as st

from convviz.datasets.labelled_set import Dataset, split
from convviz.errors import RecordingError
from convviz.figures import auxiliary as figures
from convviz.figures import theme
from convviz.formatting import grouped, percent
from convviz.jobs.job import JobView
from convviz.language import again, numeral, tr, trp
from convviz.learning import auxiliary_recording
from convviz.learning import findings as results
from convviz.learning.auxiliary import Comparison, Settings, compare_auxiliary
from convviz.learning.auxiliary_recording import RecordedComparisons
from convviz.learning.small_networks import HEADS
from convviz.ui import charts, datasets, errors, exports, jobs, state, tables
from convviz.ui.auxiliary import findings
from convviz.ui.auxiliary.settings import choose
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs

_STAGES = (
    *("conv1", "conv2", "conv3", "inception3a", "inception3b"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e"),
    *("inception5a", "inception5b", "fc"),
)


def draw() -> None:
    """Draw the settings and the job that trains the two networks."""
    page_jobs = jobs.page_jobs("auxiliary", can_share=True, holds="nothing")
    view = page_jobs.find()
    waits = view is None or view.state == "queued"
    if waits:
        st.markdown(findings.introduction())
    idea = st.container()
    with st.expander(tr("Pictures to learn from"), expanded=False):
        dataset = datasets.choose()
    # Out of the way while there is something to watch.
    with st.expander(tr("Weight of the auxiliary losses, and settings"), expanded=waits):
        settings = choose()
    with idea:
        _draw_idea(settings.weight)
    _start_button(page_jobs, dataset, settings, view)
    if view is not None:
        _draw_job(page_jobs, view)
    page_jobs.draw_shared(view)
    if waits:
        _draw_recorded()
    how_we_know("gradient_norm", "paired_accuracy", "guessing")


def _draw_recorded() -> None:
    """Draw the run that comes with convviz as one that has just ended here."""
    try:
        recorded = _recorded()
    except RecordingError as error:
        st.info(str(error), icon=":material/play_arrow:")
        return
    st.header(tr("Recorded: with and without auxiliary losses"), anchor=False)
    _draw_ended("recorded", recorded.comparisons[0])
    with st.expander(tr("How this was recorded, and with other seeds"), expanded=True):
        st.caption(findings.recorded(recorded))
        st.markdown(findings.seeds(recorded.comparisons))


@st.cache_resource(show_spinner=False)
def _recorded() -> RecordedComparisons:
    return auxiliary_recording.read()


def _draw_idea(weight: float) -> None:
    """Draw the network with its heads, each auxiliary loss multiplied with a weight."""
    blocks = "".join(_block(name, weight) for name in _STAGES)
    label = tr("Where the heads sit")
    with st.container(key="auxiliary_idea"):
        st.html(f'<ol class="convviz-heads" aria-label="{label}">{blocks}</ol>')
        st.caption(findings.setting(weight))


def _block(name: str, weight: float) -> str:
    short = name.removeprefix("inception")
    heads = [head for head, stage in HEADS.items() if stage == name]
    below = ""
    if heads:
        below = _below(heads[0], weight)
    elif name == _STAGES[-1]:
        below = _below(trp("classifier", "main"), 1, " class='main'")
    kind = "module" if short != name else "plain"
    return f'<li><b class="{kind}" title="{name}">{short}</b>{below}</li>'


def _below(name: str, weight: float, attributes: str = "") -> str:
    """Name a loss and its factor."""
    factor = tr("loss × {weight:g}", weight=weight)
    return f"<em{attributes}>{name}<br>{factor}</em>"


def _start_button(
    page_jobs: PageJobs, dataset: Dataset | None, settings: Settings, view: JobView | None
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="auxiliary_start_row"):
        page_jobs.start_button(
            tr("Start"),
            view,
            ready=dataset is not None,
            on_click=_start,
            args=(page_jobs, dataset, settings),
        )
        if dataset is not None:
            st.caption(
                tr(
                    "On {dataset}, {count:,} pictures in {classes} classes.",
                    dataset=state.plain(state.shorten(dataset.name)),
                    count=len(dataset),
                    classes=len(dataset.classes),
                )
            )


def _start(page_jobs: PageJobs, dataset: Dataset, settings: Settings) -> None:
    page_jobs.start(
        compare_auxiliary,
        title=tr("Auxiliary losses: {dataset}", dataset=state.shorten(dataset.name)),
        seconds=settings.steps * findings.SECONDS_PER_STEP,
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
        ready=tr("Reading the pictures…"),
        caption=findings.in_short(comparison.settings) if comparison else "",
        note=again(view.note or (comparison.note if comparison else "")),
    )


def _draw_live(view: JobView) -> None:
    """Draw trainings that go on; called about once a second, so it must stay cheap."""
    comparison: Comparison = view.newest
    jobs.progress(view, findings.progress(comparison, view.seconds))
    _draw_curves(comparison, "live", comparison.settings.steps)
    newest = len(comparison.moments) - 1
    st.markdown(tr("**Gradients by depth**, {when}", when=findings.when(comparison, newest)))
    _draw_gradients(comparison, newest, "live")


def _draw_ended(job_id: str, comparison: Comparison) -> None:
    last = comparison.moments[-1]
    st.markdown(
        findings.in_a_sentence(
            last.step, last.with_heads.validation.accuracy, last.without.validation.accuracy
        )
    )
    _draw_curves(comparison, "ended", max(comparison.step, 1))
    st.markdown(results.learning(comparison))
    _draw_table(comparison)
    st.markdown(results.gradients(comparison))
    _draw_moment(job_id, comparison)
    with st.expander(tr("What became of auxiliary classifiers")):
        st.markdown(results.aftermath(comparison.settings))
    exports.save_button(
        tr("Curves and gradients (CSV)"),
        _csv(comparison),
        "auxiliary-classifiers.csv",
        key="auxiliary_save_comparison",
    )


def _draw_curves(comparison: Comparison, name: str, steps: int) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**Loss of the main classifier** on the training pictures"))
        charts.draw(
            figures.losses(comparison.moments, comparison.guessing.loss, steps),
            config=theme.save_as("auxiliary-loss"),
            key=f"auxiliary_{name}_loss",
        )
    with right:
        st.markdown(tr("**Classified correctly** of the pictures not learned from"))
        charts.draw(
            figures.accuracies(comparison.moments, comparison.guessing.accuracy, steps),
            config=theme.save_as("auxiliary-accuracy"),
            key=f"auxiliary_{name}_accuracy",
        )


def _draw_gradients(comparison: Comparison, index: int, name: str) -> None:
    charts.draw(
        figures.gradients(comparison.moments, index, HEADS),
        config=theme.save_as(f"auxiliary-gradients-{comparison.moments[index].step}"),
        key=f"auxiliary_{name}_gradients",
    )


@errors.fragment
def _draw_moment(job_id: str, comparison: Comparison) -> None:
    """Draw the gradients of the moment that the slider stands at."""
    st.markdown(tr("**Gradients by depth**"))
    index = st.select_slider(
        trp("of a training", "Step"),
        range(len(comparison.moments)),
        format_func=lambda number: grouped(comparison.moments[number].step),
        key=f"auxiliary_moment_{job_id}",
    )
    _draw_gradients(comparison, index, "ended")
    st.caption(findings.moment(comparison, index))


def _draw_table(comparison: Comparison) -> None:
    last = comparison.moments[-1]
    rows = [
        {
            tr("auxiliary losses"): title,
            tr("classified correctly"): percent(standing.validation.accuracy, 1),
            tr("main loss"): "" if standing.loss is None else numeral(f"{standing.loss:.3f}"),
            tr("time of its steps"): numeral(f"{standing.seconds:.1f} s"),
            tr("parameters in training"): grouped(comparison.parameters + extra),
            tr("parameters kept"): grouped(comparison.parameters),
        }
        for title, standing, extra in (
            (
                tr("with, weight {weight:g}", weight=comparison.settings.weight),
                last.with_heads,
                comparison.head_parameters,
            ),
            (tr("without"), last.without, 0),
        )
    ]
    tables.draw(tables.of_rows(rows), key="auxiliary_table")


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
