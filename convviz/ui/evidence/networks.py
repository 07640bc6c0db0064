"""The view “Two networks”: where each looks for the same class in the same image."""

from __future__ import annotations

import streamlit as st

from convviz.errors import WeightsError
from convviz.features import grad_cam
from convviz.features.class_target import ClassTarget, has_namesake, same_class
from convviz.language import again, tr
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.ui import cache, predictions, state
from convviz.ui.choice import Choice
from convviz.ui.evidence import findings, maps
from convviz.ui.evidence.jobs import Runs
from convviz.ui.evidence.target import AT_A_LAYER, score_sentence
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key


def draw(choice: Choice, target: ClassTarget, method: str, runs: Runs) -> None:
    """Draw the evidence in the last maps of two networks."""
    runs.draw()
    names = [name for name in cache.names() if name != choice.network_name]
    usual = next(name for name in ("googlenet", "alexnet") if name != choice.network_name)
    name = st.selectbox(
        tr("With"),
        names,
        format_func=lambda name: again(spec(name).title),
        key=state.remember(Key.EVIDENCE_NETWORK, usual, allowed=names, in_url=False),
        width=260,
    )
    method = method if method in AT_A_LAYER else "gradcam"
    left, right = st.columns(2, gap="large")
    with left:
        _side(choice, choice.network, target, method, "left")
    with right:
        other = _load(str(name))
        if other is None:
            st.info(
                tr(
                    "The weights of that network are not here: choose it in the sidebar to "
                    "fetch them."
                )
            )
        elif not other.weights.has_decoder:
            st.info(predictions.why_none(other), icon=":material/visibility_off:")
        else:
            _other_side(choice, other, target, method)
    how_we_know("class map", "guesses")


def _other_side(choice: Choice, other: Network, target: ClassTarget, method: str) -> None:
    """Draw the second network, if it knows the class."""
    indices = [target.index] if target.against is None else [target.index, target.against]
    found = [same_class(choice.network, index, other) for index in indices]
    for index, same in zip(indices, found, strict=True):
        if same is None:
            title = ClassTarget(index).title(choice.network)
            if has_namesake(choice.network, index, other):
                st.info(findings.namesakes(title, other.title))
                return
            classes = range(len(choice.network.weights.classes))
            shares_any = any(
                same_class(choice.network, each, other) is not None for each in classes
            )
            st.info(findings.not_among(title, other.title, shares_any=shares_any))
            return
    known = [index for index in found if index is not None]
    _side(choice, other, ClassTarget(*known), method, "right")


def _side(choice: Choice, network: Network, target: ClassTarget, method: str, key: str) -> None:
    layer = grad_cam.last_with_maps(grad_cam.as_decoder_sees(network))
    shown = maps.at_layer(choice.image, network, layer, target, method)
    if shown.class_map is not None and not shown.class_map.is_reached:
        layer = maps.reached_before(choice.image, network, shown.class_map) or layer
        shown = maps.at_layer(choice.image, network, layer, target, method)
    st.markdown(f"**{state.plain(network.title)}**, {state.plain(layer.title)}")
    maps.draw_over(choice.image, network, shown, 0.75, f"evidence_network_{key}")
    maps.scale(shown)
    st.markdown(score_sentence(choice.image, network, target))


def _load(name: str) -> Network | None:
    """Load a network from the best weights that are here; None if there are none."""
    try:
        return cache.network(name, "auto")
    except WeightsError:
        return None
