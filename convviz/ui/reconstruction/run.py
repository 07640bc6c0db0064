"""One reconstruction: live while it grows, and everything about it afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz.figures import reconstruction as figures
from convviz.figures import theme
from convviz.formatting import say_seconds
from convviz.jobs.job import JobView
from convviz.reconstruction.progress import Frame, ReconstructionProgress, Subject
from convviz.reconstruction.reconstruct import ReconstructionResult
from convviz.ui import predictions
from convviz.ui.components.drawing import drawing
from convviz.ui.reconstruction import exports

WAITING = "Getting ready…"


def live(run: ReconstructionProgress) -> Callable[[JobView], None]:
    """Lay out a run that goes on.

    Returns:
        What draws the run's newest view into that layout, about once a second; it must not be
        heavy, because the optimisation runs on the same processor.
    """
    pictures, numbers = columns()
    with pictures:
        growing = pair(run.subject, run.original)
    with numbers:
        progress, words, curve = st.empty(), st.empty(), st.empty()

    def draw(view: JobView) -> None:
        now: ReconstructionProgress = view.newest
        growing.draw(now.image, _growing(now))
        progress.progress(now.fraction, text=progress_text(now, stopping=view.stopping))
        words.caption(in_words(now.relative_error))
        steps = [step.index for step in now.steps]
        losses = [step.loss for step in now.steps]
        with curve:
            drawing(figures.loss_drawing(steps, losses), key="live_loss")

    return draw


def ended(run: ReconstructionProgress) -> None:
    """Draw what came of a run."""
    _explore(run)
    result = run.result
    if result and result.predictions:
        st.subheader(f"What {run.subject.network} takes them for", anchor=False)
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**x**, the original")
            predictions.bars(result.original_predictions)
        with right:
            st.markdown("**y**, the reconstruction")
            predictions.bars(result.predictions)


@st.fragment
def _explore(run: ReconstructionProgress) -> None:
    """Draw the pictures, a slider through the frames kept, and the loss curve with its place."""
    pictures, numbers = columns()
    frame = None
    with pictures:
        place = st.container()
        if len(run.frames) > 1:
            frame = _scrub(run)
        with place:
            shown = (frame.jpeg, _at(frame)) if frame else (run.image, _growing(run))
            pair(run.subject, run.original).draw(*shown)
        exports.run_buttons(run, frame)
    with numbers:
        if run.result:
            _numbers(run, run.result)
        if run.steps:
            figure = figures.loss(
                [step.index for step in run.steps],
                [step.loss for step in run.steps],
                at=frame.step if frame else None,
            )
            st.plotly_chart(figure, config=theme.CONFIG, key="loss")


def _scrub(run: ReconstructionProgress) -> Frame | None:
    """Draw the slider; None for its last place, which stands for the picture as it is saved."""
    by_step = {frame.step: frame for frame in run.frames}
    steps = list(by_step)
    step = st.select_slider(
        "Go back through the steps",
        steps,
        value=steps[-1],
        key=f"frame:{hash(run.frames)}",
    )
    return None if step == steps[-1] else by_step[step]


def _numbers(run: ReconstructionProgress, result: ReconstructionResult) -> None:
    with st.container(horizontal=True, gap="medium", key="run_numbers"):
        st.metric("Relative error", f"{result.relative_error:.3f}", width="content")
        st.metric("PSNR", _decibels(result.psnr), width="content", help=_PSNR)
        st.metric("SSIM", f"{result.ssim:.2f}", width="content", help=_SSIM)
    st.caption(
        f"{in_words(result.relative_error)} Measured in float32 on the image as saved, after "
        f"{run.step:,} steps in {run.seconds:.1f} seconds, most of them in {result.precision}. "
        f"{result.note}"
    )


def columns() -> list[DeltaGenerator]:
    """Make room for the two pictures and, beside them, for the numbers."""
    return st.columns([3, 2], gap="large")


@dataclass(frozen=True)
class Growing:
    """The place of a picture and of the words under it."""

    picture: DeltaGenerator
    words: DeltaGenerator

    def draw(self, picture: bytes, said: str) -> None:
        """Draw a picture, or where it will be, and say what it is."""
        if picture:
            # Told the format it already has, Streamlit sends it as it is.
            kind: Literal["PNG", "JPEG"] = "PNG" if picture.startswith(b"\x89PNG") else "JPEG"
            alt = "The reconstruction"
            self.picture.image(picture, width="stretch", alt=alt, output_format=kind)
        else:
            self.picture.html('<div class="convviz-to-come"></div>')
        self.words.caption(said)


def pair(subject: Subject, original: bytes) -> Growing:
    """Draw the original on the left; return the place of the other picture, on the right."""
    with st.container(key="run_pictures"):
        left, right = st.columns(2, gap="small", wrap=False)
    side = subject.pixels
    with left:
        st.image(original, width="stretch", alt="The original", output_format="PNG")
        st.caption(f"**x**, as {subject.network} sees it: {side} × {side} pixels")
    with right:
        return Growing(st.empty(), st.empty())


def _growing(run: ReconstructionProgress) -> str:
    return f"**y**, from what {run.subject.layer_title} still knows of x"


def _at(frame: Frame) -> str:
    return (
        f"**y** after step {frame.step} ({frame.seconds:.1f} s), "
        f"relative error {frame.relative_error:.2f}"
    )


def progress_text(run: ReconstructionProgress, *, stopping: bool = False) -> str:
    """Say how far a run is, in one line."""
    if not run.step:
        return WAITING
    parts = [f"Step {run.step}"]
    if stopping:
        parts.append("stopping…")
    elif run.seconds_left is not None:
        parts.append(f"{say_seconds(run.seconds_left)} left")
    if run.relative_error is not None:
        parts.append(f"relative error {run.relative_error:.2f}")
    return " · ".join(parts)


def in_words(relative_error: float | None) -> str:
    """Explain a relative error in one sentence."""
    if relative_error is None or not math.isfinite(relative_error):
        return "The relative error says how far the feature maps of y are from those of x."
    return (
        f"A relative error of {relative_error:.2f} means: the feature maps of y and x differ by "
        f"{100 * relative_error:.0f} % of the length of those of x."
    )


def _decibels(psnr: float) -> str:
    return f"{psnr:.1f} dB" if math.isfinite(psnr) else "∞"


_PSNR = (
    "Peak signal-to-noise ratio of y against x, pixel by pixel: 10 dB more means a tenth of the "
    "squared difference. Above 30 dB two photographs look much alike."
)


_SSIM = (
    "Structural similarity of y to x: compares brightness, contrast and pattern window by window; "
    "1 for equal images, about 0 for unrelated ones."
)
