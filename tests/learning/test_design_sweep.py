"""A sweep's variants, in what order they are trained, and which of them nothing beats."""

from itertools import product

import pytest

from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from convviz.learning.design_comparison import (
    compare_designs,
)
from convviz.learning.design_results import (
    DesignSettings,
)
from convviz.learning.design_sweep import best_front, plan_sweep
from convviz.networks.design import Design
from convviz.networks.design_variants import vary
from convviz.structure.design_costs import count_design

SMALL = Design.parse(
    "name small\ninput 3x32x32\nconv 8 3x3 p1\nrelu\nconv 16 5x5 p2 g2\nrelu\nconv 4 1x1\n"
    "inception 4 2>4 2>4 >4\ngap\nfc 6"
)


def texts(design: Design) -> list[str]:
    return [block.text for block in design.blocks]


def test_width_scales_all_layers_but_the_last() -> None:
    assert texts(vary(SMALL, (("width", 0.25),)))[1:] == [
        *("conv 2 3x3 p1", "relu", "conv 4 5x5 p2 g2", "relu", "conv 1 1x1"),
        *("inception 1 1>1 1>1 >1", "gap", "fc 6"),
    ]
    assert vary(SMALL, (("width", 1.0),)).blocks == SMALL.blocks


def test_a_kernel_keeps_the_size_of_the_maps() -> None:
    changed = vary(SMALL, (("kernel", 7.0),))
    assert texts(changed)[1:6] == [
        *("conv 8 7x7 p3", "relu", "conv 16 7x7 p3 g2", "relu", "conv 4 1x1"),
    ]
    sizes = [block.output for block in count_design(SMALL).blocks]
    assert [block.output for block in count_design(changed).blocks] == sizes
    with pytest.raises(SettingError, match="all of them are 1×1"):
        vary(Design.parse("input 3x32x32\nconv 4 1x1\ngap"), (("kernel", 5.0),))


def test_variants_are_named_after_their_values() -> None:
    assert vary(SMALL, (("width", 0.5), ("kernel", 3.0))).name == "small, width 0.5, kernel 3"


def test_two_values_make_all_combinations() -> None:
    axes = [("width", (0.5, 1.0)), ("depth", (1.0, 2.0))]
    sweep = plan_sweep(SMALL, axes, DesignSettings())
    values = [tuple(value for _, value in point.values) for point in sweep.points]
    assert values == [(0.5, 1.0), (0.5, 2.0), (1.0, 1.0), (1.0, 2.0)]
    blocks = [len(point.design.blocks) for point in sweep.points]
    assert blocks[0] == blocks[2] < blocks[1] == blocks[3]


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ([("width", ())], "make 0 variants"),
        ([("width", (1.0,) * 5), ("kernel", (3.0,) * 6)], "make 30 variants"),
        ([("width", (1.0,)), ("width", (2.0,))], "two different ones"),
        ([], "Vary one thing"),
        ([("colour", (1.0,))], "no variation called colour"),
    ],
)
def test_what_cannot_be_varied_is_named(
    axes: list[tuple[str, tuple[float, ...]]], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        plan_sweep(SMALL, axes, DesignSettings())


def test_nothing_beats_the_front() -> None:
    costs, accuracies = (3, 1, 2, 2, 5, 4), (0.7, 0.5, 0.6, 0.4, 0.7, 0.9)
    assert best_front(costs, accuracies) == (1, 2, 0, 5)
    assert best_front((), ()) == ()
    assert best_front((1, 1), (0.5, 0.5)) == (0,)
    every = list(product(range(4), range(4)))
    front = best_front([cost for cost, _ in every], [accuracy for _, accuracy in every])
    for place in front:
        cost, accuracy = every[place]
        assert not any(
            (c <= cost and a > accuracy) or (c < cost and a >= accuracy) for c, a in every
        )


def test_a_point_is_trained_and_the_next_follows() -> None:
    settings = DesignSettings(epochs=1, seconds=None, seeds=1)
    sweep = plan_sweep(SMALL, [("width", (0.25, 0.5))], settings)
    assert (sweep.following, sweep.trained, sweep.front("macs")) == (0, (), ())
    data = shapes(per_class=8)
    for place in (0, 1):
        *_, last = compare_designs([sweep.points[place].design], data, settings, keep=False)
        assert (last.results[0].source, last.results[0].gradients) == ("", ())
        sweep = sweep.with_result(place, last)
    assert sweep.following is None
    assert [point.cost("parameters") for point in sweep.trained] == [
        count_design(point.design).parameters for point in sweep.points
    ]
    assert 1 <= len(sweep.front("parameters")) <= 2
