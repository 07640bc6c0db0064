"""Step 3, once the training has ended: its accuracy, its mistakes, and the files to save."""

from __future__ import annotations

import streamlit as st

from convviz.features.predictions import predict
from convviz.figures import theme
from convviz.figures import transfer as figures
from convviz.formatting import grouped, percent, probability, size_text
from convviz.images.preprocess import crop
from convviz.jobs.job import JobView
from convviz.language import again, later, numeral, tr
from convviz.learning.transfer import TransferOutcome, TransferProgress
from convviz.networks.network import Network, is_within
from convviz.ui import charts, exports, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.datasets import plain_name
from convviz.ui.jobs import PageJobs
from convviz.ui.transfer import findings, fine_tune
from convviz.weights import plain_pytorch, trained
from convviz.weights.load import load

_MOST_OF_A_CELL = 16  # pictures


def draw(page_jobs: PageJobs, job: JobView, view: TransferProgress, choice: Choice) -> None:
    """Draw the results of a training, the buttons that save them, and the offer to fine-tune.

    Whoever looks at a result that is handed on saves what was trained; only its owner uses the
    network on other pages and goes on from it.
    """
    if not view.outcomes:
        return
    outcome = view.outcomes[0]  # the others are there to be compared with it
    if outcome.note:
        st.info(again(outcome.note), icon=":material/info:")
    if view.before is None:
        _numbers(view, outcome)
    else:
        fine_tune.compare(page_jobs, job, view, view.before, outcome)
    if len(view.outcomes) > 1:
        _comparison(view)
    curves(view, "transfer_ended")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**Confusion matrix** of the pictures measured on"))
        figure = figures.confusion([again(name) for name in view.classes], outcome.confusion)
        charts.draw(figure, config=theme.CONFIG, key="transfer_confusion")
    with right:
        _mistakes(outcome)
    _cell(view, outcome, job.id)
    network = trained.find(outcome.source)
    if network is None:
        st.info(tr("The server no longer has the trained network: train it again to use it."))
        return
    if not job.handed_on:
        visitors = state.visit().trained
        if outcome.source not in visitors:
            visitors.append(outcome.source)
        _classify(choice, network)
        st.caption(findings.on_other_pages(network.title))
    _save_buttons(view, outcome, network)
    _take_home(outcome, network)
    if not job.handed_on:
        fine_tune.offer(page_jobs, job, view, outcome, network)


def curves(view: TransferProgress, key: str) -> None:
    """Draw loss and accuracy over the epochs.

    Args:
        view: The training.
        key: Begins the charts' keys.
    """
    if not view.epochs:
        return
    numbers = [epoch.number for epoch in view.epochs]
    left, right = st.columns(2, gap="large")
    with left:
        charts.draw(
            figures.curves(
                numbers,
                [epoch.loss for epoch in view.epochs],
                [epoch.validation_loss for epoch in view.epochs],
            ),
            config=theme.CONFIG,
            key=f"{key}_loss",
        )
    with right:
        shares = [epoch.accuracy for epoch in view.epochs]
        guessing = view.lesson.dataset.guessing(view.lesson.partition.split.validation)
        charts.draw(
            figures.accuracies(numbers, shares, guessing),
            config=theme.CONFIG,
            key=f"{key}_accuracy",
        )


def _numbers(view: TransferProgress, outcome: TransferOutcome) -> None:
    with st.container(horizontal=True, gap="large", key="transfer_numbers"):
        st.metric(findings.accuracy_name(outcome), percent(outcome.accuracy, 1), width="content")
        st.metric(tr("95 % interval"), findings.accuracy_interval(outcome), width="content")
        st.metric(tr("Pictures measured on"), grouped(outcome.images), width="content")
        st.metric(tr("Time"), numeral(f"{outcome.seconds:.1f} s"), width="content")
        st.metric(tr("Epochs"), outcome.epochs, width="content")
    st.caption(findings.measured(outcome, view.validation_images))
    for text in (findings.by_heart(outcome), findings.time_spent(outcome)):
        if text:
            st.caption(text)


def _comparison(view: TransferProgress) -> None:
    st.markdown(tr("**What the trained encoder is worth**"))
    charts.draw(
        figures.compared(
            [tr(outcome.name) for outcome in view.outcomes],
            [outcome.accuracy for outcome in view.outcomes],
            [outcome.seconds for outcome in view.outcomes],
        ),
        config=theme.CONFIG,
        key="transfer_comparison",
    )
    st.caption(findings.compared(view.outcomes))
    st.caption(
        tr(
            "AlexNet's encoder learned from 1.2 million photographs for five to six days, on "
            "two GTX 580 graphics cards of its time (Krizhevsky et al. 2012); today's take "
            "far less."
        )
    )


