"""Step 4: thaw some of the encoder, continue the training, and compare the accuracies."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from convviz.figures import theme
from convviz.figures import transfer as figures
from convviz.formatting import grouped, percent
from convviz.jobs.job import JobView
from convviz.language import again, numeral, tr
from convviz.learning.plan import TransferPlan, plan_further
from convviz.learning.transfer import Lesson, TransferOutcome, TransferProgress, train_transfer
from convviz.networks.network import Network
from convviz.ui import charts, state
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key
from convviz.ui.transfer import findings
from convviz.ui.transfer.plan import draw_parts

_SECONDS = (10, 20, 40, 60, 90)
_RATES = (0.00003, 0.0001, 0.0003, 0.003)
_USUAL_RATE = 0.0001


def offer(
    page_jobs: PageJobs,
    job: JobView,
    view: TransferProgress,
    outcome: TransferOutcome,
    network: Network,
) -> None:
    """Draw what to thaw, the time and the learning rate, and the button that starts.

    Args:
        page_jobs: The page's jobs.
        job: The job that has ended.
        view: Its result.
        outcome: The training of that result which is continued.
        network: The network that came of it.
    """
    usual = plan_further(network, outcome.about.form, outcome.trained)
    if not usual.frozen_parameters:
        return
    st.header(tr("4 · Fine-tune, and see what it adds"), anchor=False)
    st.markdown(
        tr(
            "The decoder knows the classes now. Thaw the end of the encoder, and let both go "
            "on learning, with steps so small that what the encoder knows is bent and not "
            "broken."
        )
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        thaw = _choose_parts(usual, job.id)
        further = (
            plan_further(network, outcome.about.form, outcome.trained, thaw=thaw) if thaw else None
        )
        seconds = st.select_slider(
            tr("Time for fine-tuning"),
            _SECONDS,
            format_func=lambda seconds: f"{seconds} s",
            key=state.remember(Key.FINE_TUNE_SECONDS, 20, allowed=_SECONDS),
            help=findings.computed_once(further or usual),
        )
        rate = st.select_slider(
            tr("Learning rate, at its largest"),
            _RATES,
            format_func=_rate_title,
            key=state.remember(Key.FINE_TUNE_RATE, _USUAL_RATE, allowed=_RATES),
            help=tr(
                "The decoder alone was trained with 0.003. Choose that here, and see what "
                "steps so large do to an encoder that knew better."
            ),
        )
        augment = st.checkbox(
            tr("Augment the pictures"),
            value=view.lesson.settings.augment,
            key="transfer_fine_tune_augment",
            help=tr("As above: changed a little each time, so that nothing can be computed once."),
        )
    with right:
        if further is None:
            st.info(tr("Choose at least one part of the encoder."), icon=":material/info:")
        else:
            draw_parts(further, "transfer_fine_tune")
    st.button(
        tr("Start"),
        icon=":material/play_arrow:",
        type="primary",
        key="transfer_fine_tune",
        disabled=further is None or page_jobs.is_busy(job),
        on_click=_start,
        args=(page_jobs, further, view.lesson, outcome, job.id, float(seconds), rate, augment),
    )


def _choose_parts(usual: TransferPlan, job: str) -> list[str]:
    """Choose parts of the encoder; at first, those of the usual plan."""
    titles = {
        part.name: again(part.title)
        for part in usual.parts
        if part.state in ("frozen", "thawed") and "classifier" not in part.name
    }
    return st.multiselect(
        tr("Parts of the encoder to thaw"),
        list(titles),
        default=[part.name for part in usual.parts if part.state == "thawed"],
        format_func=lambda name: again(titles[name]).split(" (")[0],
        key=f"transfer_thaw_{job}",
        help=tr(
            "From the image to the classes. The last ones are the most specialised, and have "
            "most to learn from new pictures."
        ),
    )


def _rate_title(rate: float) -> str:
    """Write a learning rate for the slider."""
    return tr("{rate:g} (usual)", rate=rate) if rate == _USUAL_RATE else numeral(f"{rate:g}")


def _start(
    page_jobs: PageJobs,
    plan: TransferPlan,
    lesson: Lesson,
    outcome: TransferOutcome,
    job: str,
    seconds: float,
    rate: float,
    augment: bool,
) -> None:
    settings = replace(
        lesson.settings, epochs=40, seconds=seconds, learning_rate=10 * rate, augment=augment
    )
    page_jobs.start(
        train_transfer,
        title=tr(
            "{network}, fine-tuned on {dataset}",
            network=plan.network.title,
            dataset=lesson.dataset.name,
        ),
        seconds=seconds,
        plan=plan,
        dataset=lesson.dataset,
        partition=lesson.partition,
        settings=settings,
        before=outcome,
        before_job=job,
        history=lesson.recipes,
    )


def compare(
    page_jobs: PageJobs,
    job: JobView,
    view: TransferProgress,
    before: TransferOutcome,
    after: TransferOutcome,
) -> None:
    """Draw the accuracy and the time before fine-tuning and after it."""
    rise = 100 * (after.accuracy - before.accuracy)
    with st.container(horizontal=True, gap="medium", key="transfer_before_after_numbers"):
        st.metric(tr("Accuracy before"), percent(before.accuracy, 1), width="content")
        st.metric(
            findings.accuracy_name(after),
            percent(after.accuracy, 1),
            delta=tr("{points:+.1f} points", points=rise)
            if rise and after.measured == before.measured
            else None,
            width="content",
        )
        st.metric(tr("95 % interval"), findings.accuracy_interval(after), width="content")
        st.metric(tr("Pictures measured on"), grouped(after.images), width="content")
        st.metric(tr("Time before"), numeral(f"{before.seconds:.1f} s"), width="content")
        st.metric(tr("Time of fine-tuning"), numeral(f"{after.seconds:.1f} s"), width="content")
        st.metric(tr("Epochs"), after.epochs, width="content")
    charts.draw(
        figures.compared(
            [tr("before: the encoder frozen"), tr("after: fine-tuned")],
            [before.accuracy, after.accuracy],
            [before.seconds, after.seconds],
        ),
        config=theme.CONFIG,
        key="transfer_before_after",
    )
    st.caption(findings.fine_tuned(before, after))
    for text in (findings.measured(after, view.validation_images), findings.by_heart(after)):
        if text:
            st.caption(text)
    if job.handed_on:
        return  # the run before is its owner's
    st.button(
        tr("Back to the result before"),
        icon=":material/arrow_back:",
        key="transfer_back",
        on_click=page_jobs.open,
        args=(view.before_job,),
    )
