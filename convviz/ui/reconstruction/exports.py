"""Files that the page saves: images, animations, numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from convviz.language import again, in_english, tr
from convviz.reconstruction import findings
from convviz.reconstruction.progress import (
    AmplifyFrame,
    AmplifyProgress,
    Frame,
    ReconstructionProgress,
    SeriesProgress,
)
from convviz.ui.exports import safe_name, save_button, table

_FRAME_MILLISECONDS = 120
_LAST_MILLISECONDS = 2500
_GAP = 12  # pixels, as the next
_LINE = 22


def run_buttons(run: ReconstructionProgress, frame: Frame | None) -> None:
    """Draw the buttons that save the image, the frames as an animation and the loss as a table.

    Args:
        run: The run.
        frame: The frame that the page shows; None for the last image.
    """
    parts = (f"step{frame.step}",) if frame else ()
    with st.container(horizontal=True, gap="small", key="reconstruction_save_run"):
        if run.image:
            data = frame.jpeg if frame else run.image
            name = file_name(run, *parts, ending="png")
            save_button(
                tr("Picture (PNG)"), lambda: _image(data), name, key="reconstruction_save_image"
            )
        if len(run.frames) > 1:
            name = file_name(run, "growing", ending="gif")
            save_button(
                tr("Animation (GIF)"),
                lambda: animation(run),
                name,
                key="reconstruction_save_animation",
            )
        if run.steps:
            name = file_name(run, "loss", ending="csv")
            save_button(tr("Loss (CSV)"), lambda: losses(run), name, key="reconstruction_save_loss")


def amplify_buttons(run: AmplifyProgress, frame: AmplifyFrame | None) -> None:
    """Draw the buttons that save the image, the frames as an animation and the numbers.

    Args:
        run: The run.
        frame: The frame that the page shows; None for the last image.
    """
    if not run.image:
        return
    parts = (f"step{frame.step}",) if frame else ()
    data = frame.jpeg if frame else run.image
    with st.container(horizontal=True, gap="small", key="reconstruction_save_amplified"):
        save_button(
            tr("Picture (PNG)"),
            lambda: _image(data),
            _amplified_name(run, *parts, ending="png"),
            key="reconstruction_save_amplified_image",
        )
        if len(run.frames) > 1:
            save_button(
                tr("Animation (GIF)"),
                lambda: animation(run),
                _amplified_name(run, "growing", ending="gif"),
                key="reconstruction_save_amplified_animation",
            )
        save_button(
            tr("Numbers (CSV)"),
            lambda: answers(run),
            _amplified_name(run, "numbers", ending="csv"),
            key="reconstruction_save_answers",
        )


def _amplified_name(run: AmplifyProgress, *parts: str, ending: str) -> str:
    subject, channel = run.subject, run.config.channel
    words = ["amplified", in_english(subject.image), subject.network, subject.layer]
    if channel is not None:
        words.append(f"channel{channel}")
    return safe_name(*words, *parts, ending=ending)


def answers(run: AmplifyProgress) -> str:
    """Write every measurement as CSV; step 0 is the original."""
    rows = [[0, 0.0, "", run.start]]
    rows += [[point.step, point.seconds, point.octave, point.score] for point in run.points]
    return table(["step", "seconds", "octave", "answer"], rows)


def series_buttons(series: SeriesProgress, titles: Sequence[Sequence[str]]) -> None:
    """Draw the buttons that save the images in a row, and the numbers as a table."""
    first = series.runs[0]
    with st.container(horizontal=True, gap="small", key="reconstruction_save_series"):
        save_button(
            tr("Row of pictures (PNG)"),
            lambda: series_row(series, titles),
            file_name(first, "series", ending="png"),
            key="reconstruction_save_row",
        )
        save_button(
            tr("Numbers (CSV)"),
            lambda: series_table(series),
            file_name(first, "series", ending="csv"),
            key="reconstruction_save_numbers",
        )


def file_name(run: ReconstructionProgress, *parts: str, ending: str) -> str:
    """Name a file after a run's image and layer: "reconstruction-Cat-VGG16-features.22.png"."""
    subject = run.subject
    words = ("reconstruction", in_english(subject.image), subject.network, subject.layer)
    return safe_name(*words, *parts, ending=ending)


def animation(run: ReconstructionProgress | AmplifyProgress) -> bytes:
    """Encode the frames as a GIF that pauses on the last one."""
    frames = [_image(frame.jpeg).convert("RGB") for frame in run.frames]
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
    """Paste the original and all images of a series side by side, each above its lines of text.

    Files are made in English: the lines are told again here.

    Args:
        series: The series.
        titles: The lines of the original and of each image that is done.
    """
    images = [_image(series.runs[0].original)]
    images += [_image(run.image) for run in series.runs if run.result]
    side = max(image.width for image in images)
    lines = max(len(title) for title in titles)
    width = _GAP + (side + _GAP) * len(images)
    sheet = Image.new("RGB", (width, side + 2 * _GAP + _LINE * lines), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, (image, title) in enumerate(zip(images, titles, strict=True)):
        left = _GAP + column * (side + _GAP)
        sheet.paste(image.convert("RGB").resize((side, side)), (left, _GAP))
        for row, line in enumerate(title):
            pen.text((left, side + 1.5 * _GAP + row * _LINE), again(line), "black", font)
    return sheet


def series_table(series: SeriesProgress) -> str:
    """Write the numbers of a series as CSV."""
    rows = []
    for run in series.runs:
        subject, result = run.subject, run.result
        if result is None:
            continue
        baselines = result.baselines
        rows.append(
            [
                subject.network,
                subject.weights,
                subject.layer,
                subject.layer_title,
                subject.pixels,
                subject.numbers,
                None if result.is_silent else result.relative_error,
                result.psnr,
                result.ssim,
                result.layout,
                result.detail,
                run.step,
                run.seconds,
                baselines.grey if baselines else None,
                max(baselines.unrelated, default=None) if baselines else None,
                findings.is_settled(result, before=run.step - result.steps),
            ]
        )
    header = (
        "network weights layer title pixels numbers relative_error psnr ssim layout detail steps "
        "seconds ssim_flat_grey ssim_unrelated_highest settled"
    )
    return table(header.split(), rows)


def _image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
