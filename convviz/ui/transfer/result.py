"""Step 3, afterwards: what came of a training."""

from __future__ import annotations

from statistics import median

import streamlit as st

from convviz.features.predictions import predict
from convviz.figures import theme
from convviz.figures import transfer as figures
from convviz.formatting import size_text
from convviz.jobs.job import JobView
from convviz.learning.transfer import TransferOutcome, TransferProgress
from convviz.networks.network import Network, is_within
from convviz.ui import exports, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.datasets import plain
from convviz.ui.jobs import PageJobs
from convviz.ui.transfer import fine_tune
from convviz.weights import trained
from convviz.weights.load import load


def draw(page_jobs: PageJobs, job: JobView, view: TransferProgress, choice: Choice) -> None:
    """Draw everything that came of a training, and what can be done next."""
    if not view.outcomes:
        return
    best = view.outcomes[0]
    if best.note:
        st.info(best.note, icon=":material/info:")
    if view.before is None:
        _numbers(view, best)
    else:
        fine_tune.compare(page_jobs, view, view.before, best)
    if len(view.outcomes) > 1:
        _comparison(view)
    curves(view, "ended")
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
        "and the server's memory last. A file keeps it for good: open it in the sidebar, or name "
        "it with `--weights` on the command line."
    )
    _save(view, best, kept)
    fine_tune.offer(page_jobs, job, view, best, kept)


def curves(view: TransferProgress, key: str) -> None:
    """Draw loss and accuracy over the epochs."""
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


def _numbers(view: TransferProgress, best: TransferOutcome) -> None:
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


def _comparison(view: TransferProgress) -> None:
    st.markdown("**What the trained encoder is worth**")
    st.plotly_chart(
        figures.compared(
            [each.name for each in view.outcomes],
            [each.accuracy for each in view.outcomes],
            [each.seconds for each in view.outcomes],
        ),
        config=theme.CONFIG,
        key="transfer_compared",
    )
    times = "; ".join(f"{each.name}: {each.seconds:.0f} s" for each in view.outcomes)
    st.caption(
        f"The same pictures, and about the same time: {times}. Training a network such as "
        "GoogLeNet from the beginning on a million photographs takes days to weeks."
    )


def _mistakes(best: TransferOutcome) -> None:
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
    predictions.bars(predict(load(kept.name, kept.weights.source), choice.image.pixels))
    st.caption(
        "These classes are the only answers it can give. Choose another image in the sidebar, one "
        "like the pictures it learned from."
    )


def _save(view: TransferProgress, best: TransferOutcome, kept: Network) -> None:
    with st.container(horizontal=True, gap="small", key="save_training"):
        if best.parts:
            alone = all(is_within(part, best.about.form.decoder) for part in best.parts)
            exports.save_button(
                f"Only {'the decoder' if alone else 'what was trained'} "
                f"({_size(kept, best.parts)})",
                lambda: trained.write(kept.module, best.about, parts=best.parts, on=best.on),
                f"{kept.name}-decoder.safetensors",
                key="save_decoder",
                help=f"A small file. It opens where {kept.title} has the weights "
                f"“{best.on.title}”.",
            )
        exports.save_button(
            f"The whole network ({size_text(kept.weights.bytes)})",
            lambda: trained.write(kept.module, best.about),
            f"{kept.name}-trained.safetensors",
            key="save_network",
            help="safetensors, with the names of the classes in it.",
        )
        exports.save_button(
            "Curves (CSV)",
            exports.table(
                ["epoch", "training_loss", "validation_loss", "validation_accuracy"],
                ([e.number, e.loss, e.validation_loss, e.accuracy] for e in view.epochs),
            ),
            f"{kept.name}-training.csv",
            key="save_curves",
        )


def _size(kept: Network, parts: tuple[str, ...]) -> str:
    """Say how large a file with some parts is: four bytes a number."""
    modules = [kept.module.get_submodule(part) for part in parts]
    return size_text(4 * sum(p.numel() for module in modules for p in module.parameters()))
