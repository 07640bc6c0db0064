"""The view “A worse image”: scores and evidence while the image is blurred, turned or covered."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import cast

import streamlit as st

from convviz.errors import ConvvizError
from convviz.features import grad_cam
from convviz.features.capture import network_crop
from convviz.features.class_target import ClassTarget, class_scores
from convviz.features.corruption import (
    CORRUPTIONS,
    Corruption,
    CorruptionStep,
    corrupt,
    corruption_curve,
    input_of_crop,
    with_value,
)
from convviz.features.grad_cam import CamMethod
from convviz.features.predictions import best, for_decoder
from convviz.figures import evidence as figures
from convviz.figures import theme
from convviz.language import numeral, tr
from convviz.sprites.overlay import overlay
from convviz.ui import cache, charts, errors, exports, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.evidence import findings, maps
from convviz.ui.evidence.jobs import Runs
from convviz.ui.evidence.target import AT_A_LAYER
from convviz.ui.evidence.target import scores as scores_of
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Entry, Key

_START = Corruption()
_PAUSE_SECONDS = 0.1
_WORK_SECONDS = 0.25


def draw(choice: Choice, target: ClassTarget, method: str, runs: Runs) -> None:
    """Draw the sliders, and what the network makes of the worse image."""
    runs.draw()
    layer = maps.layer_shown(choice)
    method = method if method in AT_A_LAYER else "gradcam"
    as_it_is = maps.class_map_of(
        choice.image, choice.network, layer, target, cast("CamMethod", method)
    )
    if not as_it_is.is_reached:
        before = maps.reached_before(choice.image, choice.network, as_it_is)
        st.info(findings.not_reached(layer, before, is_shown=True), icon=":material/block:")
        layer = before or layer
    _live(choice, target, method, layer.name)
    how_we_know("worse image", "class map", "guesses")


@state.fragment
def _live(choice: Choice, target: ClassTarget, method: str, layer_name: str) -> None:
    """Draw what follows the sliders; only this runs again when one is moved."""
    network = choice.network
    corruption = _sliders()
    worse = corrupt(network_crop(network, choice.image.pixels), corruption)
    batch = for_decoder(network, input_of_crop(network, worse))
    scores = class_scores(network, batch)
    cam = cast("CamMethod", method)
    found = grad_cam.grad_cam_of(network, batch, layer_name, target, cam)
    box, side = grad_cam.evidence_box(network, layer_name)
    enlarged = worse.resize((cache.PHOTOGRAPH_PIXELS, cache.PHOTOGRAPH_PIXELS))
    over = overlay(enlarged, found.map, 0.75, maps.COLOURS, low=0.0, box=box, side=side)
    before = scores_of(choice.image, network)
    with st.container(key="evidence_worse"):
        left, middle, right = st.columns([1, 1, 1], gap="large")
    with left:
        st.image(enlarged, width="stretch", output_format="JPEG", alt=tr("The worse image"))
        st.caption(tr("What goes into the network"))
    with middle:
        st.image(
            over, width="stretch", output_format="JPEG", alt=tr("Evidence over the worse image")
        )
        st.caption(tr("Evidence in {layer}", layer=state.plain(found.layer.title)))
    with right:
        predictions.bars(best(network, scores[0]))
        st.caption(
            findings.worse(
                (float(target.score(before)[0]), float(target.probability(network, before)[0])),
                (float(target.score(scores)[0]), float(target.probability(network, scores)[0])),
            )
        )
        exports.save_button(
            tr("Save as PNG"),
            over,
            exports.file_name(choice, layer_name, "worse", ending="png"),
            key="evidence_save_worse",
        )
    _curve(choice, target, corruption)


def _sliders() -> Corruption:
    corruption = Corruption()
    with st.container(key="evidence_sliders"):
        for name, limits in CORRUPTIONS.items():
            value = st.select_slider(  # st.slider has points before decimals everywhere
                tr(limits.title),
                limits.steps(),
                float(getattr(_START, name)),
                format_func=lambda value: numeral(f"{value:g}"),
                key=f"evidence_worse_{name}",
            )
            corruption = with_value(corruption, name, float(value))
    return corruption


def _curve(choice: Choice, target: ClassTarget, corruption: Corruption) -> None:
    """Draw the score over the whole range of one slider, the others as they are set."""
    kind = st.selectbox(
        tr("Curve over the range of"),
        list(CORRUPTIONS),
        format_func=lambda name: tr(CORRUPTIONS[name].title),
        key=state.remember(Key.EVIDENCE_CURVE, "blur", allowed=CORRUPTIONS, in_url=False),
        width=320,
    )
    others = tuple((name, getattr(corruption, name)) for name in CORRUPTIONS if name != kind)
    name = ("corruption curve", choice.image, choice.network, target, kind, others)
    step: CorruptionStep | None = cache.known(*name)
    if step is None:
        growing: _Growing | None = st.session_state.get(Entry.EVIDENCE_CURVE)
        if growing is not None and growing.name == name and growing.failure is not None:
            errors.show(growing.failure)
            return
        _grow(choice, target, kind, corruption, name)
        return
    st.session_state[Entry.EVIDENCE_CURVE] = _Growing(name, iter(()), step)
    _draw_curve(kind, corruption, step, None)
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table(
            [kind, "score", "probability"],
            zip(step.values, step.scores, step.probabilities, strict=True),
        ),
        exports.file_name(choice, kind, "curve", ending="csv"),
        key="evidence_save_curve",
    )


@dataclass
class _Growing:
    """A curve that is being computed for a visitor, a few values in each run of its fragment.

    Attributes:
        name: What it is the curve of, as in the cache.
        steps: Computes the next values.
        newest: What is known of it; None before the first value.
        shown: What of it is drawn: it is drawn anew when twice as much is known, as a chart that
            is exchanged flickers.
        before: The whole curve that was shown before it, as the other sliders stood then.
        failure: Why it cannot be computed to its end.
    """

    name: tuple[Hashable, ...]
    steps: Iterator[CorruptionStep]
    newest: CorruptionStep | None = None
    shown: CorruptionStep | None = None
    before: CorruptionStep | None = None
    failure: ConvvizError | None = None

    def work(self, seconds: float) -> None:
        """Compute some more of it, at least one value."""
        until = time.monotonic() + seconds
        try:
            for newest in self.steps:
                self.newest = newest
                drawn = 2 if self.shown is None else len(self.shown.values)
                if len(newest.values) >= 2 * drawn - 1:
                    self.shown = newest
                if time.monotonic() >= until:
                    return
        except ConvvizError as error:
            self.failure = error

    @property
    def whole(self) -> CorruptionStep | None:
        """The newest curve that is complete."""
        is_whole = self.newest is not None and self.newest.fraction == 1
        return self.newest if is_whole else self.before


# What the sliders show never waits for the curve: the run that a slider begins ends with its first
# drawing. Then this runs again and again for a moment; in between a slider that is moved has its
# turn.
@errors.polled(_PAUSE_SECONDS)
def _grow(
    choice: Choice,
    target: ClassTarget,
    kind: str,
    corruption: Corruption,
    name: tuple[Hashable, ...],
) -> None:
    """Draw what is known of a curve; then compute more of it, unless it is new."""
    growing: _Growing | None = st.session_state.get(Entry.EVIDENCE_CURVE)
    is_begun = growing is not None and growing.name == name
    if growing is None or not is_begun:  # what is left of a curve before it is not computed
        is_of_other_sliders = growing is not None and growing.name[:-1] == name[:-1]
        before = growing.whole if growing is not None and is_of_other_sliders else None
        steps = corruption_curve(
            choice.network, choice.image.pixels, target, kind, corruption=corruption
        )
        growing = _Growing(name, steps, before=before)
        st.session_state[Entry.EVIDENCE_CURVE] = growing
    _draw_curve(kind, corruption, growing.shown, growing.before)
    st.caption(findings.growing(growing.newest, is_over_another=growing.before is not None))
    if not is_begun:
        return
    growing.work(_WORK_SECONDS)  # after the drawing, which Streamlit would let fade meanwhile
    newest = growing.newest
    if newest is not None and newest.fraction == 1:
        cache.once(lambda: newest, *name)
        st.rerun()
    if growing.failure is not None:
        st.rerun()


def _draw_curve(
    kind: str, corruption: Corruption, step: CorruptionStep | None, before: CorruptionStep | None
) -> None:
    figure = figures.corruption(kind, float(getattr(corruption, kind)), step, before)
    charts.draw(figure, config=theme.CONFIG, key="evidence_corruption_curve")
