"""Compare: what several networks cost, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from convviz.errors import SettingError
from convviz.figures import architectures as figures
from convviz.figures import theme
from convviz.formatting import grouped, percent, short, size_text
from convviz.language import again, current, later, numeral, tr
from convviz.lessons.comparison import surprise
from convviz.lessons.printed_figures import Reported
from convviz.lessons.printed_figures import reported as reported_figures
from convviz.networks.registry import spec
from convviz.structure.costs import Costs
from convviz.structure.input_size import LARGEST_INPUT
from convviz.ui import cache, charts, exports, state, tables
from convviz.ui.architectures import findings
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_FIRST = "alexnet,vgg16"
_CHOSEN = ("architectures_networks", "architectures_more_networks")
_MOST_OTHERS = 8  # that one chart has room for
_COURSE_PAIR = {"alexnet", "vgg16"}
_SIZE = 224  # pixels; what torchvision's operations are published for
_COLUMNS = {
    "network": later("Network"),
    "parameters": later("Parameters"),
    "parameters_with_auxiliary": later("… with auxiliary heads"),
    "encoder": later("… encoder"),
    "decoder": later("… decoder"),
    "auxiliary": later("… auxiliary heads"),
    "decoder_share": later("Decoder, share"),
    "macs": later("MACs"),
    "activation_bytes": later("Activations, bytes"),
    "depth": later("Depth"),
    "top1": later("Top-1"),
    "top5": later("Top-5"),
    "reported_parameters": later("Parameters (torchvision)"),
    "reported_gflops": later("“GFLOPS” (torchvision)"),
    "year": later("Year"),
}
_CONVENTIONS = (
    later(
        "**Parameters**: every number that training changes, shared ones once. Auxiliary "
        "heads help in training and are thrown away afterwards: the number given is that "
        "without them, and the one with them stands beside it."
    ),
    later(
        "**MACs**: one multiply–accumulate for each weight that meets a value in a "
        "convolution or a fully connected layer. Adding biases, ReLU, pooling and "
        "normalisation are not counted. Every MAC is two floating-point operations (FLOPs)."
    ),
    later(
        "**Memory**: what PyTorch keeps of one image while it trains, for the backward pass, "
        "in float32; 1 MB is 1,000,000 bytes. Every piece of memory counts once: a ReLU that "
        "works in place adds nothing, a max pooling also keeps where its maxima were, and an "
        "output that no gradient needs is not kept. Weights do not count."
    ),
    later(
        "**Depth**: convolutions and fully connected layers on the longest way from image to "
        "classes."
    ),
)


def prepare() -> None:
    """Count what the comparison begins with."""
    for name in cache.short_list():
        cache.costs(name)
        cache.costs(name, _SIZE)


def draw() -> None:
    """Draw the comparison."""
    names = _choose_networks()
    if not names:
        st.info(tr("Choose at least one network above."), icon=":material/add_chart:")
        return
    usual = [cache.costs(name) for name in names]  # parameters are the same for any image
    _draw_surprise(usual)
    _draw_parameters(usual)
    networks = _count(names, _choose_side())
    reported = {name: reported_figures(spec(name)) for name in names}
    if networks:
        _draw_amounts(networks, reported)
        _draw_table(networks, reported)
    _draw_conventions(usual, reported)
    how_we_know("parameters", "macs", "training_memory", "depth", "accuracy_reported")


def _choose_networks() -> tuple[str, ...]:
    """Draw the networks to choose from and return the chosen ones' names."""
    names, short = cache.names(), cache.short_list()
    others = [name for name in names if name not in short]

    def keep() -> None:
        chosen = [name for key in _CHOSEN for name in st.session_state.get(key, ())]
        state.put(Key.COMPARED_NETWORKS, ",".join(chosen))

    state.remember(
        Key.COMPARED_NETWORKS, _FIRST, allowed=lambda text: _are_networks(str(text), names)
    )
    remembered = [name for name in str(st.session_state[Key.COMPARED_NETWORKS]).split(",") if name]
    for key, offered in zip(_CHOSEN, (short, others), strict=True):
        among = [name for name in remembered if name in offered]
        if set(st.session_state.get(key, ())) != set(among):
            st.session_state[key] = among
    chosen = st.pills(
        tr("Networks"),
        short,
        selection_mode="multi",
        format_func=lambda name: state.plain(_title(name)),
        key=_CHOSEN[0],
        on_change=keep,
        wrap=True,
    )
    more = st.multiselect(
        tr("More networks"),
        others,
        format_func=_title,
        key=_CHOSEN[1],
        on_change=keep,
        placeholder=tr("ResNet, DenseNet, EfficientNet, ViT, Swin …"),
        max_selections=_MOST_OTHERS,
        help=tr("All other classifiers of torchvision. Type a part of a name."),
        width=560,
    )
    return tuple(name for name in names if name in {*chosen, *more})


