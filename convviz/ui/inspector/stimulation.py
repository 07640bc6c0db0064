"""The question “What stimulates it”: patches over a set, occlusion, and an image made for it."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz.features.activations import Activations
from convviz.features.occlusion import Measure, OcclusionStep
from convviz.features.progress import occlusion_run, stimuli_run, synthesis_run
from convviz.features.synthesis import TARGETS, SynthesisConfig, SynthesisStep
from convviz.features.top_patches import StimuliStep
from convviz.jobs.job import JobView
from convviz.ui import dead, export, jobs, results, state
from convviz.ui.inspector import patches, progress, sets
from convviz.ui.inspector.desk import open_desk
from convviz.ui.keys import Key
from convviz.ui.shell import Choice

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
    desk, view = open_desk()
    way = st.segmented_control(
        "Way",
        WAYS,
        required=True,
        key=state.remember(Key.WAY, "Patches", allowed=WAYS),
        label_visibility="collapsed",
    )
    st.caption(WAYS[str(way)])
    ways = {"Patches": _patches, "Occlusion": _occlusion, "Synthesis": _synthesis}
    ways[str(way)](choice, shown, channel, desk, view)


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
    if float(shown.maximum[channel]) > 0:
        others = f"Yet it answers to this image, so another set would not call it dead. {others}"
    return f":material/horizontal_rule: **Dead** over {over}. {others}"


def _patches(
    choice: Choice, shown: Activations, channel: int, desk: jobs.Desk, view: JobView | None
) -> None:
    pictures = sets.choose(desk, view)
    if pictures is None:
        progress.draw(desk, view)
        return
    subject = ("stimuli", *_layer(choice, shown), sets.key(pictures))
    run = results.find(subject)
    step = cast(StimuliStep, run.step) if run else None
    if step is None or step.fraction < 1:
        left = len(pictures) - (step.done if step else 0)
        st.button(
            f"Look through {'the other ' if step else ''}{left} pictures",
            type="primary",
            icon=":material/play_arrow:",
            key="start_stimuli",
            disabled=view is not None and view.live,
            help="One pass serves all channels of this layer.",
            on_click=desk.start,
            args=(stimuli_run,),
            kwargs={
                "title": f"What stimulates {shown.layer.title} of {choice.network.title}",
                "seconds": None,
                "subject": subject,
                "network": choice.network,
                "layer_name": shown.layer.name,
                "pictures": pictures,
                "after": step,
            },
        )
    progress.draw(desk, view)
    if run is not None:
        patches.draw(choice, run, channel)


def _occlusion(
    choice: Choice, shown: Activations, channel: int, desk: jobs.Desk, view: JobView | None
) -> None:
    if bool(shown.maximum[channel] == 0):
        st.info("This channel is empty for this image, so it has nothing to lose.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="occlusion_controls"):
        measure = st.selectbox(
            "Watch",
            _MEASURES,
            format_func=_MEASURES.__getitem__,
            key=state.remember(Key.MEASURE, "maximum", allowed=_MEASURES, in_url=False),
            width=260,
        )
        answer = (choice.image.sha256, str(channel), str(measure))
        subject = ("occlusion", *_layer(choice, shown), *answer)
        run = results.find(subject)
        st.button(
            "Cover part after part",
            type="primary",
            icon=":material/play_arrow:",
            key="start_occlusion",
            disabled=run is not None or (view is not None and view.live),
            help="A grey square is laid over one place after the other, and the channel is asked "
            "again each time.",
            on_click=desk.start,
            args=(occlusion_run,),
            kwargs={
                "title": f"Occlusion of channel {channel} of {shown.layer.title}",
                "seconds": None,
                "subject": subject,
                "network": choice.network,
                "image": choice.image.image,
                "layer_name": shown.layer.name,
                "channel": channel,
                "measure": measure,
            },
        )
    progress.draw(desk, view)
    if run is not None:
        patches.occlusion(choice, cast(OcclusionStep, run.step), _MEASURES[measure])


def _synthesis(
    choice: Choice, shown: Activations, channel: int, desk: jobs.Desk, view: JobView | None
) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="synthesis_controls"):
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
        settings = (str(target), str(steps), str(seed))
        subject = ("synthesis", *_layer(choice, shown), str(channel), *settings)
        run = results.find(subject)
        config = SynthesisConfig(steps=int(steps), target=target, seed=int(seed))
        st.button(
            "Make the image",
            type="primary",
            icon=":material/play_arrow:",
            key="start_synthesis",
            disabled=run is not None or (view is not None and view.live),
            on_click=desk.start,
            args=(synthesis_run,),
            kwargs={
                "title": f"An image for channel {channel} of {shown.layer.title}",
                "seconds": None,
                "subject": subject,
                "network": choice.network,
                "layer_name": shown.layer.name,
                "channel": channel,
                "config": config,
            },
        )
    progress.draw(desk, view)
    if run is not None:
        step = cast(SynthesisStep, run.step)
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
            st.download_button(
                "Save as PNG",
                lambda: export.png(picture),
                file_name=export.file_name(
                    choice, shown.layer.name, f"channel{channel}", "made", ending="png"
                ),
                mime="image/png",
                key="save_synthesis",
                icon=":material/download:",
                on_click="ignore",
            )


def _layer(choice: Choice, shown: Activations) -> tuple[str, str, str]:
    return choice.network_name, choice.network.weights.source, shown.layer.name
