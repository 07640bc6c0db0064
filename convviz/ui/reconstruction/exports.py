"""What can be saved of reconstructions: pictures, animations, numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from convviz.reconstruction.progress import Frame, ReconstructionProgress, SeriesProgress
from convviz.ui.exports import safe_name, save_button, table

_FRAME_MILLISECONDS = 120


_LAST_MILLISECONDS = 2500


_GAP = 12


_LINE = 22


def run_buttons(run: ReconstructionProgress, frame: Frame | None) -> None:
    """Offer the picture that is shown, the frames as an animation and the loss as a table.

    Args:
        run: The run.
        frame: The frame that is shown; None for the last picture.
    """
    parts = (f"step{frame.step}",) if frame else ()
    with st.container(horizontal=True, gap="small", key="save_run"):
        if run.image:
            shown = frame.jpeg if frame else run.image
            name = file_name(run, *parts, ending="png")
            save_button("Picture (PNG)", lambda: _opened(shown), name, key="save_picture")
        if len(run.frames) > 1:
            name = file_name(run, "growing", ending="gif")
            save_button("Animation (GIF)", lambda: animation(run), name, key="save_animation")
        if run.steps:
            name = file_name(run, "loss", ending="csv")
            save_button("Loss (CSV)", lambda: losses(run), name, key="save_loss")


def series_buttons(series: SeriesProgress, titles: Sequence[Sequence[str]]) -> None:
    """Offer the row of pictures, and the numbers as a table."""
    first = series.runs[0]
    with st.container(horizontal=True, gap="small", key="save_series"):
        save_button(
            "Row of pictures (PNG)",
            lambda: series_row(series, titles),
            file_name(first, "series", ending="png"),
            key="save_row",
        )
        save_button(
            "Numbers (CSV)",
            lambda: series_table(series),
            file_name(first, "series", ending="csv"),
            key="save_numbers",
        )


def file_name(run: ReconstructionProgress, *parts: str, ending: str) -> str:
    """Name a file after what the run is about: "cat-vgg16-features.22-growing.gif"."""
    subject = run.subject
    words = ("reconstruction", subject.image, subject.network, subject.layer)
    return safe_name(*words, *parts, ending=ending)


def animation(run: ReconstructionProgress) -> bytes:
    """Make the frames kept into a GIF that holds its last one for a while."""
    frames = [Image.open(io.BytesIO(frame.jpeg)).convert("RGB") for frame in run.frames]
    data = io.BytesIO()
    frames[0].save(
        data,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[_FRAME_MILLISECONDS] * (len(frames) - 1) + [_LAST_MILLISECONDS],
        loop=0,
    )
    return data.getvalue()


def losses(run: ReconstructionProgress) -> str:
    """Write every step's numbers as CSV."""
    return table(
        ["step", "seconds", "loss", "relative_error"],
        ([step.index, step.seconds, step.loss, step.relative_error] for step in run.steps),
    )


def series_row(series: SeriesProgress, titles: Sequence[Sequence[str]]) -> Image.Image:
    """Put the original and all pictures of a series side by side, each with its lines of text."""
    first = series.runs[0]
    pictures = [Image.open(io.BytesIO(first.original))]
    pictures += [Image.open(io.BytesIO(run.image)) for run in series.runs if run.result]
    side = max(picture.width for picture in pictures)
    lines = max(len(each) for each in titles)
    width = _GAP + (side + _GAP) * len(pictures)
    sheet = Image.new("RGB", (width, side + 2 * _GAP + _LINE * lines), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for i, (picture, said) in enumerate(zip(pictures, titles, strict=True)):
        left = _GAP + i * (side + _GAP)
        sheet.paste(picture.convert("RGB").resize((side, side)), (left, _GAP))
        for row, line in enumerate(said):
            pen.text((left, side + 1.5 * _GAP + row * _LINE), line, "black", font)
    return sheet


def series_table(series: SeriesProgress) -> str:
    """Write the numbers of a series as CSV."""
    rows = []
    for run in series.runs:
        subject, result = run.subject, run.result
        if result is None:
            continue
        rows.append(
            [
                subject.network,
                subject.weights,
                subject.layer,
                subject.layer_title,
                subject.pixels,
                subject.numbers,
                result.relative_error,
                result.psnr,
                result.ssim,
                result.layout,
                result.detail,
                run.step,
                run.seconds,
            ]
        )
    header = "network weights layer title pixels numbers relative_error psnr ssim layout detail"
    return table([*header.split(), "steps", "seconds"], rows)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
