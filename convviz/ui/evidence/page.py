"""The page Evidence: which class, by which method, and four views of the answer."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.features.class_target import ClassTarget
from convviz.language import later, tr
from convviz.networks.registry import is_own
from convviz.ui import predictions, widgets
from convviz.ui.choice import Choice
from convviz.ui.evidence import findings, jobs, networks, target, truth, where, worse
from convviz.ui.evidence.jobs import Runs
from convviz.ui.keys import Key

_VIEWS: dict[str, Callable[[Choice, ClassTarget, str, Runs], None]] = {
    later("Where it looks"): where.draw,
    later("Is it true?"): truth.draw,
    later("A worse image"): worse.draw,
    later("Two networks"): networks.draw,
}


def draw(choice: Choice) -> None:
    """Draw the page; only the view that is open is computed."""
    network = choice.network
    if not network.weights.has_decoder:
        st.info(predictions.why_none(network), icon=":material/visibility_off:")
        own = is_own(network.name) and network.weights.source != "random"
        st.markdown(findings.no_class(is_nameless=own and not network.spec.classes))
        return
    titles = {title: title for title in _VIEWS}
    view = widgets.views(tr("View"), titles, Key.EVIDENCE_VIEW, "Where it looks")
    explained, method = target.choose(choice)
    st.markdown(target.score_sentence(choice.image, network, explained))
    scored = target.what_is_scored(choice.image, network)
    if scored:
        st.caption(scored)
    _VIEWS[view](choice, explained, method, jobs.open_jobs())
    widgets.words("layer", "channel", "feature map", "ReLU", "gradient", "score", "Grad-CAM")
