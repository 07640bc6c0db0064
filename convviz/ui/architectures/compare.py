"""Compare: what several networks cost, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import streamlit as st

from convviz.errors import SettingError
from convviz.figures import architectures as figures
from convviz.figures import theme
from convviz.formatting import percent, short, size_text
from convviz.lessons.comparison import surprise
from convviz.lessons.printed_figures import Reported
from convviz.lessons.printed_figures import reported as reported_figures
from convviz.networks.registry import spec
from convviz.structure.costs import LARGEST_INPUT, Costs, flops
from convviz.ui import cache, exports, state
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_TABLE_SIZE = 224  # pixels; what torchvision's operations are published for


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
    exports.save_button(
        "Save as CSV",
        lambda: exports.table(list(_COLUMNS), [[row[key] for key in _COLUMNS] for row in rows]),
        f"costs-{'-'.join(each.name for each in found)}-{found[0].input_size}.csv",
        key="save_costs",
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
            giga = cache.costs(each.name, _TABLE_SIZE).macs / 1e9
            same = main == one.parameters and abs(giga - one.gigamacs) < 0.001
            st.markdown(
                f"{'✓' if same else '≠'} {each.title}: counted here {main:,} parameters and "
                f"{giga:.3f} billion MACs at {_TABLE_SIZE} × {_TABLE_SIZE}; torchvision publishes "
                f"{one.parameters:,} and {one.gigamacs:g} “GFLOPS”."
            )
        if checks:
            st.caption(
                "What torchvision calls GFLOPS are billions of multiply–accumulates: half of the "
                "floating-point operations."
            )


_FIRST = "alexnet,vgg16"


_COURSE = {"alexnet", "vgg16"}


_SIZE = 224  # pixels


def draw() -> None:
    """Draw the comparison."""
    chosen = _networks()
    if not chosen:
        st.info("Choose at least one network above.", icon=":material/add_chart:")
        return
    plain = [cache.costs(name) for name in chosen]  # parameters are the same for any image
    _surprise(plain)
    _parameters(plain)
    found = _count(chosen, _side())
    reported = {name: reported_figures(spec(name)) for name in chosen}
    if found:
        _amounts(found, reported)
        table(found, reported)
    conventions(plain, reported)


def _networks() -> tuple[str, ...]:
    """Draw the networks to choose from and return the chosen ones' names."""
    names = cache.names()

    def keep() -> None:
        state.put(Key.COMPARED_NETWORKS, ",".join(st.session_state["compared_pills"]))

    state.remember(
        Key.COMPARED_NETWORKS, _FIRST, allowed=lambda text: _are_networks(str(text), names)
    )
    before = [name for name in str(st.session_state[Key.COMPARED_NETWORKS]).split(",") if name]
    if set(st.session_state.get("compared_pills", ())) != set(before):
        st.session_state["compared_pills"] = before
    chosen = st.pills(
        "Networks",
        names,
        selection_mode="multi",
        format_func=lambda name: spec(name).title,
        key="compared_pills",
        on_change=keep,
        wrap=True,
    )
    return tuple(name for name in names if name in chosen)


def _side() -> int:
    st.subheader("What one image costs", anchor=False)
    side = st.number_input(
        "Image side, in pixels",
        min_value=1,
        max_value=LARGEST_INPUT,
        step=32,
        key=state.remember(Key.COMPARED_SIDE, _SIZE, allowed=range(1, LARGEST_INPUT + 1)),
        help="Parameters do not depend on it; multiplications and activations do.",
        width=200,
    )
    return int(side)


def _are_networks(text: str, names: Sequence[str]) -> bool:
    return all(name in names for name in text.split(",") if name)


def _count(chosen: Sequence[str], size: int) -> list[Costs]:
    """Count the chosen networks; those that cannot take the image say why and are left out."""
    found = []
    for name in chosen:
        try:
            found.append(cache.costs(name, size))
        except SettingError as error:
            st.warning(str(error), icon=":material/photo_size_select_small:")
    return found


