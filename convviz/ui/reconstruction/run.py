"""One reconstruction: live while it grows, and everything about it afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz.figures import reconstruction as figures
from convviz.figures import theme
from convviz.formatting import decimals, say_seconds
from convviz.jobs.job import JobView
from convviz.language import again, later, tr
from convviz.plain_text import plain
from convviz.reconstruction import findings
from convviz.reconstruction.progress import (
    AmplifyFrame,
    Frame,
    ReconstructionProgress,
    Subject,
)
from convviz.reconstruction.reconstruct import ReconstructionResult
from convviz.ui import charts, errors, predictions
from convviz.ui.components.drawing import drawing
from convviz.ui.reconstruction import exports

AnyFrame = TypeVar("AnyFrame", Frame, AmplifyFrame)

_PSNR = later(
    "Peak signal-to-noise ratio of y against x, pixel by pixel: 10 dB more means a tenth "
    "of the mean squared difference. At 30 dB its root is 8 of 255 levels of brightness."
)
_SSIM = later(
    "Structural similarity of y to x: compares brightness, contrast and pattern window by window; "
    "1 for equal images. What it is for unrelated ones depends on x, and stands below."
)


def live(run: ReconstructionProgress) -> Callable[[JobView], None]:
    """Lay out a run that goes on.

    Returns:
        A function that draws the run's newest view into that layout, about once a second; it must
        be cheap, because the optimisation runs on the same processor.
    """
    images, numbers = columns()
    with images:
        slot = pair(run.subject, run.original)
    with numbers:
        progress, words, curve = st.empty(), st.empty(), st.empty()

    def draw(view: JobView) -> None:
        now: ReconstructionProgress = view.newest
        slot.draw(now.image, _growing(now))
        progress.progress(now.fraction, text=progress_text(now, stopping=view.stopping))
        words.caption(findings.error_meaning(now.relative_error, is_silent=now.is_silent))
        steps = [step.index for step in now.steps]
        losses = [step.loss for step in now.steps]
        with curve:
            drawing(figures.loss_drawing(steps, losses), key="reconstruction_live_loss")

    return draw


def ended(run: ReconstructionProgress) -> None:
    """Draw a run's result."""
    _explore(run)
    result = run.result
    if result and result.predictions:
        st.header(
            tr("What {network} takes them for", network=plain(run.subject.network)), anchor=False
        )
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(tr("**x**, the original"))
            predictions.bars(result.original_predictions)
        with right:
            st.markdown(tr("**y**, the reconstruction"))
            predictions.bars(result.predictions)


@errors.fragment
def _explore(run: ReconstructionProgress) -> None:
    """Draw the images, a slider through the frames, and the loss curve with the frame's step."""
    images, numbers = columns()
    frame = None
    with images:
        above_slider = st.container()
        if len(run.frames) > 1:
            frame = frame_slider(run.frames, "reconstruction_frame")
        with above_slider:
            slot = pair(run.subject, run.original)
            if frame:
                slot.draw(frame.jpeg, _frame_caption(frame, is_silent=run.is_silent))
            else:
                slot.draw(run.image, _growing(run))
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
            charts.draw(figure, config=theme.CONFIG, key="reconstruction_loss")


def frame_slider(frames: tuple[AnyFrame, ...], key: str) -> AnyFrame | None:
    """Draw the slider through a run's frames.

    Args:
        frames: Two or more.
        key: What the key of the slider begins with.

    Returns:
        The chosen frame; None at the end, which stands for the image as it is saved.
    """
    by_step = {frame.step: frame for frame in frames}
    steps = list(by_step)
    step = st.select_slider(
        tr("Go back through the steps"),
        steps,
        value=steps[-1],
        key=f"{key}:{hash(frames)}",
    )
    return None if step == steps[-1] else by_step[step]


def _numbers(run: ReconstructionProgress, result: ReconstructionResult) -> None:
    with st.container(horizontal=True, gap="medium", key="reconstruction_numbers"):
        error = findings.error_text(result.relative_error, is_silent=result.is_silent)
        st.metric(tr("Relative error"), error, width="content")
        st.metric("PSNR", _decibels(result.psnr), width="content", help=tr(_PSNR))
        st.metric("SSIM", decimals(result.ssim), width="content", help=tr(_SSIM))
    before = run.step - result.steps
    meaning = findings.error_meaning(result.relative_error, is_silent=result.is_silent)
    how_far = findings.how_far(result, run.config, before=before)
    likeness = findings.likeness_in_context(result.ssim, result.baselines)
    st.markdown(" ".join(filter(None, (again(result.note), how_far))))
    st.caption(" ".join((likeness, meaning, findings.how_measured(run))))


def columns() -> list[DeltaGenerator]:
    """Make a column for the two images and one beside it for the numbers."""
    return st.columns([3, 2], gap="large")


@dataclass(frozen=True)
class ImageSlot:
    """Where an image and its caption are drawn, again and again.

    Attributes:
        image: Where the image is drawn.
        caption: Where its caption is drawn.
        alt: What the image is, for who cannot see it; a message.
    """

    image: DeltaGenerator
    caption: DeltaGenerator
    alt: str = later("The reconstruction")

    def draw(self, data: bytes, caption: str) -> None:
        """Draw an image file with its caption; without data, the frame that it will fill."""
        if data:
            # If it is named the format that the data have, Streamlit sends them as they are.
            kind: Literal["PNG", "JPEG"] = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
            self.image.image(data, width="stretch", alt=tr(self.alt), output_format=kind)
        else:
            self.image.html('<div class="convviz-to-come"></div>')
        self.caption.caption(caption)


def pair(subject: Subject, original: bytes, *, alt: str = later("The reconstruction")) -> ImageSlot:
    """Draw the original on the left; return the slot of the other image, on the right."""
    with st.container(key="reconstruction_images"):
        left, right = st.columns(2, gap="small", wrap=False)
    with left:
        st.image(original, width="stretch", alt=tr("The original"), output_format="PNG")
        st.caption(findings.original_text(subject))
    with right:
        return ImageSlot(st.empty(), st.empty(), alt)


def _growing(run: ReconstructionProgress) -> str:
    return tr("**y**, from feature maps of {layer}", layer=plain(run.subject.layer_title))


def _frame_caption(frame: Frame, *, is_silent: bool) -> str:
    error = findings.error_text(frame.relative_error, is_silent=is_silent)
    return tr(
        "**y** after step {step} ({seconds:.1f} s), relative error {error}",
        step=frame.step,
        seconds=frame.seconds,
        error=error,
    )


def progress_text(
    run: ReconstructionProgress, *, stopping: bool = False, left: str | None = None
) -> str:
    """Say how far a run is, in one line.

    Args:
        run: The run.
        stopping: Whether it has been asked to end.
        left: What is said of the time left, where the run is one of several; None for its own.
    """
    if not run.step:
        return tr("Getting ready…")
    parts = [tr("Step {step}", step=run.step)]
    if stopping:
        parts.append(tr("stopping…"))
    elif left is not None:
        parts += [left] if left else []
    elif run.seconds_left is not None:
        parts.append(tr("{time} left", time=say_seconds(run.seconds_left)))
    if run.relative_error is not None:
        error = findings.error_text(run.relative_error, is_silent=run.is_silent)
        parts.append(tr("relative error {error}", error=error))
    return " · ".join(parts)


def _decibels(psnr: float) -> str:
    return tr("{psnr:.1f} dB", psnr=psnr) if math.isfinite(psnr) else "∞"
