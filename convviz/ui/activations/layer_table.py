"""The table of the view “All layers”: empty and dead channels of several networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from convviz.features import findings
from convviz.features.dead import DeadStep
from convviz.formatting import percent
from convviz.language import again, tr
from convviz.networks.network import Network
from convviz.networks.registry import available, is_unlisted, spec
from convviz.structure.ops import kind_text
from convviz.ui import cache, exports, tables
from convviz.ui.activations import compare, jobs
from convviz.ui.activations import dead as dead_channels
from convviz.ui.choice import Choice

_MOST_NETWORKS = 3
_SHARES = ("empty share", "dead share")
_OF_A_SET = ("dead", "dead share", "numbers", "images")  # hidden before a set was looked through


def draw(choice: Choice, threshold: float) -> None:
    """Draw the shares of empty and dead channels, and the buttons that count the dead ones."""
    st.header(tr("Empty and dead channels by layer and network"), anchor=False)
    st.session_state.setdefault("activations_table_networks", [choice.network_name])
    chosen = st.session_state["activations_table_networks"]
    # A visitor's trained design is found by its name, and not listed.
    designs = [name for name in (choice.network_name, *chosen) if is_unlisted(name)]
    names = st.multiselect(
        tr("Networks"),
        tuple(dict.fromkeys((*available(), *designs))),
        format_func=lambda name: again(spec(name).title),
        key="activations_table_networks",
        max_selections=_MOST_NETWORKS,
        help=tr("Those whose weights are here."),
    )
    page_jobs, job = jobs.open_jobs()
    rows: list[dict[str, object]] = []
    uncounted: list[Network] = []
    counted: list[tuple[Network, DeadStep]] = []
    for name in names:
        network = choice.network if name == choice.network_name else compare.load(name)
        if network is None:
            st.info(not_here(spec(name).title))
            continue
        count = dead_channels.count_of(network)
        if count is None:
            uncounted.append(network)
        else:
            counted.append((network, count))
        rows += _rows(choice, network, count, threshold)
    if uncounted:
        with st.container(horizontal=True, key="activations_count_dead"):
            for network in uncounted:
                dead_channels.count_button(network, page_jobs, job)
    jobs.draw(page_jobs, job)
    for network, count in counted:
        st.markdown(findings.dead_in_network(again(network.title), count))
    if rows:
        _draw_rows(choice, rows)


def not_here(title: str) -> str:
    """Say that a network cannot be in the table."""
    return tr(
        "The weights of {network} are not here: choose it in the sidebar to fetch them.",
        network=title,
    )


def _rows(
    choice: Choice, network: Network, count: DeadStep | None, threshold: float
) -> list[dict[str, object]]:
    """Make one row of each layer; the cells of what was not counted are None."""
    dead = {layer.layer.name: layer for layer in count.layers} if count else {}
    rows: list[dict[str, object]] = []
    for summary in cache.empty_by_depth(choice.image, network, threshold):
        layer_dead = dead.get(summary.layer.name)
        rows.append(
            {
                "network": again(network.title),
                "layer": again(summary.layer.title),
                "kind": kind_text(summary.layer.kind),
                "channels": summary.channels,
                "empty": summary.empty,
                "empty share": summary.share,
                "rule": findings.empty_rule(summary.layer, threshold),
                "dead": layer_dead.dead if layer_dead else None,
                "dead share": layer_dead.share if layer_dead else None,
                "numbers": ", ".join(map(str, layer_dead.numbers)) if layer_dead else None,
                "images": again(count.seen_images) if count else None,
            }
        )
    return rows


def _header(choice: Choice) -> dict[str, str]:
    """Return the titles of the columns, by their names."""
    return {
        "network": tr("Network"),
        "layer": tr("Layer"),
        "kind": tr("Kind"),
        "channels": tr("Channels"),
        "empty": tr("Empty"),
        "empty share": tr("Empty for {image}", image=choice.image.title),
        "rule": tr("Counted as empty"),
        "dead": tr("Dead"),
        "dead share": tr("Dead share"),
        "numbers": tr("Dead channels"),
        "images": tr("Images looked through (N)"),
    }


def _draw_rows(choice: Choice, rows: Sequence[dict[str, object]]) -> None:
    header = _header(choice)
    is_counted = any(row["images"] is not None for row in rows)
    columns: dict[str, list[Any]] = {
        title: [row[name] for row in rows]
        for name, title in header.items()
        if is_counted or name not in _OF_A_SET
    }
    tables.draw(
        columns,
        written={
            header[name]: lambda share: percent(share, 1)
            for name in _SHARES
            if header[name] in columns
        },
        config={
            **{header[name]: st.column_config.NumberColumn() for name in _SHARES},
            header["dead"]: st.column_config.NumberColumn(
                help=tr("Channels that are empty for each of the N images")
            ),
            header["images"]: st.column_config.TextColumn(help=tr("The images looked through")),
        },
        placeholder="–",
        key="activations_empty_and_dead",
    )
    empty = tr(
        "Empty: for this one image, by the rule beside it. A layer that no ReLU follows may "
        "have negative numbers, so hardly any channel of it is ever empty."
    )
    dead = (
        tr(
            "Dead: empty, with τ = 0, for each of the N images; a larger or other set may still "
            "wake a channel up."
        )
        if is_counted
        else tr("Dead channels are empty for every image of a set; none was looked through yet.")
    )
    st.caption(f"{empty} {dead}")
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table([*_header(choice).values()], ([*row.values()] for row in rows)),
        exports.file_name(choice, "empty-and-dead", ending="csv"),
        key="activations_save_empty_and_dead",
    )
