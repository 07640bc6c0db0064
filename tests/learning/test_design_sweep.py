"""A sweep's variants, in what order they are trained, and which of them nothing beats."""

from itertools import product
from typing import Any

import pytest

from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from convviz.learning.design_results import DesignSettings
from convviz.learning.design_sweep import (
    best_front,
    cut_points,
    join_points,
    plan_sweep,
    train_points,
)
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


def test_points_are_trained_together_or_each_on_a_machine_and_go_on_where_they_stopped() -> None:
    settings = DesignSettings(epochs=1, seconds=None, seeds=1)
    sweep = plan_sweep(SMALL, [("width", (0.25, 0.5, 1.0))], settings)
    assert (sweep.open, sweep.trained, sweep.front("macs")) == ((0, 1, 2), (), ())
    arguments: dict[str, Any] = {
        "points": tuple((place, sweep.points[place].design) for place in sweep.open),
        "dataset": shapes(per_class=8),
        "settings": settings,
    }
    items = list(train_points(stop=lambda: False, **arguments))
    fractions = [item.fraction for item in items]
    assert fractions == sorted(fractions)
    assert (fractions[-1], len(items[-1].over)) == (1.0, 3)
    assert items[-1].nbytes > 0
    (first, comparison), *_ = items[-1].points
    assert first == 0
    assert (comparison.results[0].source, comparison.results[0].gradients) == ("", ())
    assert comparison.linear is None  # it would be the same for each point
    whole = sweep.with_results(items[-1])
    assert whole.open == ()
    assert [point.cost("parameters") for point in whole.trained] == [
        count_design(point.design).parameters for point in whole.points
    ]
    assert 1 <= len(whole.front("parameters")) <= 3

    count, parts = cut_points(arguments, 2)
    newest = [list(train_points(stop=lambda: False, **part))[-1] for part in parts]
    joined = join_points(count, newest)
    assert joined is not None
    accuracies = [point.accuracy for point in sweep.with_results(joined).points]
    assert accuracies == [point.accuracy for point in whole.points]
    assert join_points(count, [None, None, None]) is None
    partly = join_points(count, [None, newest[1], None])
    assert partly is not None
    assert (partly.fraction, sweep.with_results(partly).open) == (pytest.approx(1 / 3), (0, 2))


def test_a_stopped_point_is_trained_again() -> None:
    settings = DesignSettings(epochs=1, seconds=None, seeds=1)
    sweep = plan_sweep(SMALL, [("width", (0.25, 0.5))], settings)
    points = tuple((place, sweep.points[place].design) for place in sweep.open)
    begun: list[int] = []

    def stop() -> bool:
        return len(begun) > 1

    for item in train_points(
        stop=stop, points=points, dataset=shapes(per_class=8), settings=settings
    ):
        begun[:] = [place for place, _ in item.points]
    assert begun == [0, 1]
    assert sweep.with_results(item).open == (1,)
