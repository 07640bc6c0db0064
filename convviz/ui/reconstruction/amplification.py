"""Amplify: the image, changed so that a layer or a channel answers it more."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convviz.figures import reconstruction as figures
from convviz.figures import theme
from convviz.formatting import say_seconds
from convviz.images.encode import png
from convviz.jobs.job import JobView
from convviz.language import later, numeral, tr
from convviz.plain_text import plain
from convviz.reconstruction import findings
from convviz.reconstruction.amplify import MOST_OCTAVES, AmplifyConfig
from convviz.reconstruction.progress import (
    AmplifyFrame,
    AmplifyPlan,
    AmplifyProgress,
    amplify_one,
    amplify_plan,
    unnamed,
)
from convviz.ui import charts, errors, state, widgets
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key
from convviz.ui.reconstruction import exports, run, settings

IDEA_TITLE = later("The idea: give a layer more of what it already sees")
_IDEA = later(
    "The maps of a layer say where it finds what it looks for. Ask which change of the "
    "**pixels** would make these numbers larger, change the image a little that way, and ask "
    "again: what the layer saw faintly becomes plain. Shallow layers add edges and textures, "
    "deep ones parts of what they have learned. The image is first made small, so that such "
    "patterns come out large, and then larger in each *octave*. Before each step it is "
    "shifted, scaled and turned a little, so that no pattern depends on single pixels."
)
_SOURCE = later(
    "After Mordvintsev, Olah & Tyka, *Inceptionism: Going Deeper into Neural Networks* "
    "(2015), known as DeepDream."
)
_TARGETS = {"layer": later("The whole layer"), "channel": later("One channel")}
_ALT = later("The amplified image")
_STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)


def plan(choice: Choice) -> tuple[AmplifyPlan, DeltaGenerator]:
    """Draw the settings.

    Args:
        choice: The sidebar's choices.

    Returns:
        The run to be done, and a row of widgets to which the button that starts it is added.
    """
    layer = choice.layer
    if layer is None:
        raise RuntimeError("the page was opened without a layer")
    channels = layer.shape[0]
    row = st.container(
        horizontal=True,
        vertical_alignment="bottom",
        gap="medium",
        key="reconstruction_amplify_settings",
    )
    with row:
        target = widgets.one_of(
            tr("What is to answer more"), _TARGETS, Key.AMPLIFY, "layer", hidden=False
        )
        channel: int | None = None
        if target == "channel":
            channel = int(
                st.number_input(
                    tr("Channel"),
                    min_value=0,
                    max_value=channels - 1,
                    step=1,
                    key=state.remember(Key.AMPLIFY_CHANNEL, 0, allowed=range(channels)),
                    width=140,
                )
            )
        octaves = st.select_slider(
            tr("Octaves"),
            range(1, MOST_OCTAVES + 1),
            key=state.remember(Key.OCTAVES, 4, allowed=range(1, MOST_OCTAVES + 1)),
            help=tr(
                "Sizes of the image, each 1.4 times as large as the one before: with more of "
                "them patterns come out larger."
            ),
            width=200,
        )
        strength = st.select_slider(
            tr("Strength"),
            _STRENGTHS,
            format_func=lambda strength: numeral(str(strength)),
            key=state.remember(Key.STRENGTH, 0.1, allowed=_STRENGTHS),
            help=tr(
                "How far the image moves in each octave: the root mean square of the changes "
                "of its pixels, from 0 to 1, if they all went the same way."
            ),
            width=200,
        )
        seconds = settings.seconds(1)
    with st.expander(tr("Advanced"), icon=":material/tune:"):
        seed = settings.seed(tr("Chooses the shifts, scales and turns."))
    config = AmplifyConfig(
        channel=channel,
        octaves=int(octaves),
        strength=float(strength),
        seconds=seconds,
        seed=seed,
    )
    image = choice.image
    return amplify_plan(choice.network, layer, image.pixels, image.title, config), row


def start(page_jobs: PageJobs, plan: AmplifyPlan, image: ChosenImage) -> None:
    """Start a run with an image of the sidebar."""
    subject, channel = plan.subject, plan.config.channel
    what = (
        subject.layer_title
        if channel is None
        else tr("channel {channel} of {layer}", channel=channel, layer=subject.layer_title)
    )
    page_jobs.start(
        amplify_one,
        title=tr(
            "{image}, with more of {layer} of {network}",
            image=subject.image,
            layer=what,
            network=subject.network,
        ),
        seconds=plan.config.seconds,
        about=subject.image,
        images=(image,),
        plan=unnamed(plan),
    )


def preview(plan: AmplifyPlan) -> None:
    """Draw the original, an empty tile for the image to come, and the idea."""
    images, idea = run.columns()
    with images:
        slot = run.pair(plan.subject, png(plan.original), alt=_ALT)
        slot.draw(b"", tr("What the layer answers more will grow here from the original"))
    with idea:
        st.header(tr(IDEA_TITLE), anchor=False)
        explain()


def explain() -> None:
    """Say what is done here."""
    with st.container(key="reconstruction_amplify_idea", gap="small"):
        st.markdown(tr(_IDEA))
        st.caption(tr(_SOURCE))


def live(now: AmplifyProgress) -> Callable[[JobView], None]:
    """Lay out a run that goes on; return what draws its newest view, about once a second."""
    images, numbers = run.columns()
    with images:
        slot = run.pair(now.subject, now.original, alt=_ALT)
    with numbers:
        progress, words = st.empty(), st.empty()

    def draw(view: JobView) -> None:
        now: AmplifyProgress = view.newest
        slot.draw(now.image, _caption(now))
        progress.progress(now.fraction, text=progress_text(now, stopping=view.stopping))
        words.markdown(findings.amplified(now))

    return draw


def ended(done: AmplifyProgress) -> None:
    """Draw a run's result."""
    _explore(done)


