"""After a training: thaw some of the encoder, train on from there, and see what that adds."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from convviz.figures import theme
from convviz.figures import transfer as figures
from convviz.jobs.job import JobView
from convviz.learning.plan import TransferPlan, plan_further
from convviz.learning.transfer import Lesson, TransferOutcome, TransferProgress, train_transfer
from convviz.networks.network import Network
from convviz.ui import state
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key
from convviz.ui.transfer import plan

_SECONDS = (10, 20, 40, 60, 90)


_RATES = (0.00003, 0.0001, 0.0003, 0.003)


_USUAL_RATE = 0.0001


def offer(
    page_jobs: PageJobs,
    job: JobView,
    view: TransferProgress,
    best: TransferOutcome,
    kept: Network,
) -> None:
    """Draw what to thaw, how long and how carefully, and the button that starts from the result."""
    usual = plan_further(kept, best.about.form, best.trained)
    if not usual.frozen_parameters:
        return
    st.subheader("4 · Fine-tune, and see what it adds", anchor=False)
    st.markdown(
        "The decoder knows the classes now. Thaw the end of the encoder, and let both go on "
        "learning, with steps so small that what the encoder knows is bent and not broken."
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        thaw = _choose_parts(usual, job.id)
        seconds = st.select_slider(
            "Time for fine-tuning",
            _SECONDS,
            format_func=lambda each: f"{each} s",
            key=state.remember(Key.FINE_TUNE_SECONDS, 20, allowed=_SECONDS),
            help="At most. Nothing can be computed once and kept now: every picture runs through "
            "the whole network in every epoch.",
        )
        rate = st.select_slider(
            "Learning rate, at its largest",
            _RATES,
            format_func=lambda each: f"{each:g}" + (" (usual)" if each == _USUAL_RATE else ""),
            key=state.remember(Key.FINE_TUNE_RATE, _USUAL_RATE, allowed=_RATES),
            help="The decoder alone was trained with 0.003. Choose that here, and see what steps "
            "so large do to an encoder that knew better.",
        )
    made = plan_further(kept, best.about.form, best.trained, thaw=thaw) if thaw else None
    with right:
        if made is None:
            st.info("Choose at least one part of the encoder.", icon=":material/info:")
        else:
            plan.parts(made, "fine_tune")
    st.button(
        "Fine-tune from this result",
        icon=":material/play_arrow:",
        type="primary",
        key="fine_tune",
        disabled=made is None,
        on_click=_start,
        args=(page_jobs, made, view.lesson, best, job.id, float(seconds), rate),
    )


def _choose_parts(usual: TransferPlan, key: str) -> list[str]:
    """Draw the encoder's parts; the last fifth is chosen at first."""
    titles = {
        part.name: part.title
        for part in usual.parts
        if part.state in ("frozen", "thawed") and "classifier" not in part.name
    }
    return st.multiselect(
        "Parts of the encoder to thaw",
        list(titles),
        default=[part.name for part in usual.parts if part.state == "thawed"],
        format_func=lambda name: titles[name].split(" (")[0],
        key=f"thaw_{key}",
        help="From the image to the classes. The last ones are the most specialised, and have "
        "most to learn from new pictures.",
    )


def _start(
    page_jobs: PageJobs,
    made: TransferPlan,
    lesson: Lesson,
    best: TransferOutcome,
    job_id: str,
    seconds: float,
    rate: float,
) -> None:
    settings = replace(lesson.settings, epochs=40, seconds=seconds, learning_rate=10 * rate)
    page_jobs.start(
        train_transfer,
        title=f"{made.network.title}, fine-tuned on {lesson.dataset.name}",
        seconds=seconds,
        wanted=made,
        dataset=lesson.dataset,
        split=lesson.split,
        settings=settings,
        before=best,
        before_job=job_id,
    )


def compare(
    page_jobs: PageJobs, view: TransferProgress, before: TransferOutcome, after: TransferOutcome
) -> None:
    """Draw what fine-tuning added: validation accuracy and time, before and after."""
    images = view.validation_images
    rights = [round(each.accuracy * images) for each in (before, after)]
    with st.container(horizontal=True, gap="large", key="fine_tune_numbers_before_after"):
        st.metric("Accuracy before", f"{before.accuracy:.1%}", width="content")
        st.metric(
            "Validation accuracy",
            f"{after.accuracy:.1%}",
            delta=f"{100 * (after.accuracy - before.accuracy):+.1f} points"
            if rights[0] != rights[1]
            else None,
            width="content",
        )
        st.metric("Time before", f"{before.seconds:.1f} s", width="content")
        st.metric("Time of fine-tuning", f"{after.seconds:.1f} s", width="content")
        st.metric("Epochs", after.epochs, width="content")
    st.plotly_chart(
        figures.compared(
            ["before: the encoder frozen", "after: fine-tuned"],
            [before.accuracy, after.accuracy],
            [before.seconds, after.seconds],
        ),
        config=theme.CONFIG,
        key="before_after",
    )
    more = rights[1] - rights[0]
    if after.best_epoch == 0:
        said = (
            f"No epoch was better than the beginning, so the weights are as before: on these "
            f"{images} pictures, {after.seconds:.0f} seconds of fine-tuning added nothing."
        )
    elif more > 0:
        said = (
            f"Fine-tuning names {more} more of the {images} pictures rightly, {rights[1]} instead "
            f"of {rights[0]}."
        )
    else:
        said = (
            f"Fine-tuning names {rights[1]} of the {images} pictures rightly, and before it were "
            f"{rights[0]}: what was gained lies in the loss, if anywhere."
        )
    st.caption(
        f"{said} One picture is {1 / images:.1%}. Kept are the weights of epoch "
        f"{after.best_epoch}, the best; epoch 0 is the network as it was before."
    )
    st.button(
        "Back to the result before",
        icon=":material/arrow_back:",
        key="back_to_before",
        on_click=page_jobs.open,
        args=(view.before_job,),
    )
