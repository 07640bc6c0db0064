"""Train a small network and watch it: its settings, the training, and the film of it."""

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
_PIXELS = 48  # side of the training images
_RATES: dict[Rate, str] = {
    "usual": "Usual",
    "tiny": "Far too small: hardly anything moves",
    "deadly": "Far too large: kills ReLUs",
}
_PHASES = {
    "reading": "Reading the pictures",
    "encoding": "Reading the pictures",
    "training": "Training",
    "done": "Done",
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
        setup = _choose(dataset) if dataset else None
    with st.container(horizontal=True, vertical_alignment="center", key="training_start_row"):
        page_jobs.start_button(
            "Train",
            view,
            ready=setup is not None,
            on_click=_start,
            args=(page_jobs, setup, choice),
        )
        if setup:
            st.caption(_in_short(setup))
    if view is not None:
        _draw_job(page_jobs, view)


def _choose(dataset: Dataset) -> LiveSetup:
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
            format_func=lambda seconds: f"{seconds} s",
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
        value = learning_rate(rate, batch_norm=norm)
        st.caption(_explain_rate(rate, value, depth, batch_norm=norm))
    design = SmallDesign(width, depth, norm, _PIXELS)
    st.caption(_arithmetic(design, len(dataset.classes)))
    settings = TrainingSettings(epochs=None, seconds=float(seconds), learning_rate=value)
    return LiveSetup(design, dataset, split_set(dataset), settings)


def _in_short(setup: LiveSetup) -> str:
    """Describe a training in one line."""
    design, settings = setup.design, setup.settings
    return (
        f"{design.title}, on {state.plain(setup.dataset.name)}, learning rate "
        f"{settings.learning_rate:g}, {settings.seconds:.0f} seconds."
    )


def _rate_changed() -> None:
    """Switch batch norm off with the deadly rate, which it would soften, and on with the others."""
    state.put(Key.LIVE_NORM, st.session_state[Key.LIVE_RATE] != "deadly")


def _explain_rate(rate: Rate, value: float, depth: int, *, batch_norm: bool) -> str:
    text = f"AdamW with a learning rate of {value:g}, falling to nearly zero along half a cosine."
    if rate != "deadly":
        return text
    text += (
        " A step that large can push a channel's inputs to its ReLU below zero for every picture. "
        "Then it lets nothing through, gets no gradient back, and stays dead."
    )
    if depth == 1:
        text += (
            " The first stack alone hardly dies, as the picture's values lie on both sides of "
            "zero: choose more stacks."
        )
    if batch_norm:
        return f"{text} Batch norm rescues many of them: switch it off to compare."
    return f"{text} Batch norm, which rescues many, was switched off: switch it on to compare."


def _arithmetic(design: SmallDesign, classes: int) -> str:
    """Write the sizes of an image's maps, stack by stack."""
    stacks = design.stacks()
    sizes = [f"{stack.output} × {stack.output} × {stack.channels}" for stack in stacks]
    steps = " → ".join([f"{design.pixels} × {design.pixels} × 3", *sizes])
    return (
        f"{steps} → global average pooling: {stacks[-1].channels} numbers → {classes} classes. "
        f"{design.parameters(classes):,} parameters, all drawn at random at first."
    )


def _start(page_jobs: PageJobs, setup: LiveSetup, choice: Choice) -> None:
    st.session_state.pop(Entry.LIVE_MOMENT, None)
    page_jobs.start(
        train_small,
        title=f"A small network learns {state.shorten(setup.dataset.name)}",
        seconds=setup.settings.seconds,
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
        "Feature maps of",
        names,
        format_func=names.__getitem__,
        key=state.remember(Key.LIVE_LAYER, usual, allowed=names),
        required=True,
    )
    return name or usual


def _draw_live(view: JobView, layer: str) -> None:
    """Draw a training that goes on; called about once a second, so it must be cheap."""
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
            key="training_live",
            live=True,
        )


@st.fragment
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
            "Kernels (PNG)", kernels, f"{name}-kernels.png", key="training_save_live_kernels"
        )
        save_button("Maps (PNG)", maps, file, key="training_save_live_maps")
        save_button(
            "Curves (CSV)", live_film.table(view), "training.csv", key="training_save_live_curves"
        )


def _warn(view: LiveProgress) -> None:
    """Say how the training ended if not as planned, and whether most channels died."""
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
    outcome, last = view.outcome, view.counts[-1]
    with st.container(horizontal=True, gap="large", key="training_live_numbers"):
        if outcome:
            st.metric("Validation accuracy", f"{outcome.accuracy:.1%}", width="content")
            st.metric("Epochs", outcome.epochs, width="content")
        st.metric("Empty channels", f"{last.empty} of {view.channels}", width="content")
        st.metric("Dead channels", f"{last.dead} of {view.channels}", width="content")
    text = ""
    if outcome:
        epoch = (
            f"of epoch {outcome.best_epoch}" if outcome.best_epoch else "from before the first step"
        )
        text = (
            f"Accuracy is measured on {view.validation_images} pictures that it did not learn "
            f"from, and the weights {epoch} are kept, the best; guessing would name "
            f"{1 / len(view.classes):.0%} rightly. "
        )
    st.caption(
        f"{text}Counted at the end of the training, over all ReLUs: a channel is empty when it "
        f"lets nothing through for {state.plain(view.probe)}, and dead when it lets nothing "
        f"through for any of {view.others} validation pictures."
    )