def _surprise(found: Sequence[Costs]) -> None:
    """Say what the chosen networks' parameters show: the course's pair first, then the extremes."""
    if len(found) < 2:
        return
    ordered = sorted(found, key=lambda each: each.parameters - each.part("auxiliary").parameters)
    extremes = ordered[0], ordered[-1]
    pair = _course_pair(found) or extremes
    with st.container(key="architectures_point_compare"):
        claim, *reasons = surprise(*pair)
        st.markdown("\n".join([claim, "", *(f"- {reason}" for reason in reasons)]))
        if {each.name for each in pair} != {each.name for each in extremes}:
            st.markdown(surprise(*extremes)[0])


def _course_pair(found: Sequence[Costs]) -> tuple[Costs, Costs] | None:
    """Return AlexNet and VGG16, which the course compares, if both are chosen."""
    by_name = {each.name: each for each in found}
    return (by_name["alexnet"], by_name["vgg16"]) if set(by_name) >= _COURSE else None


def _parameters(found: Sequence[Costs]) -> None:
    st.subheader("Parameters", anchor=False)
    log = (
        one_of("Axis", {"linear": "Linear", "log": "Logarithmic"}, Key.COMPARED_AXIS, "linear")
        == "log"
    )
    st.plotly_chart(
        figures.parameters(found, log=log),
        config=theme.save_as("parameters"),
        key="parameters_chart",
    )
    if log:
        st.caption(
            "On a logarithmic axis lengths cannot be added, so the parts stand side by side: each "
            "grid line is ten times the one before."
        )


def _amounts(found: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    titles = [each.title for each in found]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Multiplications**")
        _bars(
            "macs",
            titles,
            [each.macs for each in found],
            [f"{short(each.macs)} MACs" for each in found],
            [f"{each.macs:,} MACs = {flops(each.macs):,} FLOPs" for each in found],
        )
        st.markdown("**Depth**")
        _bars(
            "depth",
            titles,
            [each.depth for each in found],
            [f"{each.depth} layers" for each in found],
            [f"{each.depth} convolutions and linear layers, one after another" for each in found],
            theme.PURPLE,
        )
    with right:
        st.markdown("**Memory for activations**")
        _bars(
            "memory",
            titles,
            [each.activation_bytes for each in found],
            [size_text(each.activation_bytes, 1) for each in found],
            [f"{each.activation_bytes:,} bytes: every row's output, float32" for each in found],
            theme.ORANGE,
        )
        st.markdown("**Accuracy on ImageNet**")
        known = [(each, reported[each.name]) for each in found]
        told = [(each, one) for each, one in known if one is not None]
        if told:
            _bars(
                "accuracy",
                [each.title for each, _ in told],
                [one.top1 for _, one in told],
                [percent(one.top1, 1) for _, one in told],
                [f"top-1 {percent(one.top1, 1)}, top-5 {percent(one.top5, 1)}" for _, one in told],
                theme.GREEN,
                longest=1.0,
            )
            st.caption(
                "Share of validation images whose class comes first, as torchvision reports it for "
                "its ImageNet weights at 224 × 224; other weights do worse or better."
            )
        else:
            st.caption("torchvision reports no accuracy for these networks.")
    if len(found) > 1 and len(told) > 1:
        st.subheader("What the cost buys", anchor=False)
        plain = [cache.costs(each.name, _SIZE) for each, _ in told]
        st.plotly_chart(
            figures.trade(plain, [one for _, one in told]),
            config=theme.save_as("accuracy-over-macs"),
            key="trade_chart",
        )
        st.caption("The area of a disc is the network's number of parameters.")


def _bars(
    key: str,
    titles: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    exact: Sequence[str],
    colour: str = theme.BLUE,
    longest: float | None = None,
) -> None:
    figure = figures.amounts(
        titles, values, texts=texts, exact=exact, colour=colour, longest=longest
    )
    st.plotly_chart(figure, config=theme.save_as(key), key=f"{key}_chart")
