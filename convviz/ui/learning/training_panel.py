"""Step 3: the training, live and afterwards."""

from __future__ import annotations

from statistics import median

import streamlit as st

from convviz import features
from convviz.figures import learning as figures
from convviz.figures import theme
from convviz.jobs import JobView
from convviz.learning.runs import Outcome, TrainingView, train_transfer
from convviz.networks import Network, load, saved, trained
from convviz.ui import export, jobs, predictions, state
from convviz.ui.jobs import Desk
from convviz.ui.learning.data_panel import plain
from convviz.ui.learning.plan_panel import Wanted
from convviz.ui.shell import Choice

_PHASES = {
    "reading": "Reading the pictures",
    "encoding": "Computing the frozen encoder's features, once",
    "training": "Training",
    "done": "Done",
}


def start_button(desk: Desk, wanted: Wanted | None, view: JobView | None) -> None:
    """Draw the button that starts what the settings say."""
    live = view is not None and view.live
    st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        key="start",
        disabled=live or wanted is None,
        help="Stop the training below first." if live else None,
        on_click=_start,
        args=(desk, wanted),
    )


def draw(desk: Desk, view: JobView, choice: Choice) -> None:
    """Draw the job, with what can be done about it."""
    with st.container(horizontal=True, vertical_alignment="center", key="job_heading"):
        st.subheader(view.title, anchor=False)
        if view.live:
            st.button(
                "Leave the queue" if view.state == "queued" else "Stop",
                icon=":material/stop:",
                key="stop",
                disabled=view.stopping,
                on_click=desk.stop,
                args=(view.id,),
            )
    if view.error:
        st.error(view.error, icon=":material/error:")
    if view.note:
        st.info(view.note, icon=":material/info:")
    if view.live:
        desk.watch(view, _live)
    elif isinstance(view.newest, TrainingView):
        _ended(view.newest, choice)


def _start(desk: Desk, wanted: Wanted) -> None:
    seconds = wanted.settings.seconds or 0.0
    desk.start(
        train_transfer,
        title=f"{wanted.plan.network.title} learns {wanted.dataset.name}",
        seconds=seconds * (3 if wanted.compare else 1),
        wanted=wanted.plan,
        dataset=wanted.dataset,
        split=wanted.split,
        settings=wanted.settings,
        compare=wanted.compare,
    )


def _live(view: JobView) -> None:
    """Draw a training that goes on; called about once a second, so nothing here may be heavy."""
    if view.state == "queued":
        jobs.waiting(view)
        return
    newest = view.newest
    if not isinstance(newest, TrainingView):
        st.progress(0.0, text="Getting ready…")
        return
    said = f"{_PHASES[newest.phase]} · {newest.doing} · {newest.seconds:.0f} s"
    st.progress(newest.fraction, text="Stopping…" if view.stopping else said)
    _curves(newest, "live")


def _curves(view: TrainingView, key: str) -> None:
    if not view.epochs:
        return
    numbers = [each.number for each in view.epochs]
    left, right = st.columns(2, gap="large")
    with left:
        st.plotly_chart(
            figures.curves(
                numbers,
                [each.loss for each in view.epochs],
                [each.validation_loss for each in view.epochs],
            ),
            config=theme.CONFIG,
            key=f"{key}_loss",
        )
    with right:
        shares = [each.accuracy for each in view.epochs]
        st.plotly_chart(
            figures.accuracies(numbers, shares, 1 / len(view.classes)),
            config=theme.CONFIG,
            key=f"{key}_accuracy",
        )


def _ended(view: TrainingView, choice: Choice) -> None:
    if not view.outcomes:
        return
    best = view.outcomes[0]
    if best.note:
        st.info(best.note, icon=":material/info:")
    _numbers(view, best)
    if len(view.outcomes) > 1:
        _comparison(view)
    _curves(view, "ended")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What was taken for what**, in pictures it did not learn from")
        st.plotly_chart(
            figures.confusion(view.classes, best.confusion), config=theme.CONFIG, key="confusion"
        )
    with right:
        _mistakes(best)
    kept = trained.find(best.source)
    if kept is None:
        st.info("The trained network was let go; train it again to use it.")
        return
    mine = state.visit().trained
    if best.source not in mine:
        mine.append(best.source)
    _try(choice, kept)
    st.caption(
        f"On the other pages, {kept.title} has it among its weights now, for as long as this visit "
        "and the server's memory last; the file keeps it for good."
    )
    _save(view, best, kept)


def _numbers(view: TrainingView, best: Outcome) -> None:
    with st.container(horizontal=True, gap="large", key="training_numbers"):
        st.metric("Validation accuracy", f"{best.accuracy:.1%}", width="content")
        st.metric("Time", f"{best.seconds:.1f} s", width="content")
        st.metric("Epochs", best.epochs, width="content")
    said = (
        f"Measured on {view.validation_images} pictures that it did not learn from; kept are the "
        f"weights of epoch {best.best_epoch}, the best. Guessing would name "
        f"{1 / len(view.classes):.0%} rightly."
    )
    if best.encoding_seconds and best.epoch_seconds:
        said += (
            f" The frozen encoder ran over each picture once, in {best.encoding_seconds:.1f} s; "
            f"after that an epoch took {median(best.epoch_seconds):.2f} s."
        )
    st.caption(said)


def _comparison(view: TrainingView) -> None:
    st.markdown("**What the trained encoder is worth**")
    st.plotly_chart(
        figures.compared(
            [each.name for each in view.outcomes], [each.accuracy for each in view.outcomes]
        ),
        config=theme.CONFIG,
        key="compared",
    )
    times = "; ".join(f"{each.name}: {each.seconds:.0f} s" for each in view.outcomes)
    st.caption(
        f"The same pictures, and about the same time: {times}. Training a network such as "
        "GoogLeNet from the beginning on a million photographs takes days to weeks."
    )


def _mistakes(best: Outcome) -> None:
    st.markdown("**Its most confident mistakes**")
    if not best.mistakes:
        st.caption("There is none: every validation picture was named rightly.")
        return
    with st.container(horizontal=True, gap="small", key="mistakes"):
        for each in best.mistakes:
            with st.container(width=112, gap=None):
                st.image(each.png, width=112, output_format="PNG", alt=each.title)
                st.caption(
                    f"{plain(each.is_class)}, taken for {plain(each.taken_for)} "
                    f"({each.probability:.0%})"
                )


def _try(choice: Choice, kept: Network) -> None:
    st.markdown(f"**What it takes your image ({choice.image.title}) for**")
    predictions.bars(features.predict(load(kept.name, kept.weights.source), choice.image.image))
    st.caption(
        "These classes are the only answers it can give. Choose another image in the sidebar, one "
        "like the pictures it learned from."
    )


def _save(view: TrainingView, best: Outcome, kept: Network) -> None:
    with st.container(horizontal=True, gap="small", key="save_training"):
        st.download_button(
            "Trained network (safetensors)",
            lambda: saved.write(kept.module, best.about),
            file_name=f"{kept.name}-trained.safetensors",
            icon=":material/download:",
            on_click="ignore",
            key="save_network",
        )
        st.download_button(
            "Curves (CSV)",
            export.table(
                ["epoch", "training_loss", "validation_loss", "validation_accuracy"],
                ([e.number, e.loss, e.validation_loss, e.accuracy] for e in view.epochs),
            ),
            file_name=f"{kept.name}-training.csv",
            icon=":material/download:",
            on_click="ignore",
            key="save_curves",
        )
