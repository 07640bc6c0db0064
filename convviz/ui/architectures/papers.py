"""Papers: the published designs beside what torchvision builds, and beside what is printed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from convviz.formatting import grouped, signed_percent
from convviz.language import ENGLISH, again, later, speaking, tr
from convviz.lessons.printed_figures import checks as printed_checks
from convviz.networks.paper_designs import ALEXNET, GOOGLENET, VGGS, PaperDesign
from convviz.networks.registry import spec
from convviz.structure.costs import Costs, LayerCost
from convviz.ui import cache, exports, tables
from convviz.ui.architectures import findings
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

Rows = list[dict[str, Any]]

_FAMILIES = {"alexnet": "AlexNet, 2012", "vgg": "VGG, 2015", "googlenet": "GoogLeNet, 2015"}


def draw() -> None:
    """Draw the published designs."""
    st.markdown(
        tr(
            "The networks that everybody downloads are not quite those of the papers. Here "
            "the papers' own layers are built from their description and counted by the same "
            "code."
        )
    )
    family = one_of(tr("Paper"), _FAMILIES, Key.PAPER, "alexnet")
    if family == "vgg":
        _draw_vgg()
        how_we_know("parameters", "macs", "printed")
        return
    design = ALEXNET if family == "alexnet" else GOOGLENET
    paper, built = cache.costs(design.name), cache.costs(design.torchvision)
    _draw_differences(design, paper, built)
    _draw_layers(design, paper, built)
    _draw_printed(design, paper)
    how_we_know("parameters", "macs", "depth", "printed")


def _draw_differences(design: PaperDesign, paper: Costs, built: Costs) -> None:
    title = again(spec(design.torchvision).title)
    left, right = st.columns(2, gap="large")
    for column, heading, costs in (
        (left, tr("{title} in the paper", title=title), paper),
        (right, tr("{title} in torchvision", title=title), built),
    ):
        with column:
            st.header(heading, anchor=False)
            st.metric(tr("Parameters"), grouped(costs.parameters))
            st.caption(findings.design_text(costs))
    st.markdown("\n".join(f"- {tr(sentence)}" for sentence in design.differences))
    if design is GOOGLENET:
        st.markdown(findings.wider_text(paper, built))


def _draw_layers(design: PaperDesign, paper: Costs, built: Costs) -> None:
    st.header(tr("Layer by layer"), anchor=False)
    if design is ALEXNET:
        _draw_table(partial(_alexnet_rows, paper, built), f"{design.name}-layers")
    else:
        _draw_table(partial(_stage_rows, design, paper, built), f"{design.name}-layers")


def _alexnet_rows(paper: Costs, built: Costs) -> Rows:
    return [
        {
            tr("layer"): again(row.title),
            tr("paper"): _describe(row),
            "torchvision": _describe(built_row),
            tr("parameters (paper)"): row.parameters,
            tr("parameters (torchvision)"): built_row.parameters,
        }
        for row, built_row in zip(_kernel_rows(paper), _kernel_rows(built), strict=True)
    ]


def _stage_rows(design: PaperDesign, paper: Costs, built: Costs) -> Rows:
    return [
        {
            tr("stage"): stage,
            tr("parameters (paper)"): paper.within(stage).parameters,
            tr("parameters (torchvision)"): built.within(stage).parameters,
            tr("MACs (paper)"): paper.within(stage).macs,
            tr("MACs (torchvision)"): built.within(stage).macs,
        }
        for stage, _ in design.layers
        if paper.within(stage).parameters
    ]


def _kernel_rows(costs: Costs) -> list[LayerCost]:
    return [row for row in costs.layers if row.macs]


def _describe(row: LayerCost) -> str:
    if row.window is None:
        return f"{grouped(row.input_shapes[0][0])} → {grouped(row.output_shape[0])}"
    window, (channels, side, _) = row.window, row.output_shape
    message = (
        later("{channels} of {rows}×{columns}/{stride}, {groups} groups → {side}")
        if window.groups > 1
        else later("{channels} of {rows}×{columns}/{stride} → {side}")
    )
    return tr(
        message,
        channels=channels,
        rows=window.kernel[0],
        columns=window.kernel[1],
        stride=window.stride[0],
        groups=window.groups,
        side=side,
    )


def _draw_printed(design: PaperDesign, paper: Costs) -> None:
    st.header(tr("What the paper prints, and what its layers come to"), anchor=False)
    checks = printed_checks(design, paper)
    st.markdown(findings.printed_text(checks))
    if kilo := findings.kilo_text(checks):
        st.caption(kilo)
    _draw_table(partial(_printed_rows, design, paper), f"{design.name}-printed")


def _printed_rows(design: PaperDesign, paper: Costs) -> Rows:
    return [
        {
            tr("what"): check.what,
            tr("where"): check.where,
            tr("printed"): findings.printed_number(check),
            tr("counted"): findings.counted_number(check),
            tr("difference"): signed_percent(check.difference),
            tr("agreement"): tr(check.agreement),
        }
        for check in printed_checks(design, paper)
    ]


def _draw_vgg() -> None:
    st.markdown(
        tr(
            "torchvision builds columns A, B, D and E exactly as published (its batch norm "
            "forms came later). Column C has 1×1 convolutions where D has 3×3."
        )
    )
    _draw_table(_vgg_rows, "vgg-printed")
    st.markdown(findings.columns_text(cache.costs("vgg-2015-a"), cache.costs("vgg-2015-e")))


def _vgg_rows() -> Rows:
    rows = []
    for design in VGGS:
        costs = cache.costs(design.name)
        (check,) = printed_checks(design, costs)
        built = cache.costs(design.torchvision).parameters if design.torchvision else None
        rows.append(
            {
                tr("column"): design.name[-1].upper(),
                tr("layers with weights"): costs.depth,
                tr("printed (table 2)"): findings.printed_number(check),
                tr("agreement"): tr(check.agreement),
                tr("counted from its layers"): costs.parameters,
                "torchvision": design.torchvision or tr("not built"),
                tr("parameters (torchvision)"): built,
                tr("fully connected"): costs.part("decoder").parameters,
                tr("MACs"): costs.macs,
            }
        )
    return rows


def _draw_table(make: Callable[[], Rows], name: str) -> None:
    """Draw a table, and offer it as CSV, which is always English.

    Args:
        make: Makes the rows in the reader's language, each with its cells by their columns' titles.
        name: Of the file, without its ending.
    """
    rows = make()
    first = next(iter(rows[0]))
    tables.draw(
        tables.of_rows(rows),
        config={first: st.column_config.TextColumn(pinned=True)},
        height="content",
        key=f"architectures_table_{name}",
    )
    exports.save_button(
        tr("Save as CSV"),
        partial(_csv, make),
        f"{name}.csv",
        key=f"architectures_save_{name}",
    )


def _csv(make: Callable[[], Rows]) -> str:
    with speaking(ENGLISH):
        rows = make()
    return exports.table(list(rows[0]), [list(row.values()) for row in rows])
