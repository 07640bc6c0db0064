"""What the inspector's passes found, as pictures: patches with scores, and occlusion."""

from __future__ import annotations

from typing import cast

import streamlit as st
from PIL import Image

from convviz.errors import ImageError
from convviz.features.occlusion import OcclusionStep
from convviz.features.progress import Run
from convviz.features.top_patches import StimuliStep, patch_picture
from convviz.images.preprocess import crop
from convviz.sprites.overlay import signed_overlay
from convviz.ui import export
from convviz.ui.keys import Entry
from convviz.ui.shell import Choice

_TILE = 150  # pixels
_PIXELS = 448
_NOTICED = 0.01  # a rise that is worth a word
_CUTS_KEPT = 48  # channels whose patches stay cut out


def draw(choice: Choice, run: Run, channel: int) -> None:
    """Draw a channel's strongest patches, with their scores."""
    step = cast(StimuliStep, run.step)
    found = step.stimuli
    name = run.pictures.name if run.pictures else ""
    partly = "" if step.fraction == 1 else " It was stopped before it had seen all."
    cuts = _cut(choice, run, channel)
    if not cuts:
        st.info(
            f"Channel {channel} is dead over the {found.seen} pictures of {name}: no part of any "
            f"of them excites it.{partly}"
        )
    else:
        st.markdown(
            f"**The {len(cuts)} strongest patches** for channel {channel} over {found.seen} "
            f"pictures of {name}, at most one of each picture, cut to what the number can see."
            f"{partly}"
        )
        with st.container(horizontal=True, key="patches"):
            for picture, score, title in cuts:
                with st.container(width=_TILE, gap="small"):
                    st.image(picture, width=_TILE, output_format="PNG", alt=title)
                    st.caption(f"{score:.3g} · {title}")
    if step.left_out:
        count = len(step.left_out)
        with st.expander(f"{count} picture{'s' * (count > 1)} could not be read"):
            st.dataframe(
                {
                    "Picture": [each.title for each in step.left_out],
                    "Why": [each.reason for each in step.left_out],
                },
                hide_index=True,
                key="unread_pictures",
            )
    dead = found.dead().nonzero().flatten().tolist()
    with st.container(horizontal=True, vertical_alignment="center", key="patches_save"):
        if cuts:
            st.download_button(
                "Save as PNG",
                lambda: export.png(_sheet([picture for picture, _, _ in cuts])),
                file_name=export.file_name(
                    choice, found.layer.name, f"channel{channel}", "patches", ending="png"
                ),
                mime="image/png",
                key="save_patch_sheet",
                icon=":material/download:",
                on_click="ignore",
            )
        st.download_button(
            "Save all channels' patches as CSV",
            lambda: _table(step),
            file_name=export.file_name(choice, found.layer.name, "patches", ending="csv"),
            mime="text/csv",
            key="save_patches",
            icon=":material/download:",
            on_click="ignore",
        )
        if dead:
            listed = ", ".join(map(str, dead[:40])) + (" …" if len(dead) > 40 else "")
            st.caption(f"Dead over these {found.seen} pictures: channels {listed}.")


def occlusion(choice: Choice, step: OcclusionStep, measured: str) -> None:
    """Draw where covering the image lowers a channel's response, and where it raises it.

    Args:
        choice: The image and the network.
        step: What was found.
        measured: What of the channel was measured, in words.
    """
    weights = choice.network.weights
    cut = crop(choice.image.image, size=weights.input_size, resize=weights.resize)
    loss = step.by_pixel(weights.input_size)
    bound = max(float(loss.abs().max()), 1e-6)
    over = signed_overlay(cut.resize((_PIXELS, _PIXELS)), loss, bound)
    worst, best = (float(step.loss.nan_to_num(nan=0.0).max()), float(-step.loss.min()))
    left, right = st.columns(2, gap="large")
    with left:
        st.image(over, width=_PIXELS, output_format="PNG", alt="What the channel loses, by place")
    with right:
        signs = f'<span class="lost"></span>falls, by up to {max(worst, 0.0):.0%}'
        signs += f'<span class="won"></span>rises, by up to {max(best, 0.0):.0%}'
        st.html(f'<div class="convviz-signs">Covered there, the channel {signs}</div>')
        st.markdown(
            f"A grey square of {step.patch} × {step.patch} pixels was laid over {step.total} "
            f"places, which overlap. Watched was {measured}, {step.uncovered:.3g} for the image "
            "as it is."
        )
        if best > _NOTICED:
            st.caption(
                "A channel may answer more strongly when something is covered: the square's own "
                "edges excite it, or what was there held it back."
            )
        st.download_button(
            "Save as PNG",
            lambda: export.png(over),
            file_name=export.file_name(
                choice, step.layer.name, f"channel{step.channel}", "occlusion", ending="png"
            ),
            mime="image/png",
            key="save_occlusion",
            icon=":material/download:",
            on_click="ignore",
        )


def _cut(choice: Choice, run: Run, channel: int) -> list[tuple[Image.Image, float, str]]:
    """Cut the patches out of their pictures; they stay for the visit, a bounded number of them."""
    step = cast(StimuliStep, run.step)
    held: dict[tuple[object, ...], list[tuple[Image.Image, float, str]]]
    held = st.session_state.setdefault(Entry.PATCH_CUTS, {})
    key = (run.subject, step.done, channel)
    if key not in held and run.pictures is not None:
        cuts = []
        for patch in step.stimuli.patches(channel):
            try:
                picture = patch_picture(choice.network, run.pictures, patch)
            except ImageError:
                continue  # it could be read a moment ago: nothing the visitor could do
            square = picture.resize((2 * _TILE, 2 * _TILE), Image.Resampling.BILINEAR)
            cuts.append((square, patch.score, patch.title))
        held[key] = cuts
        while len(held) > _CUTS_KEPT:
            held.pop(next(iter(held)))
    return held.get(key, [])


def _sheet(cuts: list[Image.Image]) -> Image.Image:
    """Lay patches out in rows of three, the strongest first."""
    side, gap, across = 2 * _TILE, 6, 3
    rows = -(-len(cuts) // across)
    wide = min(across, len(cuts))
    sheet = Image.new("RGB", (wide * (side + gap) - gap, rows * (side + gap) - gap), "white")
    for place, cut in enumerate(cuts):
        row, column = divmod(place, across)
        sheet.paste(cut, (column * (side + gap), row * (side + gap)))
    return sheet


def _table(step: StimuliStep) -> str:
    rows = []
    for channel in range(step.stimuli.layer.shape[0]):
        for rank, patch in enumerate(step.stimuli.patches(channel), start=1):
            box = patch.box
            edges = [box.top, box.left, box.bottom, box.right] if box else [""] * 4
            rows.append([channel, rank, patch.score, patch.title, patch.row, patch.column, *edges])
    header = ["channel", "rank", "score", "picture", "row", "column"]
    return export.table([*header, "top", "left", "bottom", "right"], rows)
