"""The question “What stimulates it”: top patches of a set, occlusion, and an image made for it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.features import channel_findings
from convviz.features.activations import Activations
from convviz.features.occlusion import Measure, OcclusionStep, occlude
from convviz.features.synthesis import TARGETS, SynthesisConfig, SynthesisStep, synthesise
from convviz.jobs.job import JobView
from convviz.language import later, tr
from convviz.sprites.overlay import signed_overlay
from convviz.ui import exports, state
from convviz.ui.activations import jobs, top_patches
from convviz.ui.activations.jobs import About
from convviz.ui.choice import Choice
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key

_PIXELS = 448
_NOTICED = 0.01  # a rise that is worth a sentence

_WAYS = {
    later("Patches"): later("The parts of many pictures that the channel answers to most."),
    later("Occlusion"): later("Cover part after part of the image: what does the channel miss?"),
    later("Synthesis"): later(
        "Change noise, step by step, into an image that excites the channel most."
    ),
}
_MEASURES: dict[Measure, str] = {
    "maximum": later("its strongest activation"),
    "mean": later("its mean over the map"),
}
_TARGETS = {"channel": later("The whole map: texture"), "centre": later("One position: a part")}


def draw(choice: Choice, activations: Activations, channel: int) -> None:
    """Draw the ways to find out, and the result of the chosen one."""
    page_jobs, job = jobs.open_jobs()
    if job is not None and job.handed_on:
        page_jobs.show(
            job,
            live=lambda job: lambda now: None,
            ended=lambda job: _draw_synthesis(job.about, job.newest),
        )
    way = st.selectbox(
        tr("Way to find out"),
        _WAYS,
        format_func=tr,
        key=state.remember(Key.WAY, "Patches", allowed=_WAYS),
        width=260,
    )
    st.caption(tr(_WAYS[str(way)]))
    ways: dict[str, Callable[[Choice, Activations, int, PageJobs, JobView | None], None]] = {
        "Patches": top_patches.draw,
        "Occlusion": _occlusion,
        "Synthesis": _synthesis,
    }
    ways[str(way)](choice, activations, channel, page_jobs, job)
    page_jobs.draw_shared(job)
    how_we_know("top patches", "dead channels", "occlusion", "synthesis")


def _occlusion(
    choice: Choice,
    activations: Activations,
    channel: int,
    page_jobs: PageJobs,
    job: JobView | None,
) -> None:
    layer = activations.layer
    if bool(activations.empty()[channel]):
        st.info(tr("This channel is empty for this image, so it has nothing to lose."))
        return
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_occlusion_controls"
    ):
        measure = st.selectbox(
            tr("Watch"),
            _MEASURES,
            format_func=lambda measure: tr(_MEASURES[measure]),
            key=state.remember(Key.MEASURE, "maximum", allowed=_MEASURES, in_url=False),
            width=260,
        )
        settings = (choice.image.sha256, str(channel), str(measure))
        about = About.of("occlusion", choice.network, layer, *settings)
        step = jobs.find(about, OcclusionStep)
        jobs.start_button(
            page_jobs,
            job,
            occlude,
            key="activations_start_occlusion",
            is_done=step is not None,
            help=tr(
                "A plain square is laid over one place after the other, and the channel is "
                "asked again each time."
            ),
            title=tr(
                "Occlusion of channel {channel} of {layer}", channel=channel, layer=layer.title
            ),
            about=about,
            images=(choice.image,),
            network=choice.network,
            image=choice.image.pixels,
            layer_name=layer.name,
            channel=channel,
            measure=measure,
        )
    jobs.draw(page_jobs, job)
    if step is not None:
        _draw_occlusion(choice, step, tr(_MEASURES[measure]))


def _draw_occlusion(choice: Choice, step: OcclusionStep, measured: str) -> None:
    """Draw where covering the image lowers a channel's response, and where it raises it.

    A response below 0 that comes nearer to 0 rises.

    Args:
        choice: The image and the network.
        step: The last step of the occlusion.
        measured: What of the channel was measured, in the reader's language.
    """
    falls = step.by_pixel(choice.network.weights.input_size).nan_to_num()
    bound = float(falls.abs().max())
    over = signed_overlay(choice.crop(enlarged=_PIXELS), falls, bound)
    _, highest = channel_findings.occlusion_extremes(step)
    left, right = st.columns(2, gap="large")
    with left:
        st.image(
            over, width=_PIXELS, output_format="PNG", alt=tr("What the channel loses, by place")
        )
    with right:
        st.html(signs(step))
        st.markdown(channel_findings.occlusion_watched(step, measured))
        st.caption(channel_findings.occlusion_colours(bound))
        if highest - step.uncovered > _NOTICED * abs(step.uncovered):
            st.caption(
                tr(
                    "A channel may answer more strongly when something is covered: the "
                    "square's own edges excite it, or what was there held it back."
                )
            )
        exports.save_button(
            tr("Save as PNG"),
            over,
            exports.file_name(
                choice, step.layer.name, f"channel{step.channel}", "occlusion", ending="png"
            ),
            key="activations_save_occlusion",
        )


def signs(step: OcclusionStep) -> str:
    """Say beside the two colours by how much the response falls and rises."""
    falls = f'<span class="lost"></span>{channel_findings.occlusion_falls(step)}'
    rises = f'<span class="won"></span>{channel_findings.occlusion_rises(step)}'
    channel = tr("Covered there, the channel")
    return f'<div class="convviz-signs">{channel} {falls}{rises}</div>'


def _synthesis(
    choice: Choice,
    activations: Activations,
    channel: int,
    page_jobs: PageJobs,
    job: JobView | None,
) -> None:
    layer = activations.layer
    with st.container(
        horizontal=True, vertical_alignment="bottom", key="activations_synthesis_controls"
    ):
        target = st.selectbox(
            tr("Excite"),
            TARGETS,
            format_func=lambda target: tr(_TARGETS[target]),
            key=state.remember(Key.SYNTHESIS_TARGET, TARGETS[0], allowed=TARGETS, in_url=False),
            width=260,
        )
        steps = st.select_slider(
            tr("Steps"),
            (32, 64, 128, 256, 512),
            key=state.remember(Key.SYNTHESIS_STEPS, 128, in_url=False),
            width=220,
        )
        seed = st.number_input(
            tr("Seed"),
            0,
            10_000,
            key=state.remember(Key.SYNTHESIS_SEED, 0, in_url=False),
            width=120,
            help=tr("The same seed gives the same image."),
        )
        settings = (str(channel), str(target), str(steps), str(seed))
        about = About.of("synthesis", choice.network, layer, *settings)
        step = jobs.find(about, SynthesisStep)
        jobs.start_button(
            page_jobs,
            job,
            synthesise,
            key="activations_start_synthesis",
            is_done=step is not None,
            title=channel_findings.synthesis_title(channel, layer.title),
            about=about,
            images=(),
            network=choice.network,
            layer_name=layer.name,
            channel=channel,
            config=SynthesisConfig(steps=int(steps), target=target, seed=int(seed)),
        )
    jobs.draw(page_jobs, job)
    if step is not None:
        _draw_synthesis(about, step)
        if job is not None and job.about == about and not (job.live or job.handed_on):
            page_jobs.draw_sharing(job)


def _draw_synthesis(about: About, step: SynthesisStep) -> None:
    """Draw the image that was made for a channel: the visitor's own result, or one handed on."""
    channel = about.settings[0]
    left, _ = st.columns([1, 1])
    with left:
        st.image(step.picture, width=448, output_format="PNG", alt=tr("The image made"))
        st.caption(channel_findings.synthesis(step))
        exports.save_button(
            tr("Save as PNG"),
            step.picture,
            exports.safe_name(
                *(about.network, about.layer, f"channel{channel}", "made"), ending="png"
            ),
            key="activations_save_synthesis",
        )
