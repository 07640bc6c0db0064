"""Lesson: auxiliary classifiers, what they do to gradients, and what they say of an image."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz.figures import lessons as drawn
from convviz.figures import theme as figures
from convviz.formatting import percent, times
from convviz.learning import gradients
from convviz.learning.gradients import Gradients, Start
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.networks.paper_designs import GOOGLENET, describe
from convviz.networks.registry import spec as network_spec
from convviz.structure.costs import Head
from convviz.structure.costs import heads as auxiliary_heads
from convviz.ui import cache, exports, state
from convviz.ui.architectures import lesson_network
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.components import network_diagram
from convviz.ui.components.network_diagram import diagram
from convviz.ui.formulas import formula
from convviz.ui.keys import Key

_FORMS = {"googlenet-2015": "the paper's: no batch norm", "googlenet": "torchvision's: batch norm"}
_STARTS = {"narrow": "normal, σ = 0.01 (2012)", "he": "scaled to each layer (He, 2015)"}


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    heads = _heads()
    with st.container(key="point_auxiliary"):
        st.markdown(
            "**In a deep network the loss is far from the first layers. GoogLeNet hangs two small "
            f"classifiers half-way, and adds their losses with weight {AUXILIARY_WEIGHT:g}.** "
            "They are "
            "thrown away after training."
        )
    _places(heads)
    _gradients(choice, heads)
    _opinions(choice)


@st.cache_resource(show_spinner=False)
def _heads() -> tuple[Head, ...]:
    return auxiliary_heads(network_spec("googlenet"))


def _places(heads: tuple[Head, ...]) -> None:
    st.subheader("Where they sit", anchor=False)
    found = cache.costs("googlenet")
    marks = {f"{head.after}.cat()": head.name for head in heads}
    diagram(network_diagram.message(found), selected="", marks=marks, key="heads_diagram")
    for number, head in enumerate(heads, start=1):
        shape = " × ".join(map(str, head.shape))
        st.markdown(
            f"- **aux{number}** reads the {shape} values of {head.after}, after {head.depth} of "
            f"{head.network_depth} layers with weights; {head.parameters:,} parameters of its own."
        )


def _gradients(choice: Choice, heads: tuple[Head, ...]) -> None:
    st.subheader("How much of the training signal arrives", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        form = st.selectbox(
            "GoogLeNet",
            _FORMS,
            format_func=_FORMS.__getitem__,
            key=state.remember(Key.AUXILIARY_FORM, "googlenet-2015", allowed=_FORMS),
            width=280,
        )
        start = st.selectbox(
            "First weights",
            _STARTS,
            format_func=_STARTS.__getitem__,
            key=state.remember(Key.AUXILIARY_FIRST_WEIGHTS, "narrow", allowed=_STARTS),
            width=280,
        )
        weight = st.slider(
            "Weight of each auxiliary loss",
            0.0,
            1.0,
            step=0.1,
            key=state.remember(
                Key.AUXILIARY_WEIGHT, AUXILIARY_WEIGHT, allowed=lambda x: 0 <= float(x) <= 1
            ),
            width=260,
        )
        seed = st.number_input(
            "Seed",
            0,
            9999,
            key=state.remember(Key.AUXILIARY_SEED, 0, allowed=range(10_000)),
            width=120,
        )
    with st.spinner("Drawing weights, one pass forward and two backward…"):
        found = _measured(choice.image, form, weight, int(seed), cast(Start, start))
    st.markdown(_finding(found))
    st.plotly_chart(
        drawn.gradient_norms(found.stages, [(head.name, head.after) for head in heads]),
        config=figures.save_as("gradients"),
        key="gradient_chart",
    )
    formula(found.loss.formula, "main loss + weight · each auxiliary loss = what training lowers")
    st.caption(
        "Measured now: freshly drawn weights, your image and its mirror image, a class drawn at "
        "random; the length of the gradient of the loss with respect to the weights of each stage. "
        "Dropout is left out."
    )
    exports.save_button(
        "Save as CSV",
        lambda: _csv(found),
        exports.file_name(choice, "gradients", ending="csv"),
        key="save_gradients",
    )


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.KEYS)
def _measured(image: ChosenImage, form: str, weight: float, seed: int, start: Start) -> Gradients:
    paper = form == GOOGLENET.name
    spec = describe(GOOGLENET) if paper else network_spec(form)
    return gradients.auxiliary_gradients(spec, image.pixels, weight=weight, seed=seed, start=start)


def _finding(found: Gradients) -> str:
    """Say what the numbers show at the first layer, and what to try next."""
    first = found.stages[0]
    if first.factor > 1.5:
        return (
            f"At {first.title} the gradient is **{times(first.factor)} times as long** with the "
            "auxiliary losses as without: the heads bring the signal to the layers before them. "
            "Behind the last head nothing changes. Now try batch norm, or weights scaled to each "
            "layer."
        )
    return (
        f"At {first.title} the gradient is {first.factor:.2f} times as long with the auxiliary "
        "losses as without: **with these settings the main loss arrives well on its own**, and the "
        "heads hardly matter for it. Now try the paper's network with narrow first weights."
    )


def _csv(found: Gradients) -> str:
    return exports.table(
        ["layer", "title", "main loss alone", "with auxiliary losses", "factor"],
        [[one.name, one.title, one.without, one.with_heads, one.factor] for one in found.layers],
    )


def _opinions(choice: Choice) -> None:
    st.subheader("What each head says of your image", anchor=False)
    used = lesson_network.with_heads(choice)
    said = cache.head_predictions(choice.image, used)
    st.caption(f"{lesson_network.about(choice, used)} {used.weights.note}")
    columns = st.columns(len(said), gap="large")
    for column, opinion in zip(columns, said, strict=True):
        with column:
            name = opinion.name or "main classifier"
            st.markdown(f"**{name}**, after {opinion.depth} layers")
            for prediction in opinion.predictions:
                st.progress(
                    prediction.probability,
                    text=f"{prediction.label}: {percent(prediction.probability, 1)}",
                )
    firsts = [opinion.predictions[0] for opinion in said]
    agree = len({one.index for one in firsts}) == 1
    st.markdown(
        ("All three agree on the first place. " if agree else "They do not agree. ")
        + "The deeper head has seen more layers: it is "
        + ("surer" if firsts[-1].probability > firsts[0].probability else "not surer")
        + f" of its first choice ({percent(firsts[-1].probability, 1)}) than {said[0].name} "
        f"({percent(firsts[0].probability, 1)})."
    )
