"""The page's one desk of jobs: whatever view is open, it finds the job that is under way."""

from __future__ import annotations

from convviz.features.progress import dead_run, occlusion_run, stimuli_run, synthesis_run
from convviz.jobs.job import JobView
from convviz.ui import jobs, results

_WORKS = (stimuli_run, dead_run, occlusion_run, synthesis_run)


def open_desk() -> tuple[jobs.Desk, JobView | None]:
    """Return the desk, and the job that it shows; what an ended job found is kept."""
    desk = jobs.desk("inspector", *_WORKS)
    view = desk.find()
    if view is not None:
        results.keep(view)
    return desk, view
