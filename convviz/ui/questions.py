"""Questions as a page draws them: predicted first and checked then, or unfolded at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from convviz.language import tr
from convviz.ui import glossary, state
from convviz.ui.answers import Answer

Answered = dict[tuple[str, ...], str]  # what was predicted, by what it is about
Judged = dict[tuple[str, ...], bool]  # whether it came out so, where there was something to compare


@dataclass(frozen=True)
class Question:
    """A question with a few possible answers.

    Attributes:
        text: The question; told where it is shown.
        options: What may be answered, by name; the texts are told where they are shown.
    """

    text: str
    options: Mapping[str, str]


def verdict(question: Question, answer: Answer, predicted: str) -> str:
    """Say whether a prediction was right, and what is; "" where there is nothing to compare."""
    if not answer.right:
        return ""
    if predicted in answer.right:
        return tr("**As you predicted.**")
    return tr("**Otherwise than you predicted: {right}.**", right=_right(question, answer))


def _right(question: Question, answer: Answer) -> str:
    return tr(" or ").join(tr(question.options[name]) for name in answer.right)


def predict(
    question: Question,
    answer: Callable[[], Answer],
    context: tuple[str, ...],
    answered: Answered,
    judged: Judged,
    button: str = "",
) -> bool:
    """Draw a question to be answered before the answer is shown; return whether it has been.

    Args:
        question: The question.
        answer: Computes the answer; called once the visitor has predicted.
        context: What the question is about, and for which image and network.
        answered: What has been predicted, by context; a prediction is added to it.
        judged: What came out as predicted, by context; the answer is added to it.
        button: Text of the button that takes the prediction; empty for the usual one.
    """
    options, before = question.options, answered.get(context)
    texts = tuple(tr(option) for option in options.values())
    state.visit().asked = tr(question.text), texts
    with st.container(key="questions_predict"):
        st.markdown(glossary.mark(tr("**Predict.** {question}", question=tr(question.text))))
        predicted = st.radio(
            tr(question.text),
            list(options),
            index=None if before is None else list(options).index(before),
            format_func=lambda name: tr(options[name]),
            key=f"questions_predict_{'_'.join(context)}",
            horizontal=True,
            disabled=before is not None,
            label_visibility="collapsed",
        )
        if before is not None:
            found = answer()
            if found.right:
                judged[context] = before in found.right
            with st.container(key="questions_answer"):
                _draw_answer(verdict(question, found, before), found)
            return True

        def check() -> None:
            if predicted is not None:
                answered[context] = predicted

        st.button(
            button or tr("Check"),
            key="questions_check",
            type="primary",
            icon=":material/check:",
            disabled=predicted is None,
            on_click=check,
        )
    return False


def unfold(asked: Sequence[tuple[Question, Callable[[], Answer]]], *, key: str) -> None:
    """Draw questions whose answers are computed when somebody unfolds them.

    Args:
        asked: Each question, and what computes its answer.
        key: What the keys of the widgets begin with.
    """
    for number, (question, answer) in enumerate(asked, start=1):
        unfolded = st.expander(
            tr(question.text),
            icon=":material/help:",
            key=f"{key}_{number}",
            on_change="rerun",
        )
        if unfolded.open:
            with unfolded:
                found = answer()
                right = _right(question, found)
                _draw_answer(f"**{right}.**" if right else "", found)


def _draw_answer(begun: str, answer: Answer) -> None:
    """Draw what was compared, behind what is right where anything is."""
    st.markdown(" ".join(filter(None, (begun, glossary.mark(answer.sentence)))))
