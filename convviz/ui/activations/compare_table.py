"""The table of empty and dead shares by layer and network."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.features.dead import DeadStep
from convviz.networks.network import Network
from convviz.networks.registry import available, spec
from convviz.ui import cache, exports
from convviz.ui.activations import dead as dead_channels
from convviz.ui.activations import jobs
from convviz.ui.choice import Choice

_MOST = 3


def draw(choice: Choice, threshold: float, load: Callable[[str], Network | None]) -> None:
    """Draw the table, with what it takes to count the dead channels.

    Args:
        choice: The image and the network.
        threshold: τ, up to which a channel counts as empty.
        load: Loads another network; None where its weights are not here.
    """
    names = available()
    st.session_state.setdefault("activations_table_networks", [choice.network_name])
    st.multiselect(
        "Networks",
        names,
        format_func=lambda name: spec(name).title,
        key="activations_table_networks",
        max_selections=_MOST,
        help="Those whose weights are here.",
    )
    page_jobs, view = jobs.open_jobs()
    rows: list[dict[str, object]] = []
    missing: list[Network] = []
    for name in st.session_state["activations_table_networks"]:
        used = choice.network if name == choice.network_name else load(name)
        if used is None:
            st.info(f"The weights of {spec(name).title} are not here.")
            continue
        step = dead_channels.counted(used)
        if step is None:
            missing.append(used)
        rows += _rows(choice, used, step, threshold)
    if missing:
        with st.container(horizontal=True, key="activations_count_dead"):
            for used in missing:
                dead_channels.offer(used, page_jobs, view)
    jobs.draw(page_jobs, view)
    if rows:
        _table(choice, rows)


def _rows(
    choice: Choice, used: Network, step: DeadStep | None, threshold: float
) -> list[dict[str, object]]:
    dead = {each.layer.name: each for each in step.layers} if step else {}
    rows = []
    for each in cache.empty_by_depth(choice.image, used, threshold):
        found = dead.get(each.layer.name)
        rows.append(
            {
                "Network": used.title,
                "Layer": each.layer.title,
                "Kind": each.layer.kind,
                "Channels": each.channels,
                "Empty": each.empty,
                f"Empty for {choice.image.title}": each.share,
                "Dead": found.dead if found else None,
                "Dead share": found.share if found else None,
                "N": step.seen if step else None,
            }
        )
    return rows


def _table(choice: Choice, rows: list[dict[str, object]]) -> None:
    header = list(rows[0])
    table = {name: [row[name] for row in rows] for name in header}
    shares = [name for name in header if name.startswith("Empty for") or name == "Dead share"]
    counts = {"Dead": "Channels that are empty for each of the N pictures", "N": "Pictures"}
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            **dict.fromkeys(shares, st.column_config.NumberColumn(format="percent")),
            **{name: st.column_config.NumberColumn(help=said) for name, said in counts.items()},
        },
        placeholder="–",
        key="activations_empty_and_dead",
    )
    st.caption(
        "Empty: no activation above the threshold for this one image. Dead: no activation above 0 "
        "in any of the N pictures; a larger or other set may still wake a channel up."
    )
    exports.save_button(
        "Save as CSV",
        lambda: exports.table(header, ([row[name] for name in header] for row in rows)),
        exports.file_name(choice, "empty-and-dead", ending="csv"),
        key="activations_save_empty_and_dead",
    )
