"""Everything that Compare shows in one table, and how it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import streamlit as st

from convviz.lessons.printed_figures import Reported
from convviz.networks.registry import spec
from convviz.structure.costs import Costs
from convviz.ui import export
from convviz.ui.architectures import counted

_SIZE = 224  # pixels; what torchvision's operations are published for

_COLUMNS = {
    "network": "Network",
    "parameters": "Parameters",
    "encoder": "… encoder",
    "decoder": "… decoder",
    "auxiliary": "… auxiliary heads",
    "decoder_share": "Decoder, %",
    "macs": "MACs",
    "activation_bytes": "Activations, bytes",
    "depth": "Depth",
    "top1": "Top-1, %",
    "top5": "Top-5, %",
    "reported_parameters": "Parameters (torchvision)",
    "reported_gflops": "“GFLOPS” (torchvision)",
    "year": "Year",
}


def table(found: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    """Draw the table, and offer it as CSV."""
    st.subheader("Everything in one table", anchor=False)
    rows = [_row(each, reported[each.name]) for each in found]
    whole = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            **{key: cast("Any", {**whole, "label": title}) for key, title in _COLUMNS.items()},
            "network": _COLUMNS["network"],
            "year": st.column_config.NumberColumn(_COLUMNS["year"], format="%d"),
            **{
                key: st.column_config.NumberColumn(_COLUMNS[key], format="%.1f")
                for key in ("decoder_share", "top1", "top5")
            },
        },
        key="costs_table",
    )
    st.download_button(
        "Save as CSV",
        lambda: export.table(list(_COLUMNS), [[row[key] for key in _COLUMNS] for row in rows]),
        file_name=f"costs-{'-'.join(each.name for each in found)}-{found[0].input_size}.csv",
        mime="text/csv",
        key="save_costs",
        icon=":material/download:",
        on_click="ignore",
    )


def _row(each: Costs, known: Reported | None) -> dict[str, Any]:
    parts = {part: each.part(part).parameters for part in ("encoder", "decoder", "auxiliary")}
    main = parts["encoder"] + parts["decoder"]
    return {
        "network": each.title,
        "parameters": each.parameters,
        **parts,
        "decoder_share": 100 * parts["decoder"] / main if main else None,
        "macs": each.macs,
        "activation_bytes": each.activation_bytes,
        "depth": each.depth,
        "top1": 100 * known.top1 if known else None,
        "top5": 100 * known.top5 if known else None,
        "reported_parameters": known.parameters if known else None,
        "reported_gflops": known.gigamacs if known else None,
        "year": spec(each.name).year,
    }


def conventions(found: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    """Say what is counted, and compare it with what torchvision publishes."""
    with st.expander("How this is counted"):
        st.markdown(
            "- **Parameters**: every number that training changes, shared ones once. Auxiliary "
            "heads help in training and are thrown away afterwards, so they are kept apart.\n"
            "- **MACs**: one multiply–accumulate for each weight that meets a value in a "
            "convolution or a fully connected layer. Adding biases, ReLU, pooling and "
            "normalisation are not counted. Every MAC is two floating-point operations (FLOPs).\n"
            "- **Memory**: the output of every layer for one image, four bytes a number, as if all "
            "were kept, as training does. A ReLU that works in place is counted all the same.\n"
            "- **Depth**: convolutions and fully connected layers on the longest way from image to "
            "classes."
        )
        checks = [(each, one) for each in found if (one := reported[each.name])]
        for each, one in checks:
            main = each.parameters - each.part("auxiliary").parameters
            giga = counted.of(each.name, _SIZE).macs / 1e9
            same = main == one.parameters and abs(giga - one.gigamacs) < 0.001
            st.markdown(
                f"{'✓' if same else '≠'} {each.title}: counted here {main:,} parameters and "
                f"{giga:.3f} billion MACs at {_SIZE} × {_SIZE}; torchvision publishes "
                f"{one.parameters:,} and {one.gigamacs:g} “GFLOPS”."
            )
        if checks:
            st.caption(
                "What torchvision calls GFLOPS are billions of multiply–accumulates: half of the "
                "floating-point operations."
            )
