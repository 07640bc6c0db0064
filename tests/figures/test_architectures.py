"""Figures of the page Architectures: the numbers in them, and that colour is not all they use."""

import pytest

from convviz.figures import architectures, lessons, theme
from convviz.lessons.bottleneck import bottleneck
from convviz.lessons.inception import inception_modules
from convviz.lessons.pooling import classifiers
from convviz.lessons.printed_figures import reported as reported_figures
from convviz.lessons.stacking import replacing
from convviz.networks.registry import spec
from convviz.structure import costs


@pytest.fixture(scope="module")
def counted() -> list[costs.Costs]:
    return [costs.count(spec(name)) for name in ("alexnet", "vgg16", "googlenet")]


@pytest.mark.claims(
    "convviz.figures.architectures.parameters", "convviz.figures.architectures._share"
)
def test_a_bar_says_its_share_of_what_is_kept_and_of_what_is_trained(
    counted: list[costs.Costs],
) -> None:
    figure = architectures.parameters(counted, log=False)
    encoder, decoder, auxiliary = (trace for trace in figure.data if trace.type == "bar")
    assert encoder.customdata[2][1] == f"{100 * 5_599_904 / 6_624_904:.1f} % of the network"
    assert decoder.customdata[2][1] == f"{100 * 1_025_000 / 6_624_904:.1f} % of the network"
    share = f"{100 * 6_379_984 / 13_004_888:.1f} %"
    assert auxiliary.customdata[2][1] == f"{share} of what is trained, none of what is kept"
    assert "%{customdata[0]} parameters, %{customdata[1]}" in auxiliary.hovertemplate


@pytest.mark.claims("convviz.figures.lessons.stack_against_single")
def test_a_bar_of_weights_says_what_it_sees_and_weighs() -> None:
    figure = lessons.stack_against_single([replacing(k) for k in (3, 5)], 3)
    single, stack = figure.data
    assert (list(single.y), list(stack.y)) == ([9, 25], [9, 2 * 9])
    assert list(single.x) == ["3×3", "5×5"]
    for trace in figure.data:
        assert trace.hovertemplate.startswith(f"sees %{{x}}<br>{trace.name}: %{{y}} weights")


def test_parameters_are_stacked_only_where_lengths_add_up(counted: list[costs.Costs]) -> None:
    linear = architectures.parameters(counted, log=False)
    assert linear.layout.barmode == "stack"
    bars = [trace for trace in linear.data if trace.type == "bar"]
    assert [bar.name.split(" ")[0] for bar in bars] == ["Encoder", "Decoder", "Auxiliary"]
    assert len({bar.marker.pattern.shape for bar in bars}) == 3
    totals = [sum(values) for values in zip(*(bar.x for bar in bars), strict=True)]
    assert totals == [61_100_840, 138_357_544, 13_004_888]
    assert list(bars[1].customdata[0]) == ["58,631,144", "96.0 % of the network"]
    written = next(trace for trace in linear.data if trace.type == "scatter")
    said = [text.replace("\u2002", "") for text in written.text]
    assert said == ["61.1 M", "138.4 M", "6.6 M,<br>13.0 M with heads"]
    log = architectures.parameters(counted, log=True)
    assert log.layout.barmode == "group"
    assert log.layout.xaxis.type == "log"
    assert log.data[2].x == (None, None, 6_379_984)  # no bar for nothing: log 0 is no place


def test_parts_that_nobody_has_are_left_out(counted: list[costs.Costs]) -> None:
    figure = architectures.parameters(counted[:2], log=False)
    assert "Auxiliary" not in "".join(str(trace.name) for trace in figure.data)


@pytest.mark.claims("convviz.figures.architectures.trade")
def test_amounts_and_trade(counted: list[costs.Costs]) -> None:
    figure = architectures.amounts(["a", "b"], [1, 4], texts=["one", "four"], exact=["1", "4"])
    assert list(figure.data[0].x) == [1, 4]
    reported = [reported_figures(spec(each.name)) for each in counted]
    known = [one for one in reported if one is not None]
    figure = architectures.trade(counted, known)
    assert list(figure.data[0].y) == [one.top1 for one in known]
    assert figure.data[0].marker.size == (61_100_840, 138_357_544, 6_624_904)
    hover = figure.data[0].hovertemplate
    assert "top-1 accuracy %{customdata[2]}<br>" in hover
    assert "%{customdata[1]} MACs<br>%{customdata[0]} parameters" in hover
    assert [row[0] for row in figure.data[0].customdata] == [
        "61,100,840",
        "138,357,544",
        "6,624,904",
    ]


def test_figures_can_be_saved() -> None:
    options = theme.save_as("costs")
    assert options["modeBarButtons"] == [["toImage"]]
    assert options["toImageButtonOptions"]["filename"] == "costs"


def test_lessons_draw_their_numbers(counted: list[costs.Costs]) -> None:
    figure = lessons.stack_against_single([replacing(k) for k in (3, 5, 7)], 5)
    assert [list(trace.y) for trace in figure.data] == [[9, 25, 49], [9, 18, 27]]
    result = bottleneck(14, 14, 480, 16, 48, 5)
    figure = lessons.break_even(result)
    line = dict(zip(figure.data[0].x, figure.data[0].y, strict=True))
    assert line[16] == result.bottleneck_macs
    assert figure.data[1].y[0] == result.direct_macs
    modules = inception_modules(counted[2])
    figure = lessons.module_savings(modules)
    assert list(figure.data[1].y) == [module.cost.macs for module in modules]
    figure = lessons.classifiers([classifiers(each) for each in counted])
    assert figure.data[0].x[0] + figure.data[1].x[1] == 2_726_696  # AlexNet with GAP
    rows = list(figure.data[0].y)  # GoogLeNet's classifier is the averaging one: it has one row
    assert sum(row.startswith("GoogLeNet") for row in rows) == 1
    assert len(rows) == 5
