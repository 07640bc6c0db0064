"""The task that the course ends with: make a network better, and say beforehand what will happen.

The page Design asks which of two designs will be better, and the course asks it of one pair. The
answer is that of the visitor's own run of this pair.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import streamlit as st

from convviz.language import again, later, tr
from convviz.learning.design_findings import design_verdict
from convviz.learning.design_results import DesignComparison
from convviz.networks.design import Design
from convviz.networks.design_changes import change_design
from convviz.networks.design_reading import name_with
from convviz.networks.design_starts import start
from convviz.plain_text import plain
from convviz.ui.answers import Answer
from convviz.ui.keys import Entry
from convviz.ui.questions import Answered, Judged, Question

STEP = "better"
"""The course's step with this task."""

START, CHANGE = "small-alexnet", "norm"
"""The design that the course begins with, and the change to it that it asks about."""

QUESTION = Question(
    later("Which design will classify more test pictures correctly?"),
    {
        "a": later("Design A"),
        "b": later("Design B"),
        "neither": later("These seeds will not tell"),
    },
)

_RIGHT = {0: "neither", 1: "a", 2: "b"}

Pair = tuple[str, str]  # texts of two designs


def pair_of_course() -> tuple[Design, Design]:
    """Return the design that the course begins with, and what its change makes of it."""
    before = start(START)
    return before, changed(before, CHANGE)


def changed(design: Design, key: str) -> Design:
    """Make one change to a design, and name what it becomes after the change."""
    name = name_with(design.name or "design", f", {key}")
    return replace(change_design(design, key), name=name)


def pair_of(first: Design, second: Design) -> Pair:
    """Tell a pair of designs from others, whatever they are called."""
    return _blocks(first), _blocks(second)


def _blocks(design: Design) -> str:
    return "\n".join(block.text for block in design.blocks)


def answered() -> Answered:
    """Return what was predicted in this visit, here and on the page Course."""
    predictions: Answered = st.session_state.setdefault(Entry.COURSE, {})
    return predictions


def judged() -> Judged:
    """Return which predictions of this visit came out, here and on the page Course."""
    kept: Judged = st.session_state.setdefault(Entry.COURSE_JUDGED, {})
    return kept


def context(pair: Pair) -> tuple[str, ...]:
    """Name the question about a pair among all predictions."""
    return STEP, *(sha256(text.encode()).hexdigest()[:16] for text in pair)


def keep(pair: Pair, comparison: DesignComparison) -> None:
    """Keep what the visitor's run of a pair has shown."""
    found = _answer(comparison)
    if found.right or pair not in _answers():  # a run that was stopped takes no answer away
        _answers()[pair] = found


def answer(pair: Pair) -> Answer:
    """Return what the visitor's own run of a pair has shown; the way to it before there is one."""
    found = _answers().get(pair)
    if found is None:
        return Answer((), tr("Train both on the page Design: the answer is that of your own run."))
    return replace(found, sentence=plain(again(found.sentence)))


def _answers() -> dict[Pair, Answer]:
    kept: dict[Pair, Answer] = st.session_state.setdefault(Entry.DESIGN_ANSWERS, {})
    return kept


def _answer(comparison: DesignComparison) -> Answer:
    better = comparison.better
    right = () if better is None else (_RIGHT[better],)
    return Answer(right, design_verdict(comparison))
