"""Train a small network and watch it: its settings, the training, and the film of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from convviz.datasets.labelled_set import Dataset, Split
from convviz.datasets.labelled_set import split as split_set
from convviz.formatting import percent
from convviz.jobs.job import JobView
from convviz.language import again, later, tr
from convviz.learning.config import TrainingSettings
from convviz.learning.live import LiveProgress, Rate, learning_rate, train_small
from convviz.learning.small_design import SmallDesign
from convviz.ui import datasets, errors, jobs, state
from convviz.ui.choice import Choice
from convviz.ui.components.film import film
from convviz.ui.exports import save_button
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key
from convviz.ui.training import findings, live_film

_WIDTHS = (4, 8, 16, 32)
_DEPTHS = (1, 2, 3, 4, 5, 6)
_SECONDS = (20, 40, 60, 120)
_PIXELS = 48  # side of the training images
_RATES: dict[Rate, str] = {
    "usual": later("Usual"),
    "tiny": later("Far too small: hardly anything moves"),
    "deadly": later("Far too large: kills ReLUs"),
}
_PHASES = {
    "reading": later("Reading the pictures"),
    "encoding": later("Reading the pictures"),
    "training": later("Training"),
    "done": later("Done"),
}


@dataclass(frozen=True)
class LiveSetup:
    """What a training is started with: the network's design, the images, and the settings."""

    design: SmallDesign
    dataset: Dataset
    split: Split
    settings: TrainingSettings


def draw(choice: Choice) -> None:
    """Draw the settings, and the training that runs or has ended."""
    page_jobs = jobs.page_jobs("training", can_share=True)
    view = page_jobs.find()
    if view is None:
        st.markdown(
            tr(
                "Train a small network from random numbers, and watch what it makes of your "
                "image while it learns. Choose the image in the sidebar."
            )
        )
    # Above the settings: on a phone they are longer than the screen.
    row = st.container(horizontal=True, vertical_alignment="center", key="training_start_row")
    # Out of the way while there is something to watch.
    with st.expander(tr("Pictures, network and learning rate"), expanded=view is None):
        dataset = datasets.choose()
        setup = _choose(dataset) if dataset else None
    with row:
        page_jobs.start_button(
            tr("Start"),
            view,
            ready=setup is not None,
            on_click=_start,
            args=(page_jobs, setup, choice),
        )
        if setup:
            st.caption(_in_short(setup))
    if view is not None:
        newest: LiveProgress | None = view.newest
        is_other = view.about != choice.image.sha256 and not view.handed_on
        if newest is not None and is_other:
            st.caption(findings.earlier_image(again(newest.probe)))
        _draw_job(page_jobs, view)
    page_jobs.draw_shared(view)
    how_we_know("live_accuracy", "guessing", "empty_while_training")


def _choose(dataset: Dataset) -> LiveSetup:
    """Choose the network and how it is trained."""
    left, right = st.columns(2, gap="large")
    with left:
        depth = st.select_slider(
            tr("Depth: stacks of convolution, ReLU and max pooling"),
            _DEPTHS,
            key=state.remember(Key.LIVE_DEPTH, 3, allowed=_DEPTHS),
        )
        width = st.select_slider(
            tr("Width: channels of the first stack"),
            _WIDTHS,
            key=state.remember(Key.LIVE_WIDTH, 16, allowed=_WIDTHS),
            help=tr("Each further stack has twice as many, up to 128."),
        )
        seconds = st.select_slider(
            tr("Time for the training"),
            _SECONDS,
            format_func=lambda seconds: f"{seconds} s",
            key=state.remember(Key.LIVE_SECONDS, 40, allowed=_SECONDS),
        )
    with right:
        rate = st.radio(
            tr("Learning rate"),
            list(_RATES),
            format_func=lambda rate: tr(_RATES[rate]),
            key=state.remember(Key.LIVE_RATE, "usual", allowed=_RATES),
            on_change=_rate_changed,
        )
        norm = st.toggle(
            tr("Batch norm after each convolution"),
            key=state.remember(Key.LIVE_NORM, rate != "deadly"),
            help=tr(
                "Pulls each channel's values around 0 before the ReLU, over the pictures of "
                "a batch."
            ),
        )
        value = learning_rate(rate, batch_norm=norm)
        st.caption(findings.rate(rate, value, depth, batch_norm=norm))
    design = SmallDesign(width, depth, norm, _PIXELS)
    st.caption(findings.arithmetic(design, len(dataset.classes)))
    settings = TrainingSettings(epochs=None, seconds=float(seconds), learning_rate=value)
    return LiveSetup(design, dataset, split_set(dataset), settings)


def _in_short(setup: LiveSetup) -> str:
    """Describe a training in one line."""
    settings = setup.settings
    return findings.in_short(
        setup.design,
        state.plain(setup.dataset.name),
        settings.learning_rate or 0.0,
        settings.seconds or 0.0,
    )


