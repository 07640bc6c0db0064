"""The figures of compared designs show the numbers that they are given."""

from dataclasses import replace

import pytest

from convviz.figures import design_comparison as figures
from convviz.learning.design_results import (
    CurvePoint,
    DesignComparison,
    DesignResult,
    DesignRun,
    DesignSettings,
    LayerNorm,
)
from convviz.learning.design_sweep import DesignSweep, SweepPoint
from convviz.networks.design import Design

POINTS = (CurvePoint(0, 0.1, None, 0.5), CurvePoint(1, 2.5, 0.7, 0.75))


def run(seed: int, right: int) -> DesignRun:
    return DesignRun(
        seed, POINTS, correct=(True,) * right + (False,) * (10 - right), ending="epochs"
    )


def result(name: str, *runs: DesignRun) -> DesignResult:
    norms = (LayerNorm("conv1", 0.5, 2.0), LayerNorm("fc1", 0.0, float("nan")))
    return DesignResult(
        Design.parse(f"name {name}\ninput 3x32x32\nfc 2"), 1, 0, 1, 1, runs, gradients=norms
    )


COMPARISON = DesignComparison(
    DesignSettings(),
    *("set", ("a", "b"), 1, 1, 10, 0.5),
    (result("A", run(0, 4), run(1, 6)), result("B", run(0, 7), run(1, 10))),
    linear=0.25,
)


@pytest.mark.claims("convviz.figures.design_comparison.curves")
def test_curves_run_over_what_is_equal() -> None:
    timed = figures.curves(COMPARISON)
    assert [list(trace.x) for trace in timed.data] == [[0.1, 2.5]] * 4
    assert [list(trace.y) for trace in timed.data] == [[0.5, 0.75]] * 4
    assert [trace.showlegend for trace in timed.data] == [True, False, True, False]
    settings = DesignSettings(epochs=3, seconds=None)
    counted = figures.curves(replace(COMPARISON, settings=settings))
    assert list(counted.data[0].x) == [0, 1]
    assert list(counted.data[0].customdata) == ["50.0 %", "75.0 %"]
    assert "%{x:.3~g} epochs<br>%{customdata} of the validation" in counted.data[0].hovertemplate
    assert "B, seed 1<br>%{x:.3~g} s<br>" in timed.data[3].hovertemplate


@pytest.mark.claims("convviz.figures.design_comparison.accuracies")
def test_every_seed_is_a_point_and_seeds_are_joined() -> None:
    figure = figures.accuracies(COMPARISON)
    pairs = [list(trace.y) for trace in figure.data if trace.mode == "lines"]
    points = [list(trace.y) for trace in figure.data if trace.mode == "markers"]
    assert pairs == [[0.4, 0.7], [0.6, 1.0]]
    assert points == [[0.4, 0.6], [0.7, 1.0]]
    hover = [trace for trace in figure.data if trace.mode == "markers"][1]
    assert [tuple(each) for each in hover.customdata] == [(0, "70.0 %"), (1, "100.0 %")]
    assert hover.hovertemplate.startswith("B, seed %{customdata[0]}<br>%{customdata[1]} of the")
    levels = [(shape.name, shape.y0) for shape in figure.layout.shapes if shape.showlegend]
    assert levels == [("a linear classifier on pixels: 25.0 %", 0.25), ("guessing: 50.0 %", 0.5)]
    assert figure.layout.showlegend
    assert not figure.layout.annotations  # results would cross them


@pytest.mark.claims("convviz.figures.design_comparison.differences")
def test_the_interval_stands_below_the_differences() -> None:
    paired = COMPARISON.interval
    assert paired is not None
    each, mean = figures.differences(COMPARISON, paired).data
    assert list(each.x) == pytest.approx([0.3, 0.4])
    assert list(mean.x) == pytest.approx([0.35])
    assert mean.hovertemplate.startswith("mean +35.0<br>95 % interval −28.5 to +98.5")
    # Student's quantile for one degree of freedom is 12.706; the deviation is 0.1 / √2.
    assert mean.error_x.array[0] == pytest.approx(12.706 * 0.05, rel=1e-3)
    assert mean.error_x.arrayminus[0] == pytest.approx(12.706 * 0.05, rel=1e-3)


def test_gradients_that_are_no_positive_number_are_left_out() -> None:
    before, after, *_ = figures.gradients(COMPARISON).data
    assert list(before.y) == [0.5, None]
    assert list(after.y) == [2.0, None]
    assert after.customdata[1][1] == "no number"


def test_labels_at_the_edges_of_a_sweep_stand_inwards() -> None:
    points = []
    for width, parameters in ((0.25, 100), (1.0, 1_000), (3.0, 10_000)):
        design = replace(result(f"w{width}", run(0, 4 + int(width))), parameters=parameters, macs=7)
        trained = replace(COMPARISON, results=(design,))
        values = (("width", width), ("depth", 2.0))
        points.append(SweepPoint(values, design.design, trained))
    sweep = DesignSweep(DesignSettings(), tuple(points))
    front = figures.sweep(sweep, "parameters").data[1]
    assert list(front.text) == [f"width {width}, depth 2" for width in ("0.25", "1", "3")]
    assert list(front.textposition) == ["top right", "top center", "top left"]
    assert front.cliponaxis is False
    assert list(figures.sweep(sweep, "macs").data[1].textposition) == ["top center"]