def _title(name: str) -> str:
    return again(spec(name).title)


def _are_networks(text: str, names: Sequence[str]) -> bool:
    return all(name in names for name in text.split(",") if name)


def _draw_surprise(networks: Sequence[Costs]) -> None:
    """Say what the chosen networks' parameters show: the course's pair first, then the extremes."""
    if len(networks) < 2:
        return
    ordered = sorted(networks, key=lambda costs: costs.parameters)
    extremes = ordered[0], ordered[-1]
    pair = _course_pair(networks) or extremes
    with st.container(key="architectures_point_compare"):
        claim, *reasons = surprise(*pair)
        st.markdown("\n".join([claim, "", *(f"- {reason}" for reason in reasons)]))
        if {costs.name for costs in pair} != {costs.name for costs in extremes}:
            st.markdown(surprise(*extremes)[0])


def _course_pair(networks: Sequence[Costs]) -> tuple[Costs, Costs] | None:
    """Return AlexNet and VGG16, which the course compares, if both are chosen."""
    by_name = {costs.name: costs for costs in networks}
    return (by_name["alexnet"], by_name["vgg16"]) if set(by_name) >= _COURSE_PAIR else None


def _draw_parameters(networks: Sequence[Costs]) -> None:
    st.header(tr("Parameters"), anchor=False)
    axes = {"linear": later("Linear"), "log": later("Logarithmic")}
    log = one_of(tr("Axis"), axes, Key.COMPARED_AXIS, "linear") == "log"
    charts.draw(
        cache.once(
            lambda: figures.parameters(networks, log=log),
            "parameters",
            *(costs.name for costs in networks),
            log,
            current(),
        ),
        config=theme.save_as("parameters"),
        key="architectures_parameters",
    )
    if log:
        st.caption(
            tr(
                "On a logarithmic axis lengths cannot be added, so the parts stand side by "
                "side: each grid line is ten times the one before."
            )
        )


def _choose_side() -> int:
    st.header(tr("What one image costs"), anchor=False)
    side = st.number_input(
        tr("Image side, in pixels"),
        min_value=1,
        max_value=LARGEST_INPUT,
        step=32,
        key=state.remember(Key.COMPARED_SIDE, _SIZE, allowed=range(1, LARGEST_INPUT + 1)),
        help=tr("Parameters do not depend on it; MACs and activations do."),
        width=200,
    )
    return int(side)


def _count(names: Sequence[str], size: int) -> list[Costs]:
    """Count networks; those that cannot take the image say why and are left out."""
    networks = []
    for name in names:
        try:
            networks.append(cache.costs(name, size))
        except SettingError as error:
            st.warning(state.plain(str(error)), icon=":material/photo_size_select_small:")
    return networks


