"""The question “What stimulates it”: patches over a set, occlusion, and an image made for it."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from convviz.datasets.image_set import ImageSet
from convviz.errors import ImageError
from convviz.features.activations import Activations
from convviz.features.occlusion import Measure, OcclusionStep, occlude
from convviz.features.synthesis import TARGETS, SynthesisConfig, SynthesisStep, synthesise
from convviz.features.top_patches import TopPatchesStep, find_top_patches, patch_picture
from convviz.jobs.job import JobView
from convviz.sprites.overlay import signed_overlay
from convviz.structure.layers import Layer
from convviz.ui import exports, state
from convviz.ui.activations import dead, image_sets, jobs
from convviz.ui.activations.jobs import About
from convviz.ui.choice import Choice
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key

_TILE = 150  # pixels


_PIXELS = 448


_NOTICED = 0.01  # a rise that is worth a word


_CUTS_KEPT = 48  # channels whose patches stay cut out


def _draw_patches(
    choice: Choice, about: About, step: TopPatchesStep, pictures: ImageSet, channel: int
) -> None:
    """Draw a channel's strongest patches, with their scores.

    Args:
        choice: The image and the network.
        about: What the pass over the set is about.
        step: Where it ended.
        pictures: The set.
        channel: The channel.
    """
    found = step.stimuli
    name = pictures.name
    partly = "" if step.fraction == 1 else " It was stopped before it had seen all."
    cuts = _cut(choice, about, step, pictures, channel)
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
        with st.container(horizontal=True, key="activations_patches"):
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
                key="activations_unread_images",
            )
    dead = found.dead().nonzero().flatten().tolist()
    with st.container(horizontal=True, vertical_alignment="center", key="activations_patches_save"):
        if cuts:
            exports.save_button(
                "Save as PNG",
                lambda: _sheet([picture for picture, _, _ in cuts]),
                exports.file_name(
                    choice, found.layer.name, f"channel{channel}", "patches", ending="png"
                ),
                key="activations_save_patch_sheet",
            )
        exports.save_button(
            "Save all channels' patches as CSV",
            lambda: _table(step),
            exports.file_name(choice, found.layer.name, "patches", ending="csv"),
            key="activations_save_patches",
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
    loss = step.by_pixel(choice.network.weights.input_size)
    bound = max(float(loss.abs().max()), 1e-6)
    over = signed_overlay(choice.crop(enlarged=_PIXELS), loss, bound)
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
        exports.save_button(
            "Save as PNG",
            over,
            exports.file_name(
                choice, step.layer.name, f"channel{step.channel}", "occlusion", ending="png"
            ),
            key="activations_save_occlusion",
        )


def _cut(
    choice: Choice, about: About, step: TopPatchesStep, pictures: ImageSet, channel: int
) -> list[tuple[Image.Image, float, str]]:
    """Cut the patches out of their pictures; they stay for the visit, a bounded number of them."""
    held: dict[tuple[object, ...], list[tuple[Image.Image, float, str]]]
    held = st.session_state.setdefault(Entry.PATCH_CUTS, {})
    key = (about, step.done, channel)
    if key not in held:
        cuts = []
        for patch in step.stimuli.patches(channel):
            try:
                picture = patch_picture(choice.network, pictures, patch)
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


def _table(step: TopPatchesStep) -> str:
    rows = []
    for channel in range(step.stimuli.layer.shape[0]):
        for rank, patch in enumerate(step.stimuli.patches(channel), start=1):
            box = patch.box
            edges = [box.top, box.left, box.bottom, box.right] if box else [""] * 4
            rows.append([channel, rank, patch.score, patch.title, patch.row, patch.column, *edges])
    header = ["channel", "rank", "score", "picture", "row", "column"]
    return exports.table([*header, "top", "left", "bottom", "right"], rows)


WAYS = {
    "Patches": "The parts of many pictures that the channel answers to most.",
    "Occlusion": "Cover part after part of the image: what does the channel miss?",
    "Synthesis": "Change noise, step by step, into an image that excites the channel most.",
}


_MEASURES: dict[Measure, str] = {
    "maximum": "its strongest activation",
    "mean": "its mean over the map",
}


_TARGETS = {"channel": "The whole map: texture", "centre": "One position: a part"}


def draw(choice: Choice, shown: Activations, channel: int) -> None:
    """Draw the ways to find out, and what the chosen one found."""
    page_jobs, view = jobs.open_jobs()
    way = st.segmented_control(
        "Way",
        WAYS,
        required=True,
        key=state.remember(Key.WAY, "Patches", allowed=WAYS),
        label_visibility="collapsed",
    )
    st.caption(WAYS[str(way)])
    ways = {"Patches": _patches, "Occlusion": _occlusion, "Synthesis": _synthesis}
    ways[str(way)](choice, shown, channel, page_jobs, view)


def dead_or_alive(choice: Choice, shown: Activations, channel: int) -> str:
    """Say whether the channel is dead, that is, empty for every picture of a set."""
    found = dead.known(choice.network, shown.layer)
    if found is None:
        return (
            "Whether it is dead, that is, empty for every picture of a set, is not known yet: look "
            "through one under “What stimulates it”."
        )
    over = f"N = {found.seen} pictures ({found.pictures})"
    count = len(found.numbers)
    verb = "is" if count == 1 else "are"
    others = f"{count or 'None'} of the layer's {shown.channels} channels {verb} dead over them."
    if channel not in found.numbers:
        return f":material/check_circle: Alive over {over}. {others}"
    if not bool(shown.empty()[channel]):
        others = f"Yet it answers to this image, so another set would not call it dead. {others}"
    return f":material/horizontal_rule: **Dead** over {over}. {others}"


def _patches(
    choice: Choice, shown: Activations, channel: int, page_jobs: PageJobs, view: JobView | None
) -> None:
    pictures = image_sets.choose(page_jobs, view)
    if pictures is None:
        jobs.draw(page_jobs, view)
        return
    names = _names(choice, shown.layer)
    about = About("top patches", *names, (image_sets.key(pictures),), pictures.name)
    step = jobs.find(about, TopPatchesStep)
    if step is None or step.fraction < 1:
        left = len(pictures) - (step.done if step else 0)
        st.button(
            f"Look through {'the other ' if step else ''}{left} pictures",
            type="primary",
            icon=":material/play_arrow:",
            key="activations_start_patches",
            disabled=view is not None and view.live,
            help="One pass serves all channels of this layer.",
            on_click=page_jobs.start,
            args=(find_top_patches,),
            kwargs={
                "title": f"What stimulates {shown.layer.title} of {choice.network.title}",
                "about": about,
                "network": choice.network,
                "layer_name": shown.layer.name,
                "pictures": pictures,
                "after": step,
            },
        )
    jobs.draw(page_jobs, view)
    if step is not None:
        _draw_patches(choice, about, step, pictures, channel)


def _occlusion(
    choice: Choice, shown: Activations, channel: int, page_jobs: PageJobs, view: JobView | None
) -> None:
    if bool(shown.empty()[channel]):
        st.info("This channel is empty for this image, so it has nothing to lose.")
        return
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_occlusion_controls"
    ):
        measure = st.selectbox(
            "Watch",
            _MEASURES,
            format_func=_MEASURES.__getitem__,
            key=state.remember(Key.MEASURE, "maximum", allowed=_MEASURES, in_url=False),
            width=260,
        )
        settings = (choice.image.sha256, str(channel), str(measure))
        about = About("occlusion", *_names(choice, shown.layer), settings)
        step = jobs.find(about, OcclusionStep)
        st.button(
            "Cover part after part",
            type="primary",
            icon=":material/play_arrow:",
            key="activations_start_occlusion",
            disabled=step is not None or (view is not None and view.live),
            help="A grey square is laid over one place after the other, and the channel is asked "
            "again each time.",
            on_click=page_jobs.start,
            args=(occlude,),
            kwargs={
                "title": f"Occlusion of channel {channel} of {shown.layer.title}",
                "about": about,
                "network": choice.network,
                "image": choice.image.pixels,
                "layer_name": shown.layer.name,
                "channel": channel,
                "measure": measure,
            },
        )
    jobs.draw(page_jobs, view)
    if step is not None:
        occlusion(choice, step, _MEASURES[measure])


def _synthesis(
    choice: Choice, shown: Activations, channel: int, page_jobs: PageJobs, view: JobView | None
) -> None:
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_synthesis_controls"
    ):
        target = st.selectbox(
            "Excite",
            TARGETS,
            format_func=_TARGETS.__getitem__,
            key=state.remember(Key.SYNTHESIS_TARGET, TARGETS[0], allowed=TARGETS, in_url=False),
            width=260,
        )
        steps = st.select_slider(
            "Steps",
            (32, 64, 128, 256, 512),
            key=state.remember(Key.SYNTHESIS_STEPS, 128, in_url=False),
            width=220,
        )
        seed = st.number_input(
            "Seed",
            0,
            10_000,
            key=state.remember(Key.SYNTHESIS_SEED, 0, in_url=False),
            width=120,
            help="The same seed gives the same image.",
        )
        settings = (str(channel), str(target), str(steps), str(seed))
        about = About("synthesis", *_names(choice, shown.layer), settings)
        step = jobs.find(about, SynthesisStep)
        config = SynthesisConfig(steps=int(steps), target=target, seed=int(seed))
        st.button(
            "Make the image",
            type="primary",
            icon=":material/play_arrow:",
            key="activations_start_synthesis",
            disabled=step is not None or (view is not None and view.live),
            on_click=page_jobs.start,
            args=(synthesise,),
            kwargs={
                "title": f"An image for channel {channel} of {shown.layer.title}",
                "about": about,
                "network": choice.network,
                "layer_name": shown.layer.name,
                "channel": channel,
                "config": config,
            },
        )
    jobs.draw(page_jobs, view)
    if step is not None:
        left, _ = st.columns([1, 1])
        with left:
            st.image(step.picture, width=448, output_format="PNG", alt="The image made")
            what = "mean of the map" if config.target == "channel" else "number in its middle"
            st.caption(
                f"In {step.step} steps the {what}, before its ReLU, went from "
                f"{step.scores[0]:.3g} to {step.score:.3g}. The image was shifted, scaled and "
                "turned a little before every step, so that it cannot rely on single pixels."
            )
            picture = step.picture
            exports.save_button(
                "Save as PNG",
                picture,
                exports.file_name(
                    choice, shown.layer.name, f"channel{channel}", "made", ending="png"
                ),
                key="activations_save_synthesis",
            )


def _names(choice: Choice, layer: Layer) -> tuple[str, str, str]:
    """Return the names of the network, its weights and the layer, as `About` takes them."""
    return choice.network_name, choice.network.weights.source, layer.name
