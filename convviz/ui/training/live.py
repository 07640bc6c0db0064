"""A small network that learns while one watches, and the film of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from convviz.datasets.labelled_set import Dataset, Split
from convviz.datasets.labelled_set import split as split_set
from convviz.jobs.job import JobView
from convviz.learning.config import TrainingSettings
from convviz.learning.live import LiveProgress, Rate, learning_rate, train_small
from convviz.learning.small_networks import SmallDesign
from convviz.ui import datasets, jobs, state
from convviz.ui.choice import Choice
from convviz.ui.components.film import film
from convviz.ui.exports import save_button
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key
from convviz.ui.training import live_film

_WIDTHS = (4, 8, 16, 32)


_DEPTHS = (1, 2, 3, 4, 5, 6)


_SECONDS = (20, 40, 60, 120)


_PIXELS = 48


_RATES: dict[Rate, str] = {
    "usual": "Usual",
    "tiny": "Far too small: hardly anything moves",
    "deadly": "Far too large: kills ReLUs",
}


@dataclass(frozen=True)
class Wanted:
    """Everything a training needs to start."""

    design: SmallDesign
    dataset: Dataset
    split: Split
    settings: TrainingSettings


def choose(dataset: Dataset) -> Wanted:
    """Choose the network and how it is trained."""
    left, right = st.columns(2, gap="large")
    with left:
        depth = st.select_slider(
            "Depth: stacks of convolution, ReLU and max pooling",
            _DEPTHS,
            key=state.remember(Key.LIVE_DEPTH, 3, allowed=_DEPTHS),
        )
        width = st.select_slider(
            "Width: channels of the first stack",
            _WIDTHS,
            key=state.remember(Key.LIVE_WIDTH, 16, allowed=_WIDTHS),
            help="Each further stack has twice as many, up to 128.",
        )
        seconds = st.select_slider(
            "Time for the training",
            _SECONDS,
            format_func=lambda each: f"{each} s",
            key=state.remember(Key.LIVE_SECONDS, 40, allowed=_SECONDS),
        )
    with right:
        rate = st.radio(
            "Learning rate",
            list(_RATES),
            format_func=_RATES.__getitem__,
            key=state.remember(Key.LIVE_RATE, "usual", allowed=_RATES),
            on_change=_rate_changed,
        )
        norm = st.toggle(
            "Batch norm after each convolution",
            key=state.remember(Key.LIVE_NORM, rate != "deadly"),
            help="Pulls each channel's values around 0 before the ReLU, over the pictures of a "
            "batch.",
        )
        number = learning_rate(rate, batch_norm=norm)
        st.caption(_about(rate, number, depth, batch_norm=norm))
    design = SmallDesign(width, depth, norm, _PIXELS)
    st.caption(_arithmetic(design, len(dataset.classes)))
    settings = TrainingSettings(epochs=None, seconds=float(seconds), learning_rate=number)
    return Wanted(design, dataset, split_set(dataset), settings)


def in_short(wanted: Wanted) -> str:
    """Say in one line what a training will be."""
    design, settings = wanted.design, wanted.settings
    return (
        f"{design.title}, on {state.plain(wanted.dataset.name)}, learning rate "
        f"{settings.learning_rate:g}, {settings.seconds:.0f} seconds."
    )


def _rate_changed() -> None:
    """Switch batch norm off with the deadly rate, as it would rescue many, and on with others."""
    state.put(Key.LIVE_NORM, st.session_state[Key.LIVE_RATE] != "deadly")


def _about(rate: Rate, number: float, depth: int, *, batch_norm: bool) -> str:
    said = f"AdamW with a learning rate of {number:g}, falling to nearly zero along half a cosine."
    if rate != "deadly":
        return said
    said += (
        " A step that large can push a channel's inputs to its ReLU below zero for every picture. "
        "Then it lets nothing through, gets no gradient back, and stays dead."
    )
    if depth == 1:
        said += (
            " The first stack alone hardly dies, as the picture's values lie on both sides of "
            "zero: choose more stacks."
        )
    if batch_norm:
        return f"{said} Batch norm rescues many of them: switch it off to compare."
    return f"{said} Batch norm, which rescues many, was switched off: switch it on to compare."


def _arithmetic(design: SmallDesign, classes: int) -> str:
    """Say what becomes of a picture, stack by stack."""
    sizes = [f"{s.output} × {s.output} × {s.channels}" for s in design.stacks()]
    channels = design.stacks()[-1].channels
    way = " → ".join([f"{design.pixels} × {design.pixels} × 3", *sizes])
    return (
        f"{way} → global average pooling: {channels} numbers → {classes} classes. "
        f"{design.parameters(classes):,} parameters, all drawn at random at first."
    )


_PHASES = {
    "reading": "Reading the pictures",
    "encoding": "Reading the pictures",
    "training": "Training",
    "done": "Done",
}


def draw(choice: Choice) -> None:
    """Draw the settings, and the training that is under way or over."""
    page_jobs = jobs.page_jobs("training")
    view = page_jobs.find()
    if view is None:
        st.markdown(
            "Train a small network from random numbers, and watch what it makes of your image "
            "while it learns. Choose the image in the sidebar."
        )
    # Out of the way while there is something to watch.
    with st.expander("Pictures, network and learning rate", expanded=view is None):
        dataset = datasets.choose()
        wanted = choose(dataset) if dataset else None
    with st.container(horizontal=True, vertical_alignment="center", key="start_row"):
        page_jobs.start_button(
            "Train",
            view,
            ready=wanted is not None,
            on_click=_start,
            args=(page_jobs, wanted, choice),
        )
        if wanted:
            st.caption(in_short(wanted))
    if view is not None:
        _draw_job(page_jobs, view)


def _start(page_jobs: PageJobs, wanted: Wanted, choice: Choice) -> None:
    st.session_state.pop(Entry.LIVE_MOMENT, None)
    page_jobs.start(
        train_small,
        title=f"A small network learns {state.shorten(wanted.dataset.name)}",
        seconds=wanted.settings.seconds,
        design=wanted.design,
        picture=choice.image.pixels,
        probe=choice.image.title,
        dataset=wanted.dataset,
        split=wanted.split,
        settings=wanted.settings,
    )


def _draw_job(page_jobs: PageJobs, view: JobView) -> None:
    newest: LiveProgress | None = view.newest

    def live(view: JobView) -> Callable[[JobView], None]:
        layer = _pick_layer(view.newest) if view.newest.frames else ""
        return lambda now: _live(now, layer)

    def ended(view: JobView) -> None:
        if view.newest.frames:
            _ended(view.id, view.newest, _pick_layer(view.newest))

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
    chosen = st.segmented_control(
        "Feature maps of",
        names,
        format_func=names.__getitem__,
        key=state.remember(Key.LIVE_LAYER, usual, allowed=names),
        required=True,
    )
    return chosen or usual


def _live(view: JobView, layer: str) -> None:
    """Draw a training that goes on; called about once a second, so nothing here may be heavy."""
    newest: LiveProgress = view.newest
    text = _PHASES[newest.phase]
    if newest.phase == "training":
        text += f" · {newest.seconds:.0f} s"
        if newest.checks:
            text += f" · {newest.checks[-1].accuracy:.0%} of validation pictures named rightly"
    jobs.progress(view, text)
    if layer and newest.frames:
        film(
            live_film.newest(newest, layer),
            live_film.charts(newest),
            titles=live_film.titles(newest, layer),
            key="live",
            live=True,
        )


@st.fragment
def _ended(job: str, view: LiveProgress, layer: str) -> None:
    """Draw what came of a training, with the slider through its moments."""
    stills = live_film.all_stills(job, view, layer)
    _warn(view)
    rested, at = st.session_state.get(Entry.LIVE_MOMENT, ("", -1))
    if rested != job or at not in range(len(stills)):
        at = live_film.end(view)

    def rest(number: int) -> None:
        st.session_state[Entry.LIVE_MOMENT] = (job, number)

    film(
        stills,
        live_film.charts(view),
        titles=live_film.titles(view, layer),
        key="ended",
        at=at,
        on_rest=rest,
    )
    _numbers(view)
    frame = view.frames[at]
    name = f"training-step{frame.step}"
    with st.container(horizontal=True, gap="small", key="save_live"):
        kernels, maps = stills[at].pictures
        file = f"{name}-{layer.split('.')[-1]}.png"
        save_button("Kernels (PNG)", kernels, f"{name}-kernels.png", key="save_live_kernels")
        save_button("Maps (PNG)", maps, file, key="save_live_maps")
        save_button("Curves (CSV)", live_film.table(view), "training.csv", key="save_live_curves")


def _warn(view: LiveProgress) -> None:
    """Say how the training ended where it did not as planned, and when most channels died."""
    if view.outcome and view.outcome.note:
        st.info(view.outcome.note, icon=":material/info:")
    dead = view.counts[-1].dead
    if dead > view.channels / 2:
        st.warning(
            f"{dead} of {view.channels} channels died: they let nothing through, so no gradient "
            "comes back through them, and learning hardly ever wakes them up.",
            icon=":material/heart_broken:",
        )


def _numbers(view: LiveProgress) -> None:
    done, last = view.outcome, view.counts[-1]
    with st.container(horizontal=True, gap="large", key="training_numbers"):
        if done:
            st.metric("Validation accuracy", f"{done.accuracy:.1%}", width="content")
            st.metric("Epochs", done.epochs, width="content")
        st.metric("Empty channels", f"{last.empty} of {view.channels}", width="content")
        st.metric("Dead channels", f"{last.dead} of {view.channels}", width="content")
    said = ""
    if done:
        kept = f"of epoch {done.best_epoch}" if done.best_epoch else "from before the first step"
        said = (
            f"Accuracy is measured on {view.validation_images} pictures that it did not learn "
            f"from, and the weights {kept} are kept, the best; guessing would name "
            f"{1 / len(view.classes):.0%} rightly. "
        )
    st.caption(
        f"{said}Counted at the end of the training, over all ReLUs: a channel is empty when it "
        f"lets nothing through for {state.plain(view.probe)}, and dead when it lets nothing "
        f"through for any of {view.others} validation pictures."
    )