def _draw_amounts(networks: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    titles = [again(costs.title) for costs in networks]
    colours = [_colour(costs) for costs in networks]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**MACs**"))
        _draw_bars(
            "macs",
            titles,
            [costs.macs for costs in networks],
            [tr("{macs} MACs", macs=short(costs.macs)) for costs in networks],
            [findings.multiplications_text(costs) for costs in networks],
            colours,
        )
        st.markdown(tr("**Depth**"))
        _draw_bars(
            "depth",
            titles,
            [costs.depth for costs in networks],
            [tr("{depth} layers", depth=costs.depth) for costs in networks],
            [findings.depth_text(costs) for costs in networks],
            colours,
        )
    with right:
        st.markdown(tr("**Memory for activations, in training**"))
        _draw_bars(
            "memory",
            titles,
            [costs.activation_bytes for costs in networks],
            [size_text(costs.activation_bytes, 1) for costs in networks],
            [findings.memory_text(costs) for costs in networks],
            colours,
        )
        st.markdown(tr("**Accuracy on ImageNet**"))
        _draw_accuracy(networks, reported)
    _draw_trade(networks, reported)


def _colour(costs: Costs) -> str:
    """Return a network's colour: the same in all charts, whatever else is chosen."""
    return theme.network(cache.names().index(costs.name))


def _draw_accuracy(networks: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    published = _with_reported(networks, reported)
    if not published:
        st.caption(tr("torchvision reports no accuracy for these networks."))
        return
    _draw_bars(
        "accuracy",
        [again(costs.title) for costs, _ in published],
        [theirs.top1 for _, theirs in published],
        [percent(theirs.top1, 1) for _, theirs in published],
        [
            tr(
                "top-1 {top1}, top-5 {top5}",
                top1=percent(theirs.top1, 1),
                top5=percent(theirs.top5, 1),
            )
            for _, theirs in published
        ],
        [_colour(costs) for costs, _ in published],
        longest=1.0,
    )
    st.caption(
        tr(
            "Share of validation images whose class comes first, as torchvision reports it "
            "for its ImageNet weights at each network's usual size; other weights do worse "
            "or better."
        )
    )


def _draw_trade(networks: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    """Draw accuracy over MACs, where there is more than one network to compare."""
    published = _with_reported(networks, reported)
    if len(published) < 2:
        return
    st.header(tr("What the cost buys"), anchor=False)
    charts.draw(
        cache.once(
            lambda: figures.trade(
                [cache.costs(costs.name) for costs, _ in published],  # as they were tested
                [theirs for _, theirs in published],
                [_colour(costs) for costs, _ in published],
            ),
            "trade",
            *(costs.name for costs, _ in published),
            current(),
        ),
        config=theme.save_as("accuracy-over-macs"),
        key="architectures_trade",
    )
    st.caption(tr("The area of a disc is the network's number of parameters."))


def _with_reported(
    networks: Sequence[Costs], reported: dict[str, Reported | None]
) -> list[tuple[Costs, Reported]]:
    """Pair networks with what torchvision reports of them; leave out those it says nothing of."""
    return [
        (costs, published) for costs in networks if (published := reported[costs.name]) is not None
    ]


def _draw_bars(
    name: str,
    titles: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    exact: Sequence[str],
    colours: Sequence[str],
    longest: float | None = None,
) -> None:
    charts.draw(
        cache.once(
            lambda: figures.amounts(
                titles, values, texts=texts, exact=exact, colours=colours, longest=longest
            ),
            "amounts",
            *(tuple(each) for each in (titles, values, texts, exact, colours)),
            longest,
            current(),
        ),
        config=theme.save_as(name),
        key=f"architectures_{name}",
    )


def _draw_table(networks: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    """Draw the table, and offer it as CSV."""
    st.header(tr("Everything in one table"), anchor=False)
    rows = [_row(costs, reported[costs.name]) for costs in networks]
    # A network's numbers stand below each other, so that none is off the edge of a narrow screen.
    numbers = [name for name in _COLUMNS if name != "network"]
    texts = {
        costs.name: [_text(name, row[name]) for name in numbers]
        for costs, row in zip(networks, rows, strict=True)
    }
    tables.draw(
        {"what": [tr(_COLUMNS[name]) for name in numbers], **texts},
        height="content",
        width="content",
        config={
            "what": st.column_config.TextColumn("", pinned=True, width=200),
            **{
                costs.name: st.column_config.TextColumn(state.plain(costs.title), alignment="right")
                for costs in networks
            },
        },
        key="architectures_costs",
    )
    exports.save_button(
        tr("Save as CSV"),
        lambda: exports.table(list(_COLUMNS), [[row[key] for key in _COLUMNS] for row in rows]),
        f"costs-{'-'.join(costs.name for costs in networks)}-{networks[0].input_size}.csv",
        key="architectures_save_costs",
    )


def _text(name: str, number: float | None) -> str:
    """Write a number of the table; shares are in per cent already."""
    if number is None:
        return "–"
    if name in ("decoder_share", "top1", "top5"):
        return percent(number / 100, 1)
    if name == "year":
        return str(number)
    return numeral(str(number)) if isinstance(number, float) else grouped(number)


def _row(costs: Costs, reported: Reported | None) -> dict[str, Any]:
    parts = {part: costs.part(part).parameters for part in ("encoder", "decoder", "auxiliary")}
    main = parts["encoder"] + parts["decoder"]
    return {
        "network": costs.title,
        "parameters": costs.parameters,
        "parameters_with_auxiliary": costs.parameters_with_auxiliary,
        **parts,
        "decoder_share": 100 * parts["decoder"] / main if main else None,
        "macs": costs.macs,
        "activation_bytes": costs.activation_bytes,
        "depth": costs.depth,
        "top1": 100 * reported.top1 if reported else None,
        "top5": 100 * reported.top5 if reported else None,
        "reported_parameters": reported.parameters if reported else None,
        "reported_gflops": reported.gigamacs if reported else None,
        "year": spec(costs.name).year,
    }


def _draw_conventions(networks: Sequence[Costs], reported: dict[str, Reported | None]) -> None:
    """Say what is counted, and compare it with what torchvision publishes."""
    with st.expander(tr("How this is counted")):
        st.markdown("\n".join(f"- {tr(convention)}" for convention in _CONVENTIONS))
        published = _with_reported(networks, reported)
        for costs, theirs in published:
            usual = cache.costs(costs.name)
            text = findings.published_text(costs, usual.macs, usual.input_size, theirs)
            st.markdown(text)
        if published:
            st.caption(
                tr(
                    "What torchvision calls GFLOPS are billions of MACs: "
                    "half of the floating-point operations."
                )
            )
