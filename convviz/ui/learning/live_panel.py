"""A small network that learns while one watches, and the film of it afterwards."""

from __future__ import annotations

import streamlit as st

from convviz.jobs.job import JobView
from convviz.learning.live import LiveView, train_small
from convviz.ui import jobs, state
from convviz.ui.jobs import Desk
from convviz.ui.keys import Entry, Key
from convviz.ui.learning import data_panel, live_film, live_settings
from convviz.ui.learning.film import film
from convviz.ui.learning.live_settings import Wanted
from convviz.ui.shell import Choice

_PHASES = {
    "reading": "Reading the pictures",
    "encoding": "Reading the pictures",
    "training": "Training",
    "done": "Done",
}


def draw(choice: Choice) -> None:
    """Draw the settings, and the training that is under way or over."""
    desk = jobs.desk("live", train_small)
    view = desk.find()
    if view is None:
        st.markdown(
            "Train a small network from random numbers, and watch what it makes of your image "
            "while it learns. Choose the image in the sidebar."
        )
    # Out of the way while there is something to watch.
    with st.expander("Pictures, network and learning rate", expanded=view is None):
        dataset = data_panel.choose()
        wanted = live_settings.choose(dataset) if dataset else None
    with st.container(horizontal=True, vertical_alignment="center", key="start_row"):
        desk.start_button(
            "Train",
            view,
            ready=wanted is not None,
            on_click=_start,
            args=(desk, wanted, choice),
        )
        if wanted:
            st.caption(live_settings.in_short(wanted))
    if view is not None:
        _job(desk, view)


def _start(desk: Desk, wanted: Wanted, choice: Choice) -> None:
    st.session_state.pop(Entry.LIVE_MOMENT, None)
    desk.start(
        train_small,
        title=f"A small network learns {state.shorten(wanted.dataset.name)}",
        seconds=wanted.settings.seconds,
        design=wanted.design,
        picture=choice.image.image,
        probe=choice.image.title,
        dataset=wanted.dataset,
        split=wanted.split,
        settings=wanted.settings,
    )


def _job(desk: Desk, view: JobView) -> None:
    desk.heading(view)
    newest = view.newest
    seen = isinstance(newest, LiveView) and bool(newest.frames)
    if view.live or view.closing:
        layer = _pick_layer(newest) if seen else ""
        desk.watch(view, lambda now: _live(now, layer), phase=_stage)
    elif seen:
        if view.note and newest.outcome is None:
            st.info(view.note, icon=":material/info:")
        _ended(view.id, newest, _pick_layer(newest))


def _stage(view: JobView) -> object:
    """Say when the page has to be laid out anew: when there is something to see."""
    seen = isinstance(view.newest, LiveView) and bool(view.newest.frames)
    return seen, view.stopping, view.closing


def _pick_layer(view: LiveView) -> str:
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
    if view.state == "queued":
        jobs.waiting(view)
        return
    newest = view.newest
    if not isinstance(newest, LiveView):
        st.progress(0.0, text="Getting ready…")
        return
    said = _PHASES[newest.phase]
    if newest.phase == "training":
        said += f" · {newest.seconds:.0f} s"
        if newest.checks:
            said += f" · {newest.checks[-1].accuracy:.0%} of validation pictures named rightly"
    st.progress(newest.fraction, text="Stopping…" if view.stopping else said)
    if layer and newest.frames:
        film(
            live_film.newest(newest, layer),
            live_film.charts(newest),
            titles=live_film.titles(newest, layer),
            key="live",
            live=True,
        )


@st.fragment
def _ended(job: str, view: LiveView, layer: str) -> None:
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
        _save("Kernels (PNG)", stills[at].pictures[0], f"{name}-kernels.png")
        _save("Maps (PNG)", stills[at].pictures[1], f"{name}-{layer.split('.')[-1]}.png")
        _save("Curves (CSV)", live_film.table(view), "training.csv")


def _warn(view: LiveView) -> None:
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


def _numbers(view: LiveView) -> None:
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


def _save(label: str, data: bytes | str, name: str) -> None:
    st.download_button(
        label,
        data,
        file_name=name,
        icon=":material/download:",
        on_click="ignore",
        key=f"save_live_{label.split()[0].lower()}",
    )
