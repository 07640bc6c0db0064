"""Lesson: auxiliary classifiers, what they do to gradients, and what they predict for an image."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz.figures import theme
from convviz.figures.auxiliary import gradient_norms
from convviz.language import again, later, tr
from convviz.learning import findings
from convviz.learning.gradients import Gradients, Initialisation, auxiliary_gradients
from convviz.lessons import auxiliary_loss
from convviz.networks.paper_designs import GOOGLENET, describe
from convviz.networks.registry import spec as network_spec
from convviz.structure.costs import Head
from convviz.structure.costs import heads as auxiliary_heads
from convviz.ui import auxiliary_settings, cache, charts, exports, glossary, predictions, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components import network_diagram
from convviz.ui.course import lesson_network
from convviz.ui.formulas import formula
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key

_FORMS = {
    "googlenet-2015": later("the paper's: no batch norm"),
    "googlenet": later("torchvision's: batch norm"),
}
_STARTS = {
    "narrow": later("normal, σ = 0.01 (2012)"),
    "he": later("scaled to each layer (He, 2015)"),
}


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    heads = _heads()
    with st.container(key="course_point_auxiliary"):
        st.markdown(glossary.mark(auxiliary_loss.point()))
    _draw_heads(heads)
    _draw_gradients(choice, heads)
    _draw_predictions(choice)
    how_we_know("gradient_norm", "head_depth", "head_probability")


@st.cache_resource(show_spinner=False)
def _heads() -> tuple[Head, ...]:
    return auxiliary_heads(network_spec("googlenet"))


def _draw_heads(heads: tuple[Head, ...]) -> None:
    st.header(tr("Where they sit"), anchor=False)
    network_diagram.diagram(
        network_diagram.message(cache.costs("googlenet")),
        selected="",
        marks={f"{head.after}.cat()": head.name for head in heads},
        key="course_heads",
    )
    for number, head in enumerate(heads, start=1):
        st.markdown(f"- {findings.head_placement(number, head)}")


def _draw_gradients(choice: Choice, heads: tuple[Head, ...]) -> None:
    st.header(tr("How much of the training signal arrives"), anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        form = st.selectbox(
            "GoogLeNet",
            _FORMS,
            format_func=lambda form: tr(_FORMS[form]),
            key=state.remember(Key.AUXILIARY_FORM, "googlenet-2015", allowed=_FORMS),
            width=260,
        )
        start = st.selectbox(
            tr("First weights"),
            _STARTS,
            format_func=lambda start: tr(_STARTS[start]),
            key=state.remember(Key.AUXILIARY_FIRST_WEIGHTS, "narrow", allowed=_STARTS),
            width=260,
        )
        weight = auxiliary_settings.weight(width=240)
        seed = auxiliary_settings.seed()
    with st.spinner(tr("Drawing weights, one pass forward and two backward…")):
        gradients = _measure(choice.image, form, weight, seed, cast(Initialisation, start))
    batch_norm = form != GOOGLENET.name
    st.markdown(
        findings.initial_gradients(
            gradients, batch_norm=batch_norm, start=cast(Initialisation, start)
        )
    )
    charts.draw(
        gradient_norms(gradients.stages, {head.name: head.after for head in heads}),
        config=theme.save_as("gradients"),
        key="course_gradients",
    )
    formula(
        gradients.loss.formula,
        tr("main loss + factor · each auxiliary loss = what training lowers"),
    )
    st.caption(
        tr(
            "Measured now: freshly drawn weights, your image and its mirror image, a class "
            "drawn at random; the length of the gradient of the loss with respect to the "
            "weights of each stage. In double precision, and without dropout."
        )
    )
    exports.save_button(
        tr("Save as CSV"),
        lambda: _csv(gradients),
        exports.file_name(choice, "gradients", ending="csv", network=form),
        key="course_save_gradients",
    )


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.KEYS)
def _measure(
    image: ChosenImage, form: str, weight: float, seed: int, start: Initialisation
) -> Gradients:
    spec = describe(GOOGLENET) if form == GOOGLENET.name else network_spec(form)
    return auxiliary_gradients(spec, image.pixels, weight=weight, seed=seed, start=start)


def _csv(gradients: Gradients) -> str:
    return exports.table(
        ["layer", "title", "main loss alone", "with auxiliary losses", "factor", "weights"],
        [[x.name, x.title, x.without, x.with_heads, x.factor, x.weights] for x in gradients.layers],
    )


def _draw_predictions(choice: Choice) -> None:
    st.header(tr("What each head says of your image"), anchor=False)
    network = lesson_network.with_heads()
    heads = cache.head_predictions(choice.image, network)
    st.caption(f"{lesson_network.about(choice, network)} {again(network.weights.note)}")
    for column, head in zip(st.columns(len(heads), gap="large"), heads, strict=True):
        with column:
            st.markdown(
                tr(
                    "**{head}**, after {depth} layers",
                    head=head.name or tr("main classifier"),
                    depth=head.depth,
                )
            )
            predictions.bars(head.predictions)
    st.markdown(findings.head_predictions(heads))
