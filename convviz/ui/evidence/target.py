"""Which class is to be explained, and by which method."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from convviz.features import findings as feature_findings
from convviz.features.class_target import ClassTarget, class_scores, decoder_input
from convviz.features.predictions import class_name, ranked
from convviz.features.score_before_softmax import (
    are_scores_reached,
    final_activation_of,
    probabilities,
)
from convviz.formatting import probability
from convviz.language import later, tr
from convviz.networks.network import Network
from convviz.ui import cache, state
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.evidence import findings
from convviz.ui.keys import Key

AT_A_LAYER = {"gradcam": "Grad-CAM", "hirescam": "HiRes-CAM", "layercam": "Layer-CAM"}
OF_PIXELS = {
    "gradient": later("Gradient"),
    "smoothgrad": "SmoothGrad",
    "integrated": later("Integrated gradients"),
    "guided": later("Guided backpropagation"),
    "occlusion": later("Occlusion"),
}
METHODS = AT_A_LAYER | OF_PIXELS
ABOUT = {
    "gradcam": later(
        "The layer's maps, each weighted with its mean gradient, added up (Selvaraju et al. 2017)."
    ),
    "hirescam": later(
        "The layer's maps times their gradients, place by place (Draelos and Carin 2020)."
    ),
    "layercam": later(
        "The layer's maps times the positive part of their gradients, place by place (Jiang "
        "et al. 2021)."
    ),
    "gradient": later("How the score changes with each pixel (Simonyan et al. 2014)."),
    "smoothgrad": later(
        "The mean gradient of copies of the image with noise (Smilkov et al. 2017)."
    ),
    "integrated": later(
        "The gradient, averaged on the way from plain grey to the image, times the way "
        "(Sundararajan et al. 2017)."
    ),
    "guided": later(
        "The gradient, of which each ReLU passes back only what is positive (Springenberg et "
        "al. 2015). It draws the image's edges whatever the class: put it to the test below "
        "(Adebayo et al. 2018)."
    ),
    "occlusion": later(
        "By how much the score falls when a grey square covers the place (Zeiler and Fergus 2014)."
    ),
}
_TOP = 5
_BEST, _NO_OTHER = "", ""


def choose(choice: Choice) -> tuple[ClassTarget, str]:
    """Draw the choice of a class, of another one to compare with, and of a method.

    Returns:
        The target, and the method's name in `METHODS`.
    """
    names = _names(choice.network)
    order = ranked(scores(choice.image, choice.network)[0])
    titles = _titles(choice, names, order)
    listed = [names[index] for index in order[:_TOP]]
    listed += sorted(set(names) - set(listed), key=str.lower)
    with st.container(horizontal=True, vertical_alignment="bottom", key="evidence_target"):
        name = st.selectbox(
            tr("Class"),
            [_BEST, *listed],
            format_func=lambda name: (
                titles[name] if name else tr("Most probable: {name}", name=titles[listed[0]])
            ),
            key=state.remember(Key.EVIDENCE_CLASS, _BEST, allowed={_BEST, *names}),
            help=tr("The five most probable first, then all others. Type to search."),
            width=300,
        )
        other = st.selectbox(
            tr("And why not"),
            [_NO_OTHER, *listed],
            format_func=lambda name: titles[name] if name else tr("— (the class by itself)"),
            key=state.remember(Key.EVIDENCE_AGAINST, _NO_OTHER, allowed={_NO_OTHER, *names}),
            help=tr("With a second class, the difference of the two scores is explained."),
            width=260,
        )
        method = st.selectbox(
            tr("Method"),
            list(METHODS),
            format_func=lambda name: tr(METHODS[name]),
            key=state.remember(Key.EVIDENCE_METHOD, "gradcam", allowed=METHODS),
            width=230,
        )
    index = order[0] if not name else names.index(name)
    against = None if not other else names.index(other)
    if against == index:
        st.info(tr("A class cannot be compared with itself, so it is explained alone."))
        against = None
    return ClassTarget(index, against), str(method)


def scores(image: ChosenImage, network: Network) -> Tensor:
    """Return the network's scores for an image, shape (1, classes)."""
    return cache.once(
        lambda: class_scores(network, decoder_input(network, image.pixels)),
        "class scores",
        image,
        network,
    )


def score_sentence(image: ChosenImage, network: Network, target: ClassTarget) -> str:
    """Say what is explained, and how large it is for an image."""
    found = scores(image, network)
    return findings.score(
        target.title(network),
        float(target.score(found)[0]),
        float(target.probability(network, found)[0]),
        against=target.against is not None,
    )


def what_is_scored(image: ChosenImage, network: Network) -> str:
    """Say what the score is of a network that itself ends in a softmax or sigmoid; else ""."""
    final = final_activation_of(network)
    if final is None:
        return ""
    is_reached = cache.once(
        lambda: are_scores_reached(network, decoder_input(network, image.pixels)),
        "are scores reached",
        network,
    )
    return feature_findings.what_is_scored(final, is_reached=is_reached)


def _names(network: Network) -> list[str]:
    """Name every class so that no two names are the same."""

    def make() -> list[str]:
        classes = network.weights.classes
        first = [class_name(classes, index) for index in range(len(classes))]
        seen = {name for name in first if first.count(name) > 1}
        return [f"{name} ({n})" if name in seen else name for n, name in enumerate(first)]

    return cache.once(make, "class names", network)


def _titles(choice: Choice, names: list[str], order: tuple[int, ...]) -> dict[str, str]:
    """Write the most probable classes with their probabilities, the others as they are."""
    shares = probabilities(choice.network, scores(choice.image, choice.network)[0])
    titles = {name: state.plain(name) for name in names}
    for index in order[:_TOP]:
        titles[names[index]] += f" · {probability(float(shares[index]))}"
    return titles
