"""Papers: the published designs beside what torchvision builds, and beside what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from convviz.formatting import percent
from convviz.lessons.printed_figures import PrintedFigure
from convviz.lessons.printed_figures import checks as printed_checks
from convviz.networks.paper_designs import ALEXNET, GOOGLENET, VGGS, Design
from convviz.networks.registry import spec
from convviz.structure.costs import Costs, LayerCost, total
from convviz.ui import cache, exports
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_FAMILIES = {"alexnet": "AlexNet, 2012", "vgg": "VGG, 2015", "googlenet": "GoogLeNet, 2015"}


def draw() -> None:
    """Draw the published designs."""
    st.markdown(
        "The networks that everybody downloads are not quite those of the papers. Here the papers' "
        "own layers are built from their description and counted by the same code."
    )
    family = one_of("Paper", _FAMILIES, Key.PAPER, "alexnet")
    if family == "vgg":
        _draw_vgg()
        return
    design = ALEXNET if family == "alexnet" else GOOGLENET
    paper, built = cache.costs(design.name), cache.costs(design.torchvision)
    _draw_differences(design, paper, built)
    _draw_layers(design, paper, built)
    _draw_printed(design, paper)


def _draw_differences(design: Design, paper: Costs, built: Costs) -> None:
    title = spec(design.torchvision).title
    left, right = st.columns(2, gap="large")
    for column, heading, costs in (
        (left, f"{title} in the paper", paper),
        (right, f"{title} in torchvision", built),
    ):
        with column:
            st.subheader(heading, anchor=False)
            auxiliary = costs.part("auxiliary").parameters
            st.metric("Parameters", f"{costs.parameters - auxiliary:,}")
            more = f" and {auxiliary:,} more in its auxiliary heads" if auxiliary else ""
            st.caption(
                f"{costs.macs:,} MACs at {costs.input_size} × {costs.input_size}, "
                f"{costs.depth} layers deep{more}."
            )
    st.markdown("\n".join(f"- {sentence}" for sentence in design.differences))
    if design is GOOGLENET:
        wider = _weights(paper) - _weights(built)
        st.markdown(
            f"The true 5×5 kernels add {wider:,} weights to the convolutions of the main network."
        )


def _weights(costs: Costs) -> int:
    """Count a network's weights that make MACs: no biases, no batch norm, no auxiliary heads."""
    return sum(row.weights for row in _kernel_rows(costs))


def _draw_layers(design: Design, paper: Costs, built: Costs) -> None:
    st.subheader("Layer by layer", anchor=False)
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
    groups = f", {window.groups} groups" if window.groups > 1 else ""
    return (
        f"{channels} of {window.kernel[0]}×{window.kernel[1]}/{window.stride[0]}{groups} → {side}"
    )


def _draw_printed(design: Design, paper: Costs) -> None:
    st.subheader("What the paper prints, and what its layers come to", anchor=False)
    checks = printed_checks(design, paper)
    worst = max(checks, key=lambda check: abs(check.difference))
    agreeing = sum(check.agrees for check in checks)
    st.markdown(
        f"{agreeing} of {len(checks)} figures agree to their last digit. The largest difference is "
        f"at *{worst.what}*: the paper prints {worst.printed:,g}{_unit(worst)}, its layers come to "
        f"{_as_row(worst)['counted']}. Papers have slips, too."
    )
    if design is GOOGLENET:
        st.caption("The paper's K is 1,024; its operations are multiply–accumulates.")
    _draw_table([_as_row(check) for check in checks], f"{design.name}-printed")


def _as_row(check: PrintedFigure) -> dict[str, Any]:
    return {
        "what": check.what,
        "where": check.where,
        "printed": f"{check.printed:,g}{_unit(check)}",
        "counted": f"{check.in_units:,.{0 if check.unit == 1 else 2}f}{_unit(check)}",
        "difference": f"{100 * check.difference:+.1f} %",
        "agrees": "✓" if check.agrees else "",
    }


def _unit(check: PrintedFigure) -> str:
    return {1: "", 1024: " K", 10**6: " M"}[check.unit]


def _draw_vgg() -> None:
    st.markdown(
        "torchvision builds columns A, B, D and E exactly as published (its batch norm forms came "
        "later). Column C has 1×1 convolutions where D has 3×3."
    )
    rows = []
    for design in VGGS:
        costs = cache.costs(design.name)
        (check,) = printed_checks(design, costs)
        built = cache.costs(design.torchvision).parameters if design.torchvision else None
        rows.append(
            {
                "column": design.name[-1].upper(),
                "layers with weights": costs.depth,
                "printed (table 2)": f"{check.printed:g} M",
                "counted from its layers": costs.parameters,
                "torchvision": design.torchvision or "not built",
                "parameters (torchvision)": built,
                "fully connected": costs.part("decoder").parameters,
                "MACs": costs.macs,
            }
        )
    _draw_table(rows, "vgg-printed")
    small, large = cache.costs("vgg-2015-a"), cache.costs("vgg-2015-e")
    deeper = large.part("encoder").parameters - small.part("encoder").parameters
    share = total(large.layers).parameters / small.parameters - 1
    st.markdown(
        f"From column A to column E the depth grows from {small.depth} to {large.depth} layers, "
        f"but that adds only {deeper:,} weights ({percent(share, 1)}): the fully connected layers "
        f"are the same {large.part('decoder').parameters:,} throughout."
    )


def _draw_table(rows: Sequence[dict[str, Any]], name: str) -> None:
    numbers = {
        key: st.column_config.NumberColumn(format="localized")
        for key, value in rows[0].items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    st.dataframe(
        rows,
        hide_index=True,
        column_config=numbers,
        height="content",
        key=f"architectures_table_{name}",
    )
    header = list(rows[0])
    exports.save_button(
        "Save as CSV",
        lambda: exports.table(header, [[row[key] for key in header] for row in rows]),
        f"{name}.csv",
        key=f"architectures_save_{name}",
    )
