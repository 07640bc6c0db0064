"""A sweep's variants, in what order they are trained, and which of them nothing beats."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from convviz.datasets.shapes import shapes
from convviz.errors import SettingError
from convviz.learning.design_comparison import compare_designs
from convviz.learning.design_results import DesignSettings
from convviz.learning.design_sweep import (
    best_front,
    cut_points,
    join_points,
    plan_sweep,
    train_points,
)
from convviz.networks.design import Design
from convviz.networks.design_module import place_blocks
from convviz.networks.design_variants import vary
from convviz.structure.design_costs import count_design

SMALL = Design.parse(
    "name small\ninput 3x32x32\nconv 8 3x3 p1\nrelu\nconv 16 5x5 p2 g2\nrelu\nconv 4 1x1\n"
    "inception 4 2>4 2>4 >4\ngap\nfc 6"
)
FEW = shapes(per_class=8)


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
    for lines in ("conv 4 1x1", "inception 4 2>4 2>4 >4", "relu"):
        with pytest.raises(SettingError, match="no line “conv” has one larger than 1×1, and those"):
            vary(Design.parse(f"input 3x32x32\n{lines}\ngap"), (("kernel", 5.0),))


@pytest.mark.parametrize(
    ("lines", "factor", "narrow"),
    [
        # Depthwise: as many groups as channels come, whatever the width.
        (
            "conv 8 3x3 p1; relu; conv 8 3x3 p1 g8; conv 16 1x1; gap; fc 6",
            *(0.25, "conv 2 3x3 p1; relu; conv 2 3x3 p1 g2; conv 4 1x1; gap; fc 6"),
        ),
        (
            "conv 8 3x3; conv 24 3x3 g8; gap; fc 6",
            *(2, "conv 16 3x3; conv 48 3x3 g16; gap; fc 6"),
        ),
        # Half of 6 is 3, which two groups do not divide: the multiple of 2 that is closest, 4.
        (
            "conv 6 3x3; batchnorm; conv 6 3x3 g2; gap; fc 6",
            *(0.5, "conv 4 3x3; batchnorm; conv 4 3x3 g2; gap; fc 6"),
        ),
        # An Inception module of 4 branches with a channel each, where there were 16 channels.
        (
            "inception 4 4 4 >4; conv 24 1x1 g8; gap; fc 6",
            *(0.25, "inception 1 1 1 >1; conv 8 1x1 g4; gap; fc 6"),
        ),
        ("conv 8 3x3; conv 6 1x1 g2; gap", 0.1, "conv 2 3x3; conv 6 1x1 g2; gap"),
        ("conv 9 3x3; conv 9 1x1 g9; gap", 0.5, "conv 4 3x3; conv 9 1x1; gap"),
    ],
)
def test_groups_follow_the_width(lines: str, factor: float, narrow: str) -> None:
    design = Design.parse("\n".join(["input 3x32x32", *lines.split("; ")]))
    changed = vary(design, (("width", factor),))
    assert "; ".join(texts(changed)[1:]) == narrow
    assert place_blocks(changed).classes == place_blocks(design).classes


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_where_there_is_nothing_to_widen_it_is_said_for_every_width(factor: float) -> None:
    with pytest.raises(SettingError, match="nothing to widen"):
        vary(Design.parse("input 3x32x32\nconv 6 1x1\ngap"), (("width", factor),))


def test_variants_are_named_after_their_values() -> None:
    assert vary(SMALL, (("width", 0.5), ("kernel", 3.0))).name == "small, width 0.5, kernel 3"
    long = replace(SMALL, name="as long as a name may be, and a bit more")
    named = vary(long, (("kernel", 3.0),))
    assert named.name == "as long as a name may be, and, kernel 3"
    assert Design.parse(named.text).name == named.name


def test_two_values_make_all_combinations() -> None:
    axes = [("width", (0.5, 1.0)), ("depth", (1.0, 2.0))]
    sweep = plan_sweep(SMALL, axes, DesignSettings(), FEW)
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
        plan_sweep(SMALL, axes, DesignSettings(), FEW)


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
    sweep = plan_sweep(SMALL, [("width", (0.25, 0.5, 1.0))], settings, FEW)
    assert (sweep.open, sweep.trained, sweep.front("macs")) == ((0, 1, 2), (), ())
    arguments: dict[str, Any] = {
        "points": tuple((place, sweep.points[place].design) for place in sweep.open),
        "dataset": FEW,
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
    sweep = plan_sweep(SMALL, [("width", (0.25, 0.5))], settings, FEW)
    points = tuple((place, sweep.points[place].design) for place in sweep.open)
    begun: list[int] = []

    def stop() -> bool:
        return len(begun) > 1

    for item in train_points(stop=stop, points=points, dataset=FEW, settings=settings):
        begun[:] = [place for place, _ in item.points]
    assert begun == [0, 1]
    assert sweep.with_results(item).open == (1,)


def test_variants_that_cannot_be_trained_are_left_out_with_the_reason() -> None:
    # 3 · 32² · 9 · C multiply–accumulates, and 32² · 9 · C² for the second: of 240, 538 million.
    wide = Design.parse("name w\ninput 3x32x32\nconv 80 3x3 p1\nconv 80 3x3 p1\ngap\nfc 10")
    sweep = plan_sweep(wide, [("width", (0.5, 1.0, 3.0))], DesignSettings(), FEW)
    assert [point.values for point in sweep.points] == [(("width", 0.5),), (("width", 1.0),)]
    (left,) = sweep.left_out
    macs = 1024 * 9 * (3 * 240 + 240 * 240) + 240 * 6
    assert left.values == (("width", 3.0),)
    assert left.reason.startswith(f"the network has {macs:,} MACs an image")
    assert "“conv 240 3x3 p1” has the largest share" in left.reason
    with pytest.raises(SettingError, match="No variant can be trained here: the network has"):
        plan_sweep(wide, [("width", (3.0,))], DesignSettings(), FEW)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("input 2x32x32\nconv 4 3x3\ngap\nfc 6", "three colours or grey"),
        ("input 3x32x32\nconv 4 3x3\ninception 1 1 1 >1\ngap", "end the design with “fc 6”"),
    ],
)
def test_what_no_variant_can_be_trained_with_is_said_before_a_run(text: str, sentence: str) -> None:
    design = Design.parse(text)
    with pytest.raises(SettingError, match=sentence):
        plan_sweep(design, [("width", (0.5, 1.0))], DesignSettings(), FEW)
    points = ((0, SMALL), (1, design))
    with pytest.raises(SettingError, match=sentence):  # at the call, with nothing trained
        train_points(stop=lambda: False, points=points, dataset=FEW, settings=DesignSettings())


def test_a_narrow_variant_of_grouped_convolutions_is_trained() -> None:
    depthwise = Design.parse("input 3x32x32\nconv 8 3x3 /4\nrelu\nconv 8 3x3 g8\nrelu\ngap\nfc 6")
    narrow = vary(depthwise, (("width", 0.25),))
    settings = DesignSettings(epochs=1, seconds=None, seeds=1)
    *_, last = compare_designs([narrow], FEW, settings, keep=False, baseline=False)
    assert last.results[0].parameters == 2 * 28 + 2 * 10 + 6 * 3


def test_how_long_a_sweep_may_take_is_known_where_each_training_has_its_time() -> None:
    settings = DesignSettings(seconds=3, seeds=2)
    points = [(place, vary(SMALL, (("width", width),))) for place, width in enumerate((0.5, 1.0))]
    first = next(train_points(stop=lambda: True, points=points, dataset=FEW, settings=settings))
    assert (first.most_seconds, first.points[0][1].most_seconds) == (12, 6)
    epochs = DesignSettings(epochs=1, seconds=None)
    first = next(train_points(stop=lambda: True, points=points, dataset=FEW, settings=epochs))
    assert first.most_seconds is None
