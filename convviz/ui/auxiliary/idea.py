"""What auxiliary classifiers are, and where they sit."""

from __future__ import annotations

import streamlit as st

from convviz.learning.small_networks import HEADS, NARROWER
from convviz.networks.network import AUXILIARY_WEIGHT

_STAGES = (
    *("conv1", "conv2", "conv3", "inception3a", "inception3b"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e"),
    *("inception5a", "inception5b", "fc"),
)


def explain() -> None:
    """Say what they are for."""
    st.markdown(
        "In a deep network the loss is far from the first layers, and its gradient has to come "
        "back through all the layers in between. GoogLeNet hangs two small classifiers half-way. "
        f"While it trains, their losses are added to the main one, each weighted {AUXILIARY_WEIGHT:g}; after "
        "training they are thrown away (Szegedy et al. 2015, §5)."
    )


def draw(weight: float) -> None:
    """Draw the network with its heads.

    Args:
        weight: What each auxiliary loss is multiplied with.
    """
    blocks = "".join(_block(name, weight) for name in _STAGES)
    st.html(f'<ol class="convviz-heads" aria-label="Where the heads sit">{blocks}</ol>')
    st.caption(
        f"This network is GoogLeNet with every layer {NARROWER} times narrower, nine Inception "
        f"modules deep. loss = main + {weight:g} · aux1 + {weight:g} · aux2 on one side, and main "
        "alone on the other. Both begin with the same weights and see the same batches. The "
        "network in the sidebar plays no part here."
    )


def _block(name: str, weight: float) -> str:
    short = name.removeprefix("inception")
    reading = [head for head, after in HEADS.items() if after == name]
    if reading:
        hung = f"<em>{reading[0]}<br>loss × {weight:g}</em>"
    else:
        hung = "<em class='main'>main<br>loss × 1</em>" if name == _STAGES[-1] else ""
    kind = "module" if short != name else "plain"
    return f'<li><b class="{kind}" title="{name}">{short}</b>{hung}</li>'