def _rate_changed() -> None:
    """Switch batch norm off with the deadly rate, which it would soften, and on with the others."""
    state.put(Key.LIVE_NORM, st.session_state[Key.LIVE_RATE] != "deadly")


def _start(page_jobs: PageJobs, setup: LiveSetup, choice: Choice) -> None:
    st.session_state.pop(Entry.LIVE_MOMENT, None)
    page_jobs.start(
        train_small,
        title=tr("A small network learns {dataset}", dataset=state.shorten(setup.dataset.name)),
        seconds=setup.settings.seconds,
        about=choice.image.sha256,
        design=setup.design,
        picture=choice.image.pixels,
        probe=choice.image.title,
        dataset=setup.dataset,
        split=setup.split,
        settings=setup.settings,
    )


def _draw_job(page_jobs: PageJobs, view: JobView) -> None:
    newest: LiveProgress | None = view.newest

    def live(view: JobView) -> Callable[[JobView], None]:
        layer = _pick_layer(view.newest) if view.newest.frames else ""
        return lambda now: _draw_live(now, layer)

    def ended(view: JobView) -> None:
        if view.newest.frames:
            _draw_ended(view.id, view.newest, _pick_layer(view.newest))

    page_jobs.show(
        view,
        live=live,
        ended=ended,
        phase=lambda view: bool(view.newest.frames),
        note="" if newest and newest.outcome else view.note,  # the outcome has its own
    )


def _pick_layer(view: LiveProgress) -> str:
    names = live_film.layers(view)
    usual = list(names)[min(1, len(names) - 1)]
    name = st.segmented_control(
        tr("Feature maps of"),
        names,
        format_func=names.__getitem__,
        key=state.remember(Key.LIVE_LAYER, usual, allowed=names),
        required=True,
        wrap=True,
    )
    return name or usual


def _draw_live(view: JobView, layer: str) -> None:
    """Draw a training that goes on; called about once a second, so it must be cheap."""
    newest: LiveProgress = view.newest
    text = findings.progress(newest, tr(_PHASES[newest.phase]))
    jobs.progress(view, text, newest.most_seconds)
    if layer and newest.frames:
        film(
            live_film.newest(newest, layer),
            live_film.charts(newest),
            titles=live_film.titles(newest, layer),
            key="training_live",
            live=True,
        )


@errors.fragment
def _draw_ended(job: str, view: LiveProgress, layer: str) -> None:
    """Draw a training's result, with the slider through its moments."""
    stills = live_film.all_stills(job, view, layer)
    _warn(view)
    moment_of, at = st.session_state.get(Entry.LIVE_MOMENT, ("", -1))
    if moment_of != job or at not in range(len(stills)):
        at = live_film.end(view)

    def rest(number: int) -> None:
        st.session_state[Entry.LIVE_MOMENT] = (job, number)

    film(
        stills,
        live_film.charts(view),
        titles=live_film.titles(view, layer),
        key="training_ended",
        at=at,
        on_rest=rest,
    )
    _numbers(view)
    frame = view.frames[at]
    name = f"training-step{frame.step}"
    with st.container(horizontal=True, gap="small", key="training_save_live"):
        kernels, maps = stills[at].pictures
        file = f"{name}-{layer.split('.')[-1]}.png"
        save_button(
            tr("Kernels (PNG)"), kernels, f"{name}-kernels.png", key="training_save_live_kernels"
        )
        save_button(tr("Maps (PNG)"), maps, file, key="training_save_live_maps")
        save_button(
            tr("Curves (CSV)"),
            live_film.table(view),
            "training.csv",
            key="training_save_live_curves",
        )


def _warn(view: LiveProgress) -> None:
    """Say how the training ended if not as planned, and whether most channels died."""
    if view.outcome and view.outcome.note:
        st.info(again(view.outcome.note), icon=":material/info:")
    dead = findings.dead_channels(view)
    if dead:
        st.warning(dead, icon=":material/heart_broken:")


def _numbers(view: LiveProgress) -> None:
    outcome, last = view.outcome, view.counts[-1]
    with st.container(horizontal=True, gap="large", key="training_live_numbers"):
        if outcome:
            st.metric(tr("Validation accuracy"), percent(outcome.accuracy, 1), width="content")
            st.metric(tr("Epochs"), outcome.epochs, width="content")
        st.metric(
            tr("Empty channels"),
            tr("{count} of {channels}", count=last.empty, channels=view.channels),
            width="content",
        )
        st.metric(
            tr("Dead channels"),
            tr("{count} of {channels}", count=last.dead, channels=view.channels),
            width="content",
        )
    st.caption(findings.numbers(view, state.plain(view.probe)))
