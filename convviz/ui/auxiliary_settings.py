"""Settings that the page Auxiliary classifiers and the lesson on Architectures share.

They have the same names in the URL, so a value chosen on one page holds on the other.
"""

from __future__ import annotations

import streamlit as st

from convviz.language import tr
from convviz.learning.auxiliary import Settings
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.ui import state
from convviz.ui.keys import Key


def weight(*, width: int, help: str | None = None) -> float:
    """Choose what each auxiliary loss is multiplied with."""
    chosen: float = st.slider(
        tr("Weight of each auxiliary loss"),
        0.0,
        1.0,
        step=0.1,
        key=state.remember(
            Key.AUXILIARY_WEIGHT,
            AUXILIARY_WEIGHT,
            allowed=lambda weight: 0 <= float(weight) <= 1,
        ),
        help=help,
        width=width,
    )
    return chosen


def seed(*, help: str | None = None) -> int:
    """Choose the seed of the first weights and of everything else drawn at random."""
    chosen = st.number_input(
        tr("Seed"),
        0,
        9999,
        key=state.remember(Key.AUXILIARY_SEED, Settings.seed, allowed=range(10_000)),
        help=help,
        width=120,
    )
    return int(chosen)
