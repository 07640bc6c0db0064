"""How we know: for the numbers of a view, the convention, its source and an independent check.

Each kind of number is one entry of `CONVENTIONS`; a view names the entries of the numbers it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Convention:
    """How one kind of number is made, and why it can be believed.

    Attributes:
        title: What the number is called on the page.
        counted: How it is counted or measured, with its unit.
        source: The paper, library or definition that the convention is taken from.
        check: What it was compared with that is none of convviz's own code.
        test: The test or benchmark that makes this comparison, from the project's folder.
    """

    title: str
    counted: str
    source: str
    check: str
    test: str


CONVENTIONS: dict[str, Convention] = {
    # ---- activations, channels, occlusion, synthesis, top patches ----
    # ---- layers, receptive fields, costs, lessons, papers ----
    # ---- reconstruction ----
    # ---- transfer learning ----
    # ---- training, auxiliary classifiers, filters ----
}


def how_we_know(*names: str) -> None:
    """Draw what is closed at first: the conventions of the numbers that a view shows.

    Args:
        names: Entries of `CONVENTIONS`, in the order of the view's numbers.
    """
    with st.expander("How we know", icon=":material/fact_check:"):
        for name in names:
            convention = CONVENTIONS[name]
            st.markdown(
                f"**{convention.title}.** {convention.counted}\n\n"
                f"*Source:* {convention.source}\n\n"
                f"*Checked against:* {convention.check} (`{convention.test}`)"
            )
