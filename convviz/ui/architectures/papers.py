"""Papers: the published designs beside what torchvision builds, and beside what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from convviz.formatting import signed_percent
from convviz.language import tr
from convviz.lessons.printed_figures import PrintedFigure
from convviz.lessons.printed_figures import checks as printed_checks
from convviz.networks.paper_designs import ALEXNET, GOOGLENET, VGGS, PaperDesign
from convviz.networks.registry import spec
from convviz.structure.costs import Costs, LayerCost
from convviz.ui import cache, exports
from convviz.ui.architectures import findings
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

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
    family = one_of("Paper", _FAMILIES, Key.PAPER, "alexnet")
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
    title = spec(design.torchvision).title
    left, right = st.columns(2, gap="large")
    for column, heading, costs in (
        (left, tr("{title} in the paper", title=title), paper),
        (right, tr("{title} in torchvision", title=title), built),
    ):
        with column:
            st.header(heading, anchor=False)
            st.metric(tr("Parameters"), f"{costs.parameters:,}")
            st.caption(findings.design_text(costs))
    st.markdown("\n".join(f"- {sentence}" for sentence in design.differences))
    if design is GOOGLENET:
        st.markdown(findings.wider_text(paper, built))


def _draw_layers(design: PaperDesign, paper: Costs, built: Costs) -> None:
    st.header(tr("Layer by layer"), anchor=False)
    if design is ALEXNET:
        rows = [
            {
                "layer": row.title,
                "paper": _describe(row),
                "torchvision": _describe(built_row),
                "parameters (paper)": row.parameters,
                "parameters (torchvision)": built_row.parameters,
            }
            for row, built_row in zip(_kernel_rows(paper), _kernel_rows(built), strict=True)
        ]
    else:
        stages = [name for name, _ in design.layers if paper.within(name).parameters]
        rows = [
            {
                "stage": stage,
                "parameters (paper)": paper.within(stage).parameters,
                "parameters (torchvision)": built.within(stage).parameters,
                "MACs (paper)": paper.within(stage).macs,
                "MACs (torchvision)": built.within(stage).macs,
            }
            for stage in stages
        ]
    _draw_table(rows, f"{design.name}-layers")


def _kernel_rows(costs: Costs) -> list[LayerCost]:
    return [row for row in costs.layers if row.macs]


def _describe(row: LayerCost) -> str:
    if row.window is None:
        return f"{row.input_shapes[0][0]:,} → {row.output_shape[0]:,}"
    window, (channels, side, _) = row.window, row.output_shape
    groups = tr(", {groups} groups", groups=window.groups) if window.groups > 1 else ""
    return tr(
        "{channels} of {kernel}×{kernel_2}/{stride}{groups} → {side}",
        channels=channels,
        kernel=window.kernel[0],
        kernel_2=window.kernel[1],
        stride=window.stride[0],
        groups=groups,
        side=side,
    )


def _draw_printed(design: PaperDesign, paper: Costs) -> None:
    st.header(tr("What the paper prints, and what its layers come to"), anchor=False)
    checks = printed_checks(design, paper)
    st.markdown(findings.printed_text(checks))
    if kilo := findings.kilo_text(checks):
        st.caption(kilo)
    _draw_table([_as_row(check) for check in checks], f"{design.name}-printed")


def _as_row(check: PrintedFigure) -> dict[str, Any]:
    return {
        "what": check.what,
        "where": check.where,
        "printed": findings.printed_number(check),
        "counted": findings.counted_number(check),
        "difference": signed_percent(check.difference),
        "agreement": check.agreement,
    }


def _draw_vgg() -> None:
    st.markdown(
        tr(
            "torchvision builds columns A, B, D and E exactly as published (its batch norm "
            "forms came later). Column C has 1×1 convolutions where D has 3×3."
        )
    )
    rows = []
    for design in VGGS:
        costs = cache.costs(design.name)
        (check,) = printed_checks(design, costs)
        built = cache.costs(design.torchvision).parameters if design.torchvision else None
        rows.append(
            {
                "column": design.name[-1].upper(),
                tr("layers with weights"): costs.depth,
                "printed (table 2)": findings.printed_number(check),
                "agreement": check.agreement,
                tr("counted from its layers"): costs.parameters,
                "torchvision": design.torchvision or tr("not built"),
                "parameters (torchvision)": built,
                "fully connected": costs.part("decoder").parameters,
                "MACs": costs.macs,
            }
        )
    _draw_table(rows, "vgg-printed")
    st.markdown(findings.columns_text(cache.costs("vgg-2015-a"), cache.costs("vgg-2015-e")))


def _draw_table(rows: Sequence[dict[str, Any]], name: str) -> None:
    first = next(iter(rows[0]))
    columns = {
        first: st.column_config.TextColumn(pinned=True),
        **{
            key: st.column_config.NumberColumn(format="localized")
            for key, value in rows[0].items()
            if isinstance(value, int) and not isinstance(value, bool)
        },
    }
    st.dataframe(
        rows,
        hide_index=True,
        column_config=columns,
        height="content",
        key=f"architectures_table_{name}",
    )
    header = list(rows[0])
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table(header, [[row[key] for key in header] for row in rows]),
        f"{name}.csv",
        key=f"architectures_save_{name}",
    )
