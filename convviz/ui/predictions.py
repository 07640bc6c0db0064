"""A network's best guesses as bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from convviz.formatting import probability
from convviz.language import again, tr, trn
from convviz.ui import state
from convviz.weights.findings import NOT_STATED

if TYPE_CHECKING:
    from convviz.features.predictions import Prediction
    from convviz.networks.network import Network


def bars(predictions: Sequence[Prediction]) -> None:
    """Draw class names with their probabilities as horizontal bars, the best guess first."""
    st.html(bars_html(predictions))


def bars_html(predictions: Sequence[Prediction]) -> str:
    """Write one list item for each guess: its name, probability and bar."""
    rows = "".join(
        f'<li title="{escape(again(guess.names))}">'
        f'<span class="name">{escape(again(guess.label))}</span>'
        f'<span class="share">{probability(guess.probability)}</span>'
        f'<span class="track"><span style="width:{100 * guess.probability:.2f}%"></span></span>'
        "</li>"
        for guess in predictions
    )
    return f'<ol class="convviz-bars">{rows}</ol>'


def draw(
    network: Network,
    predictions: Sequence[Prediction],
    below: Callable[[], None] | None = None,
) -> None:
    """Draw a network's best guesses, or say why it has none.

    Args:
        network: The network that made them.
        predictions: Its best guesses; none where it has no decoder.
        below: Draws what stands directly below the bars.
    """
    if predictions:
        bars(predictions)
        if below is not None:
            below()
        st.caption(about(network))
    else:
        st.info(why_none(network), icon=":material/visibility_off:")


def about(network: Network) -> str:
    """Say among which classes a network chooses."""
    weights = network.weights
    origin = weights.decoder_set or weights.training_set
    count, note = len(weights.classes), state.plain(weights.note)
    if origin == NOT_STATED:
        text = trn(
            "Probabilities over {count:,} class: the only answers it can give, whatever the image "
            "shows. {note}",
            "Probabilities over {count:,} classes: the only answers it can give, whatever the "
            "image shows. {note}",
            count,
            note=note,
        )
    else:
        text = trn(
            "Probabilities over {count:,} class, learned from “{origin}”: the only answers it can "
            "give, whatever the image shows. {note}",
            "Probabilities over {count:,} classes, learned from “{origin}”: the only answers it "
            "can give, whatever the image shows. {note}",
            count,
            origin=state.plain(origin),
            note=note,
        )
    return text.rstrip()


def seen_at(network: Network, side: int) -> str:
    """Say at which size the network saw the image, which may not be that of its layers elsewhere.

    Args:
        network: The network.
        side: Of the input that the predictions were made of, in pixels.
    """
    usual = network.weights.input_size
    if side == usual:
        return tr("The predictions are made of the image at {side} × {side} pixels.", side=side)
    return tr(
        "The predictions are made of the image at {side} × {side} pixels, the size that the "
        "decoder was trained on; Home, the sidebar and Activations show layers at "
        "{usual} × {usual}, where maps are larger.",
        side=side,
        usual=usual,
    )


def why_none(network: Network, chosen_in: str = "") -> str:
    """Say why a network makes no predictions.

    Args:
        network: The network.
        chosen_in: Label of the box above in which its weights are chosen; "" for the sidebar.
    """
    weights = network.weights
    if weights.source == "random" and chosen_in:
        return tr(
            "{network} is untrained here: its weights are random numbers, so its guesses "
            "would mean nothing. Choose trained weights under “{label}” above to see what it "
            "recognises.",
            network=state.plain(network.title),
            label=chosen_in,
        )
    if weights.source == "random":
        return tr(
            "{network} is untrained here: its weights are random numbers, so its guesses "
            "would mean nothing. Choose trained weights in the sidebar to see what it "
            "recognises.",
            network=state.plain(network.title),
        )
    why = again(weights.note) or tr(
        "These weights hold the encoder only, the layers that turn the image into "
        "feature maps. The decoder, which turns feature maps into class names, is not "
        "among them."
    )
    return tr("No predictions. {why}", why=state.plain(why))
