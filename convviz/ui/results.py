"""What a visitor's jobs found, kept for the visit, so that nothing is computed twice."""

from __future__ import annotations

import streamlit as st

from convviz.features.progress import Run
from convviz.features.synthesis import SynthesisStep
from convviz.features.top_patches import StimuliStep
from convviz.jobs.job import JobView
from convviz.ui.keys import Entry

_KEPT = 12


def keep(view: JobView) -> None:
    """Keep what an ended job found; half an occlusion or half a count would mislead."""
    run = view.newest
    if view.live or not isinstance(run, Run):
        return
    if run.fraction < 1 and not isinstance(run.step, StimuliStep | SynthesisStep):
        return
    held = _held()
    held.pop(run.subject, None)
    held[run.subject] = run
    while len(held) > _KEPT:
        held.pop(next(iter(held)))


def find(subject: tuple[str, ...]) -> Run | None:
    """Return what was found about a subject."""
    return _held().get(subject)


def every(*start: str) -> tuple[Run, ...]:
    """Return what was found about all subjects that begin like this, the newest last."""
    return tuple(run for subject, run in _held().items() if subject[: len(start)] == start)


def _held() -> dict[tuple[str, ...], Run]:
    held: dict[tuple[str, ...], Run] = st.session_state.setdefault(Entry.RESULTS, {})
    return held
