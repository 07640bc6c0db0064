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
from convviz.structure import costs
from convviz.structure.costs import Costs, LayerCost
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
        _vgg()
        return
    design = ALEXNET if family == "alexnet" else GOOGLENET
    ours, theirs = cache.costs(design.name), cache.costs(design.torchvision)
    _differences(design, ours, theirs)
    _layers(design, ours, theirs)
    _printed(design, ours)


def _differences(design: Design, ours: Costs, theirs: Costs) -> None:
    title = spec(design.torchvision).title
    left, right = st.columns(2, gap="large")
    for column, heading, found in (
        (left, f"{title} in the paper", ours),
        (right, f"{title} in torchvision", theirs),
    ):
        with column:
            st.subheader(heading, anchor=False)
            main = found.parameters - found.part("auxiliary").parameters
            st.metric("Parameters", f"{main:,}")
            auxiliary = found.part("auxiliary").parameters
            more = f" and {auxiliary:,} more in its auxiliary heads" if auxiliary else ""
            st.caption(
                f"{found.macs:,} MACs at {found.input_size} × {found.input_size}, "
                f"{found.depth} layers deep{more}."
            )
    st.markdown("\n".join(f"- {sentence}" for sentence in design.differences))
    if design is GOOGLENET:
        wider = _weights(ours) - _weights(theirs)
        st.markdown(
            f"The true 5×5 kernels add {wider:,} weights to the convolutions of the main network."
        )


def _weights(found: Costs) -> int:
    """Count a network's weights that make MACs: no biases, no batch norm, no auxiliary heads."""
    return sum(row.weights for row in found.layers if row.macs)


def _layers(design: Design, ours: Costs, theirs: Costs) -> None:
    st.subheader("Layer by layer", anchor=False)
    if design is ALEXNET:
        pairs = [(_kernel_rows(ours)[i], row) for i, row in enumerate(_kernel_rows(theirs))]
        rows = [
            {
                "layer": paper.title,
                "paper": _describe(paper),
                "torchvision": _describe(built),
                "parameters (paper)": paper.parameters,
                "parameters (torchvision)": built.parameters,
            }
            for paper, built in pairs
        ]
    else:
        stages = [name for name, _ in design.layers if ours.within(name).parameters]
        rows = [
            {
                "stage": stage,
                "parameters (paper)": ours.within(stage).parameters,
                "parameters (torchvision)": theirs.within(stage).parameters,
                "MACs (paper)": ours.within(stage).macs,
                "MACs (torchvision)": theirs.within(stage).macs,
            }
            for stage in stages
        ]
    _show(rows, f"{design.name}-layers")


def _kernel_rows(found: Costs) -> list[LayerCost]:
    return [row for row in found.layers if row.macs]


def _describe(row: LayerCost) -> str:
    if row.window is None:
        return f"{row.input_shapes[0][0]:,} → {row.output_shape[0]:,}"
    window, (channels, side, _) = row.window, row.output_shape
    groups = f", {window.groups} groups" if window.groups > 1 else ""
    return (
        f"{channels} of {window.kernel[0]}×{window.kernel[1]}/{window.stride[0]}{groups} → {side}"
    )


def _printed(design: Design, ours: Costs) -> None:
    st.subheader("What the paper prints, and what its layers come to", anchor=False)
    checks = printed_checks(design, ours)
    worst = max(checks, key=lambda check: abs(check.difference))
    agreeing = sum(check.agrees for check in checks)
    st.markdown(
        f"{agreeing} of {len(checks)} figures agree to their last digit. The largest difference is "
        f"at *{worst.what}*: the paper prints {worst.printed:,g}{_unit(worst)}, its layers come to "
        f"{_plain(worst)['counted']}. Papers have slips, too."
    )
    if design is GOOGLENET:
        st.caption("The paper's K is 1,024; its operations are multiply–accumulates.")
    _show([_plain(check) for check in checks], f"{design.name}-printed")


def _plain(check: PrintedFigure) -> dict[str, Any]:
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


def _vgg() -> None:
    st.markdown(
        "torchvision builds columns A, B, D and E exactly as published (its batch norm forms came "
        "later). Column C has "
        "1×1 convolutions where D has 3×3."
    )
    rows = []
    for design in VGGS:
        found = cache.costs(design.name)
        (check,) = printed_checks(design, found)
        built = cache.costs(design.torchvision).parameters if design.torchvision else None
        rows.append(
            {
                "column": design.name[-1].upper(),
                "layers with weights": found.depth,
                "printed (table 2)": f"{check.printed:g} M",
                "counted from its layers": found.parameters,
                "torchvision": design.torchvision or "not built",
                "parameters (torchvision)": built,
                "fully connected": found.part("decoder").parameters,
                "MACs": found.macs,
            }
        )
    _show(rows, "vgg-printed")
    small, large = cache.costs("vgg-2015-a"), cache.costs("vgg-2015-e")
    deeper = large.part("encoder").parameters - small.part("encoder").parameters
    share = costs.total(large.layers).parameters / small.parameters - 1
    st.markdown(
        f"From column A to column E the depth grows from {small.depth} to {large.depth} layers, "
        f"but that adds only {deeper:,} weights ({percent(share, 1)}): the fully connected layers "
        f"are the same {large.part('decoder').parameters:,} throughout."
    )


def _show(rows: Sequence[dict[str, Any]], name: str) -> None:
    numbers = {
        key: st.column_config.NumberColumn(format="localized")
        for key, value in rows[0].items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    st.dataframe(
        rows, hide_index=True, column_config=numbers, height="content", key=f"table_{name}"
    )
    header = list(rows[0])
    exports.save_button(
        "Save as CSV",
        lambda: exports.table(header, [[row[key] for key in header] for row in rows]),
        f"{name}.csv",
        key=f"save_{name}",
    )
