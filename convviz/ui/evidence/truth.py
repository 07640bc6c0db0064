"""The view “Is it true?”: pixels deleted and inserted in a map's order, and places covered."""

from __future__ import annotations

import streamlit as st

from convviz.features.class_target import ClassTarget
from convviz.features.deletion import DeletionStep, delete_and_insert, spread
from convviz.features.occlusion import ScoreOcclusionStep, occlude_class
from convviz.features.saliency import similarity
from convviz.figures import evidence as figures
from convviz.figures import theme
from convviz.language import tr
from convviz.ui import charts, exports
from convviz.ui.choice import Choice
from convviz.ui.evidence import findings, maps
from convviz.ui.evidence.jobs import JobSubject, Runs
from convviz.ui.evidence.maps import EvidenceMap
from convviz.ui.how_we_know import how_we_know


def draw(choice: Choice, target: ClassTarget, method: str, runs: Runs) -> None:
    """Put a method's map to two tests."""
    shown = maps.find(choice, target, method, runs)
    if shown is not None and shown.class_map is not None and not shown.class_map.is_reached:
        maps.draw_not_reached(choice, shown.class_map)
        shown = None
    elif shown is not None and float(shown.values.max()) <= 0:
        st.info(tr("The map is 0 everywhere, so it has no order to test: choose another layer."))
        shown = None
    if shown is not None:
        left, right = st.columns([1, 2], gap="large")
        with left:
            maps.draw_over(choice.image, choice.network, shown, 0.75, "evidence_tested")
            maps.scale(shown)
        with right:
            _deletion(choice, target, shown, runs)
        if method != "occlusion":
            _occlusion(choice, target, shown, runs)
    runs.draw()
    how_we_know("deletion and insertion", "class occlusion", "class map", "pixel saliency")


def _deletion(choice: Choice, target: ClassTarget, shown: EvidenceMap, runs: Runs) -> None:
    """Draw the curves of deletion and insertion, beside those of shuffled maps."""
    st.markdown(tr("**Take the pixels away in the map's order, and put them back**"))
    step = runs.result(
        JobSubject.of("deletion", choice, target, shown.name),
        DeletionStep,
        delete_and_insert,
        title=tr("Deletion and insertion"),
        what=tr("The most important pixels first; and the same with the map's values shuffled."),
        key="evidence_start_deletion",
        images=(choice.image,),
        network=choice.network,
        image=choice.image.pixels,
        target=target,
        map_=shown.values,
        box=shown.box,
    )
    if step is None or step.deletion is None or step.insertion is None:
        return
    tells = step.is_flat or step.beats_random_in_deletion or step.beats_random_in_insertion
    (st.markdown if tells else st.warning)(findings.deletion(step))
    for curve, shuffled, action in (
        (step.deletion, step.random_deletions, "deleted"),
        (step.insertion, step.random_insertions, "inserted"),
    ):
        charts.draw(
            figures.curves(curve, shuffled, action), config=theme.CONFIG, key=f"evidence_{action}"
        )
    names = [f"shuffled_{index + 1}" for index in range(len(step.random_deletions))]
    rows = [
        [action, share, *(curve.probabilities[index] for curve in (first, *others))]
        for action, first, others in (
            ("deleted", step.deletion, step.random_deletions),
            ("inserted", step.insertion, step.random_insertions),
        )
        for index, share in enumerate(first.shares)
    ]
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table(["pixels", "share", "map", *names], rows),
        exports.file_name(choice, shown.name, "deletion", ending="csv"),
        key="evidence_save_deletion",
    )


def _occlusion(choice: Choice, target: ClassTarget, shown: EvidenceMap, runs: Runs) -> None:
    """Draw by how much the score falls when places are covered, beside the map."""
    st.markdown(tr("**Cover one place after another**"))
    step = runs.result(
        JobSubject.of("occlusion", choice, target),
        ScoreOcclusionStep,
        occlude_class,
        title=tr("Occlusion"),
        what=tr("Where the score falls most, there the evidence is: no gradient is needed."),
        key="evidence_start_covering",
        images=(choice.image,),
        network=choice.network,
        image=choice.image.pixels,
        target=target,
    )
    if step is None:
        return
    falls = EvidenceMap(step.map, None, step.side, "occlusion")
    with st.container(width=420, gap="small", key="evidence_occluded"):
        maps.draw_over(choice.image, choice.network, falls, 0.75, "evidence_occluded_over")
        maps.scale(falls)
    alike = similarity(spread(shown.values, step.side, shown.box), step.map)
    st.markdown(findings.occlusion(alike, step.uncovered, float(step.falls.max())))
