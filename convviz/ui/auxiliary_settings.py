"""Settings that the page Auxiliary classifiers and the lesson on Architectures share.

They have the same names in the URL, so a value chosen on one page holds on the other.
"""

from __future__ import annotations

import streamlit as st

from convviz.language import numeral, tr
from convviz.learning.auxiliary import Settings
from convviz.networks.network import AUXILIARY_WEIGHT
from convviz.ui import state
from convviz.ui.keys import Key

_WEIGHTS = tuple(tenths / 10 for tenths in range(11))


def weight(*, width: int, help: str | None = None) -> float:
    """Choose what each auxiliary loss is multiplied with."""
    chosen: float = st.select_slider(  # st.slider has points before decimals everywhere
        tr("Weight of each auxiliary loss"),
        _WEIGHTS,
        format_func=lambda weight: numeral(f"{weight:.2f}"),
        key=state.remember(Key.AUXILIARY_WEIGHT, AUXILIARY_WEIGHT, allowed=_WEIGHTS),
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
