"""One step of the course at a time: idea, figure, prediction, check, and where to go further."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import streamlit as st

from convviz.errors import ConvvizError
from convviz.language import tr
from convviz.structure.layers import layer
from convviz.ui import cache, glossary, navigation, scrolling, state
from convviz.ui.choice import Choice
from convviz.ui.course import findings, steps
from convviz.ui.course.steps import CourseStep
from convviz.ui.design_task import answered, judged
from convviz.ui.errors import errors
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.questions import predict
from convviz.ui.widgets import words


def draw(choice: Choice) -> None:
    """Draw the step that is open."""
    by_name = steps.by_name()
    name = _choose(by_name)
    step = by_name[name]
    number = list(by_name).index(name) + 1
    state.visit().course_step = (number, len(by_name))
    st.header(f"{number}. {tr(step.title)}", anchor=False)
    idea, question = st.columns([6, 5], gap="large")
    with idea, st.container(key="course_idea"):
        st.markdown(glossary.mark(tr(step.idea)))
    is_checked = False
    with question, errors():
        is_checked = predict(
            step.question, lambda: step.answer(choice), step.context(choice), answered(), judged()
        )
    with st.container(key="course_figure"), errors():
        step.figure(choice)
        if step.networks and choice.network_name not in step.networks:
            st.caption(findings.other_network_text(step.networks))
        if is_checked and step.reveal is not None:
            with st.container(key="course_reveal"):
                step.reveal(choice)
    with suppress(ConvvizError):  # the figure above has said it
        state.visit().further = step.page, *_further(choice, step)
    if number == len(by_name):
        _draw_end(choice, by_name)
    _draw_buttons(choice, step, list(by_name))
    scrolling.to("[data-testid=stMain] h1", step.name, key="course")
    how_we_know(
        "guesses",
        "empty channels",
        "maximum and rank",
        "strongest maps",
        "class_score",
        "head_probability",
        "ssim",
        "recorded series",
        "nearest images",
        "empty_while_training",
    )
    _draw_lesson(choice, step)
    words()


def _choose(by_name: Mapping[str, CourseStep]) -> str:
    """Draw the steps to choose from, and how far the visitor is; return the open one's name."""
    names = list(by_name)
    link = state.visit().link
    asked = link.get(Key.STEP, "")
    if asked.isdecimal() and 0 < int(asked) <= len(names):
        link[Key.STEP] = names[int(asked) - 1]
    key = state.remember(Key.STEP, names[0], allowed=names, default_in_url=True)
    # Of a step that asks about one thing alone, Design asks about others.
    done = {
        about[0]
        for about in answered()
        if about[0] in by_name and by_name[about[0]].about in ((), about[1:])
    }
    with st.container(
        horizontal=True, gap="medium", vertical_alignment="center", key="course_steps"
    ):
        name = st.selectbox(
            tr("Step"),
            names,
            format_func=lambda name: (
                f"{names.index(name) + 1} · {tr(by_name[name].title)}"
                + (" ✓" if name in done else "")
            ),
            key=key,
            label_visibility="collapsed",
            width=380,
        )
        st.progress(len(done) / len(names), text=findings.progress_text(len(done), len(names)))
    if done:
        st.caption(
            tr("Your predictions are kept while this tab is open, and lost if it is reloaded.")
        )
    return str(name)


def _draw_end(choice: Choice, by_name: Mapping[str, CourseStep]) -> None:
    """Say how many predictions of the course came out, of this image and network."""
    asked = {step.context(choice) for step in by_name.values()}
    results = [came_out for about, came_out in judged().items() if about in asked]
    if len(results) > 1:
        st.info(findings.end_text(sum(results), len(results)), icon=":material/flag:")


def _draw_buttons(choice: Choice, step: CourseStep, names: list[str]) -> None:
    """Draw the ways on: one step back, one on, and the full page."""
    number = names.index(step.name)
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", key="course_buttons"
    ):
        st.button(
            tr("Back"),
            icon=":material/arrow_back:",
            key="course_back",
            disabled=number == 0,
            on_click=_open,
            args=(names[max(number - 1, 0)],),
        )
        st.button(
            tr("Next"),
            icon=":material/arrow_forward:",
            icon_position="right",
            key="course_next",
            type="primary",
            disabled=number == len(names) - 1,
            on_click=_open,
            args=(names[min(number + 1, len(names) - 1)],),
        )
        _draw_way(choice, step)


def _open(name: str) -> None:
    state.put(Key.STEP, name)
    state.put(Key.LABORATORY, False, in_url=False)


def _draw_way(choice: Choice, step: CourseStep) -> None:
    """Draw the button that opens the full page with what the step shows."""
    pages = {page.title: page for page in (navigation.HOME, *navigation.PAGES)}
    page = pages[step.page]
    if st.button(
        tr("Go further: {title}", title=tr(page.title)),
        icon=f":material/{page.icon}:",
        key="course_further",
    ):
        state.ask(step.settings(choice))
        st.switch_page(page.file)


def _further(choice: Choice, step: CourseStep) -> tuple[Choice, steps.Settings]:
    """Return what the page that goes further is opened with, as choices and as a link."""
    link = step.settings(choice)
    if Key.NETWORK not in link:
        return choice, link
    network = choice.network
    if (network.name, network.weights.source) != (link[Key.NETWORK], link[Key.WEIGHTS]):
        network = cache.network(link[Key.NETWORK], link[Key.WEIGHTS])
    picked = layer(network, link[Key.LAYER]) if Key.LAYER in link else None
    return Choice(choice.image, network.name, network, picked), link


def _draw_lesson(choice: Choice, step: CourseStep) -> None:
    """Draw the laboratory of a step when the visitor opens it: some of them compute for long."""
    if step.lesson is None:
        return
    is_open = st.toggle(
        tr("Laboratory: try it with numbers of your own"),
        key=state.remember(Key.LABORATORY, False),
    )
    if is_open:
        with errors():
            step.lesson(choice)