def _mistakes(outcome: TransferOutcome) -> None:
    st.markdown(tr("**Its most confident mistakes**"))
    if not outcome.mistakes:
        st.caption(tr("There is none: every picture was classified correctly."))
        return
    with st.container(horizontal=True, gap="small", key="transfer_mistakes"):
        for mistake in outcome.mistakes:
            with st.container(width=112, gap=None):
                st.image(mistake.png, width=112, output_format="PNG", alt=again(mistake.title))
                st.caption(
                    tr(
                        "{is_class}, taken for {taken_for} ({probability})",
                        is_class=plain_name(mistake.is_class),
                        taken_for=plain_name(mistake.taken_for),
                        probability=probability(mistake.probability),
                    )
                )


def _cell(view: TransferProgress, outcome: TransferOutcome, job: str) -> None:
    """Draw the misclassified pictures of one cell of the confusion matrix."""
    cells = outcome.cells()
    if not cells:
        return
    names = [state.shorten(name, 24) for name in view.classes]  # options are plain text
    cell = st.selectbox(
        tr("Pictures of a cell of the matrix"),
        list(cells),
        format_func=lambda cell: findings.cell(names[cell[0]], names[cell[1]], len(cells[cell])),
        key=f"transfer_cell_{job}",
        width=420,
    )
    images = view.lesson.dataset.images
    with st.container(horizontal=True, gap="small", key="transfer_cell"):
        for each in cells[cell][:_MOST_OF_A_CELL]:
            with st.container(width=112, gap=None):
                title = again(images.titles[each.index])
                thumbnail = crop(images.image(each.index), size=112, resize=112)
                st.image(thumbnail, width=112, output_format="PNG", alt=title)
                share = probability(each.probability).replace(" ", "\u00a0")
                st.caption(f"{state.plain(state.shorten(title, 24))} ({share})")
    if len(cells[cell]) > _MOST_OF_A_CELL:
        st.caption(findings.most_confident(_MOST_OF_A_CELL, len(cells[cell])))


def _classify(choice: Choice, network: Network) -> None:
    st.markdown(findings.question(choice.image.title))
    predictions.bars(predict(load(network.name, network.weights.source), choice.image.pixels))
    st.caption(
        tr(
            "These classes are the only answers it can give. Choose another image in the "
            "sidebar, one like the pictures it learned from."
        )
    )


def _save_buttons(view: TransferProgress, outcome: TransferOutcome, network: Network) -> None:
    if outcome.drawn_anew:
        st.caption(findings.no_small_file(network.title))
    with st.container(horizontal=True, gap="small", key="transfer_save"):
        if outcome.parts:
            alone = all(is_within(part, outcome.about.form.decoder) for part in outcome.parts)
            label = later("Only the decoder ({size})")
            if not alone:
                label = later("Only what was trained ({size})")
            exports.save_button(
                tr(label, size=_size(network, outcome.parts)),
                lambda: trained.write(
                    network.module, outcome.about, parts=outcome.parts, on=outcome.on
                ),
                f"{network.name}-decoder.safetensors",
                key="transfer_save_decoder",
                help=findings.small_file(network.title, outcome.on.title),
            )
        exports.save_button(
            tr("The whole network ({size})", size=size_text(network.weights.bytes)),
            lambda: trained.write(network.module, outcome.about),
            f"{network.name}-trained.safetensors",
            key="transfer_save_network",
            help=tr("safetensors, with the names of the classes in it."),
        )
        exports.save_button(
            tr("Curves (CSV)"),
            exports.table(
                ["epoch", "training_loss", "validation_loss", "validation_accuracy"],
                ([e.number, e.loss, e.validation_loss, e.accuracy] for e in view.epochs),
            ),
            f"{network.name}-training.csv",
            key="transfer_save_curves",
        )


def _take_home(outcome: TransferOutcome, network: Network) -> None:
    """Draw the script that loads the network without convviz, and what saves both."""
    with st.expander(
        tr("Use it without convviz"), icon=":material/home:", key="transfer_take_home"
    ):
        if not plain_pytorch.has_script(network.name):
            st.caption(findings.no_script(network.title))
            return
        name = f"{network.name}-trained"
        script = plain_pytorch.script(outcome.about, f"{name}.pt")
        st.caption(
            tr(
                "The network as a file of PyTorch, and the script that loads it from the "
                "same folder with torch and torchvision alone:"
            )
        )
        st.code(script, language="python", wrap_lines=True)
        with st.container(horizontal=True, gap="small", key="transfer_take_home_save"):
            exports.save_button(
                tr("The network (.pt)"),
                lambda: plain_pytorch.write(network.module, outcome.about),
                f"{name}.pt",
                key="transfer_save_pytorch",
                help=tr(
                    "A state dict, with the names of the classes beside it. The sidebar "
                    "opens it as well."
                ),
            )
            exports.save_button(
                tr("The script (.py)"), script, f"{name}.py", key="transfer_save_script"
            )


def _size(network: Network, parts: tuple[str, ...]) -> str:
    """Say how large a file with some parts is: four bytes a number."""
    modules = [network.module.get_submodule(part) for part in parts]
    return size_text(4 * sum(p.numel() for module in modules for p in module.parameters()))