@errors.fragment
def _explore(done: AmplifyProgress) -> None:
    """Draw the images, a slider through the frames, and the curve with the frame's step."""
    images, numbers = run.columns()
    frame = None
    with images:
        above_slider = st.container()
        if len(done.frames) > 1:
            frame = run.frame_slider(done.frames, "reconstruction_amplify_frame")
        with above_slider:
            slot = run.pair(done.subject, done.original, alt=_ALT)
            if frame:
                slot.draw(frame.jpeg, _frame_caption(frame))
            else:
                slot.draw(done.image, _caption(done))
        exports.amplify_buttons(done, frame)
    with numbers:
        st.markdown(findings.amplified(done))
        st.caption(findings.amplified_how(done))
        if done.points and done.start is not None:
            figure = figures.answers(
                [0, *(point.step for point in done.points)],
                [done.start, *(point.score for point in done.points)],
                at=frame.step if frame else None,
            )
            charts.draw(figure, config=theme.CONFIG, key="reconstruction_answers")


def _caption(run: AmplifyProgress) -> str:
    return tr("With more of {layer}", layer=plain(run.subject.layer_title))


def _frame_caption(frame: AmplifyFrame) -> str:
    return tr(
        "After step {step} ({seconds:.1f} s), octave {octave}",
        step=frame.step,
        seconds=frame.seconds,
        octave=frame.octave,
    )


def progress_text(now: AmplifyProgress, *, stopping: bool = False) -> str:
    """Say how far a run is, in one line."""
    if not now.step:
        return tr("Getting ready…")
    parts = [
        tr("Step {step}", step=now.step),
        tr("octave {octave} of {octaves}", octave=now.points[-1].octave, octaves=now.octaves),
    ]
    if stopping:
        parts.append(tr("stopping…"))
    elif now.seconds_left is not None:
        parts.append(tr("{time} left", time=say_seconds(now.seconds_left)))
    return " · ".join(parts)
