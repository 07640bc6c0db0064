"""A sweep over one or two values of the design at hand: one run a point, and the best front."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from convviz import limits
from convviz.datasets.labelled_set import Dataset
from convviz.errors import ConvvizError
from convviz.figures import design_comparison as figures
from convviz.figures import theme
from convviz.formatting import grouped, percent
from convviz.jobs.job import JobView
from convviz.language import again, later, numeral, tr
from convviz.learning.design_results import DesignSettings
from convviz.learning.design_sweep import Cost, DesignSweep, SweepProgress, plan_sweep, train_points
from convviz.networks.design import Design
from convviz.networks.design_variants import VARIATIONS
from convviz.ui import charts, datasets, exports, jobs, state, tables
from convviz.ui.design import findings
from convviz.ui.design.settings import settle, too_long
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key

_NONE = "none"
_COSTS: dict[Cost, str] = {"parameters": later("Parameters"), "macs": later("MACs")}
_AXES = {
    _NONE: later("none"),
    "width": later("width"),
    "depth": later("depth"),
    "kernel": later("kernel"),
}


@dataclass(frozen=True)
class _RunningSweep:
    """A sweep of this visitor.

    The page's session has it, and each run of it the same without its images, so that a refresh
    finds it again. A run would send its images to a cluster anew with each poll.

    Attributes:
        sweep: What is trained so far.
        images: Name of the images.
        identity: Tells whether other images are the same.
        dataset: The images; None after a refresh, until they are chosen.
        going: Whether the next points are started when a run ends.
        job: Id of the newest run.
    """

    sweep: DesignSweep
    images: str
    identity: str
    dataset: Dataset | None = None
    going: bool = True
    job: str = ""

    @property
    def nbytes(self) -> int:
        """Memory that its results take, about."""
        return sum(each.comparison.nbytes for each in self.sweep.points if each.comparison)


def draw(at_hand: Design | None) -> None:
    """Draw what is varied, the run of the point that is trained, and the points so far.

    Args:
        at_hand: The design that is varied; None if the page's text is none.
    """
    page_jobs = jobs.page_jobs("design_sweep", can_share=True, holds="nothing")
    view = page_jobs.find()
    if view is not None and not _may_change(view) and (live := page_jobs.under_way()) is not None:
        page_jobs.open(live.id)  # another tab has started the next points
        view = live
    running = _find(view)
    st.markdown(findings.sweep_idea())
    axes = _choose_axes()
    with st.expander(tr("Pictures to learn from"), expanded=running is None):
        dataset = datasets.choose("distant-marks")
    is_anothers = view is not None and view.handed_on
    if running is not None and not is_anothers:
        running = _with_images(running, dataset)
        st.session_state[Entry.DESIGN_SWEEP] = running
        if view is not None and not _may_change(view):
            running = _take(page_jobs, view, running)
            view = page_jobs.find()
    settings = settle("sweep")
    planned, refusal = _plan(at_hand, axes, settings, dataset)
    if refusal:
        st.error(state.plain(refusal), icon=":material/error:")
    if planned is not None and (text := findings.left_out(planned)):
        st.info(state.plain(text), icon=":material/block:")
    with st.container(horizontal=True, vertical_alignment="center", key="design_sweep_row"):
        page_jobs.start_button(
            tr("Start"),
            view,
            ready=planned is not None,
            on_click=_start,
            args=(page_jobs, planned, dataset),
            what="sweep",
        )
        if planned is not None:
            st.caption(findings.sweep_in_short(planned))
    if running is not None:
        _draw_sweep(page_jobs, view, running)
    page_jobs.draw_shared(view)
    how_we_know("design_accuracy", "parameters", "macs", "guessing")


def _choose_axes() -> list[tuple[str, Sequence[float]]]:
    axes: list[tuple[str, Sequence[float]]] = []
    keys = (
        (Key.DESIGN_SWEEP_FIRST, tr("Vary"), "width"),
        (Key.DESIGN_SWEEP_SECOND, tr("Vary as well"), _NONE),
    )
    with st.container(
        horizontal=True, gap="medium", vertical_alignment="top", key="design_sweep_axes"
    ):
        for number, (key, label, usual) in enumerate(keys):
            options = [*VARIATIONS] if number == 0 else [_NONE, *VARIATIONS]
            name = st.selectbox(
                label,
                options,
                format_func=lambda name: tr(_AXES[name]),
                key=state.remember(key, usual, allowed=options),
                width=160,
            )
            if name == _NONE:
                continue
            offered = VARIATIONS[name][0]
            chosen = st.pills(
                tr("Values of {name}", name=tr(_AXES[name])),
                offered,
                selection_mode="multi",
                default=offered,
                format_func=lambda value: numeral(f"{value:g}"),
                key=f"design_sweep_values_{number}_{name}",
            )
            axes.append((name, sorted(chosen)))
    return axes


def _plan(
    at_hand: Design | None,
    axes: Sequence[tuple[str, Sequence[float]]],
    settings: DesignSettings,
    dataset: Dataset | None,
) -> tuple[DesignSweep | None, str]:
    """Plan the sweep; without one, say why, unless no images are chosen yet."""
    if at_hand is None:
        return None, tr("The design at hand cannot be read: mend its text first, under Build.")
    refusal = too_long(settings, 1)
    if refusal:
        return None, refusal
    if dataset is None:
        return None, ""
    try:
        return plan_sweep(at_hand, axes, settings, dataset), ""
    except ConvvizError as error:
        return None, str(error)


def _may_change(view: JobView) -> bool:
    """Whether a run may still train a point: it goes on, or is about to end."""
    return view.live or view.closing


def _find(view: JobView | None) -> _RunningSweep | None:
    """Return the sweep of this visit; after a refresh, that of the run that the page has found."""
    running: _RunningSweep | None = st.session_state.get(Entry.DESIGN_SWEEP)
    if view is None or not isinstance(view.about, _RunningSweep):
        return running
    if view.handed_on:
        return _with_results(view.about, view)
    if running is not None and (view.id == running.job or not _may_change(view)):
        return running
    # A run that was over before may be an old one, after which others have gone on.
    going = _may_change(view)
    running = replace(view.about, job=view.id, going=going)
    return running if going else _with_results(running, view)


def _with_images(running: _RunningSweep, dataset: Dataset | None) -> _RunningSweep:
    """Give a sweep that was found again its images, if the page has chosen them."""
    if running.dataset is not None or dataset is None or _identity(dataset) != running.identity:
        return running
    return replace(running, dataset=dataset)


def _identity(dataset: Dataset) -> str:
    """Tell images apart by what they are called and how they are sorted, without decoding them."""
    parts = (dataset.name, dataset.classes, dataset.labels, dataset.groups, dataset.given)
    return hashlib.sha256(repr((parts, dataset.images.titles)).encode()).hexdigest()


def _start(page_jobs: PageJobs, planned: DesignSweep, dataset: Dataset) -> None:
    _train_next(page_jobs, _RunningSweep(planned, dataset.name, _identity(dataset), dataset))


def _go_on(page_jobs: PageJobs) -> None:
    running: _RunningSweep | None = st.session_state.get(Entry.DESIGN_SWEEP)
    if running is not None:
        _train_next(page_jobs, running)


def _train_next(page_jobs: PageJobs, running: _RunningSweep) -> None:
    """Start a run of as many of the open points as a run has time for."""
    sweep = running.sweep
    if not sweep.open or running.dataset is None:
        return
    settings = sweep.settings
    each = settings.seeds * (settings.seconds or 2.0 * (settings.epochs or 1))
    places = sweep.open[: max(1, int(limits.RUN_SECONDS.value // each))]
    page_jobs.start(
        train_points,
        title=findings.sweep_points(places, len(sweep.points)),
        seconds=len(places) * each,
        about=replace(running, dataset=None),
        points=tuple((place, sweep.points[place].design) for place in places),
        dataset=running.dataset,
        settings=settings,
    )
    newest = page_jobs.find()
    # A start may be refused, since another run is under way or too many wait.
    job = newest.id if newest is not None and newest.live else ""
    st.session_state[Entry.DESIGN_SWEEP] = replace(running, going=bool(job), job=job)


def _with_results(running: _RunningSweep, view: JobView) -> _RunningSweep:
    progress: SweepProgress | None = view.newest
    if progress is None:
        return running
    return replace(running, sweep=running.sweep.with_results(progress))


def _take(page_jobs: PageJobs, view: JobView, running: _RunningSweep) -> _RunningSweep:
    """Take what a run has trained, and start the next one unless it ended early."""
    if view.id != running.job or not running.going:
        return running
    progress: SweepProgress | None = view.newest
    is_over = view.state == "done" and progress is not None and len(progress.over) == progress.count
    running = replace(_with_results(running, view), going=False)
    st.session_state[Entry.DESIGN_SWEEP] = running
    if is_over:
        _train_next(page_jobs, running)
    newest: _RunningSweep = st.session_state[Entry.DESIGN_SWEEP]
    return newest


def _draw_sweep(page_jobs: PageJobs, view: JobView | None, running: _RunningSweep) -> None:
    """Draw the run of a sweep and what it has trained, or how it ended and all points so far."""
    may_change = view is not None and _may_change(view)
    if view is not None:
        name = state.quoted(again(running.images))
        page_jobs.show(
            view,
            live=lambda _: partial(_draw_live, running),
            ready=tr("Reading the pictures…"),
            caption=findings.sweep_settings(running.sweep.settings, name) if may_change else "",
            small=True,
        )
    if not may_change:
        if view is not None and view.handed_on:
            st.caption(findings.sweep_so_far(running.sweep, name))
        else:
            _draw_go_on(page_jobs, view, running)
            if view is not None and view.newest is not None:
                page_jobs.draw_sharing(view)
        _draw_points(running.sweep)


def _draw_go_on(page_jobs: PageJobs, view: JobView | None, running: _RunningSweep) -> None:
    """Say how the points below are trained, and offer to train those that are open."""
    with st.container(horizontal=True, vertical_alignment="center", key="design_sweep_rest"):
        if running.sweep.open:
            st.button(
                tr("Go on"),
                icon=":material/resume:",
                key="design_sweep_go_on",
                disabled=page_jobs.is_busy(view) or running.dataset is None,
                on_click=_go_on,
                args=(page_jobs,),
            )
        name = state.quoted(again(running.images))
        st.caption(findings.sweep_so_far(running.sweep, name))
    if running.sweep.open and running.dataset is None:
        st.caption(findings.choose_again(name))


def _draw_live(running: _RunningSweep, view: JobView) -> None:
    """Draw a run that goes on; called about once a second, so it must stay cheap.

    Args:
        running: The sweep that it belongs to.
        view: The run.
    """
    progress: SweepProgress = view.newest
    text = state.plain(findings.progress(progress.points[-1][1]))
    jobs.progress(view, text, progress.most_seconds)
    sweep = running.sweep.with_results(progress)
    if sweep.trained:
        charts.draw(
            figures.sweep(sweep, st.session_state.get(Key.DESIGN_SWEEP_COST) or "parameters"),
            config=theme.save_as("sweep"),
            key="design_sweep_live",
        )


def _draw_points(sweep: DesignSweep) -> None:
    """Draw the points that are trained, and the front."""
    if not sweep.trained:
        return
    chosen = st.segmented_control(
        tr("Against"),
        _COSTS,
        format_func=lambda kind: tr(_COSTS[kind]),
        key=state.remember(Key.DESIGN_SWEEP_COST, "parameters", allowed=_COSTS),
        required=True,
        wrap=True,
    )
    kind: Cost = chosen or "parameters"
    charts.draw(
        figures.sweep(sweep, kind), config=theme.save_as("sweep"), key="design_sweep_figure"
    )
    st.markdown(state.plain(findings.front(sweep, kind)))
    front = sweep.front(kind)
    rows = [
        {
            tr("variant"): point.design.name,
            tr("mean test accuracy"): percent(point.accuracy or 0.0, 1),
            tr("seeds"): len(point.comparison.results[0].complete) if point.comparison else 0,
            tr("parameters"): grouped(point.cost("parameters")),
            "MACs": grouped(point.cost("macs")),
            tr("on the front"): tr("yes") if point in front else "",
        }
        for point in sweep.trained
    ]
    tables.draw(tables.of_rows(rows), key="design_sweep_table")
    if text := findings.sweep_outputs(sweep):
        st.caption(text)
    exports.save_button(tr("Sweep (CSV)"), _csv(sweep), "sweep.csv", key="design_sweep_save")


def _csv(sweep: DesignSweep) -> str:
    names = [name for name, _ in sweep.points[0].values]
    header = (*names, "seed", "test_accuracy", "parameters", "macs", "epochs", "seconds")
    rows: list[list[object]] = []
    for point in sweep.trained:
        result = point.comparison.results[0] if point.comparison else None
        for run in result.complete if result else ():
            rows.append(
                [
                    *(value for _, value in point.values),
                    *(run.seed, run.accuracy, point.cost("parameters"), point.cost("macs")),
                    *(run.points[-1].epoch if run.points else "", f"{run.seconds:.3f}"),
                ]
            )
    return exports.table(header, rows)
