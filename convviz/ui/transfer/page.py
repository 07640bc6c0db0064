"""The page in its three steps: images with classes, what is trained, and the training."""

from __future__ import annotations

import streamlit as st

from convviz.jobs.job import JobView
from convviz.language import later, tr
from convviz.learning.findings import fine_tuning_over_seeds
from convviz.learning.transfer import TransferProgress, train_transfer
from convviz.networks.registry import spec
from convviz.ui import cache, datasets, jobs, widgets
from convviz.ui.choice import Choice
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key
from convviz.ui.transfer import findings, plan, result, separation
from convviz.ui.transfer.plan import TransferSetup

_TRAIN, _SEPARATE = "train", "separate"
_VIEWS = {_TRAIN: later("Train on pictures"), _SEPARATE: later("How classes separate")}


def draw(choice: Choice) -> None:
    """Draw the view that is open."""
    view = widgets.views(tr("View"), _VIEWS, Key.TRANSFER_VIEW, _TRAIN)
    if view == _SEPARATE:
        separation.draw(choice, datasets.choose(datasets.DIRECTIONS))
    else:
        _draw_training(choice)


def _draw_training(choice: Choice) -> None:
    """Draw the steps, and the training that runs or has ended."""
    st.header(tr("1 · Pictures with classes"), anchor=False)
    dataset = datasets.choose(datasets.DIRECTIONS)
    record = cache.fine_tuning(choice.network_name)
    if (
        record is not None
        and dataset is not None
        and (dataset.name, choice.network.weights.source) == (record.dataset, record.weights)
    ):
        st.caption(fine_tuning_over_seeds(record, spec(choice.network_name).title))
    st.header(tr("2 · What stays, and what is learned"), anchor=False)
    setup = plan.choose(choice.network, dataset)
    st.header(tr("3 · Training"), anchor=False)
    page_jobs = jobs.page_jobs("transfer", can_share=True, holds="pictures")
    view = page_jobs.find()
    with st.container(horizontal=True, vertical_alignment="center", key="transfer_start_row"):
        page_jobs.start_button(
            tr("Start"), view, ready=setup is not None, on_click=_start, args=(page_jobs, setup)
        )
        if setup is not None:
            seconds = setup.settings.seconds or 0.0
            folds = len(setup.partition.folds)
            st.caption(findings.trainings(seconds, compare=setup.compare, folds=folds))
    if view is not None:
        page_jobs.show(
            view,
            live=lambda view: _draw_live,
            ended=lambda view: result.draw(page_jobs, view, view.newest, choice),
        )
    page_jobs.draw_shared(view)
    how_we_know(
        "trained_parameters",
        "test_accuracy",
        "accuracy_interval",
        "same_pictures",
        "accuracies_compared",
        "largest_class",
    )


def _start(page_jobs: PageJobs, setup: TransferSetup) -> None:
    seconds = setup.settings.seconds or 0.0
    page_jobs.start(
        train_transfer,
        title=tr(
            "{network} learns {dataset}",
            network=setup.plan.network.title,
            dataset=setup.dataset.name,
        ),
        seconds=seconds * (3 if setup.compare else 1),
        plan=setup.plan,
        dataset=setup.dataset,
        partition=setup.partition,
        settings=setup.settings,
        compare=setup.compare,
    )


def _draw_live(view: JobView) -> None:
    """Draw a training that goes on; called about once a second, so it must be cheap."""
    newest: TransferProgress = view.newest
    jobs.progress(view, findings.doing(newest), newest.most_seconds)
    result.curves(newest, "transfer_live")
