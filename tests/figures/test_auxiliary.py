"""Figures of two trainings side by side: what is in them, and that their scale stays."""

import math
from dataclasses import replace

import pytest

from convviz.figures import auxiliary
from convviz.learning.auxiliary import Moment, Standing
from convviz.learning.config import Validation
from convviz.learning.gradients import LayerGradient
from convviz.learning.significance import PairedComparison


def moment(step: int, norm: float, loss: float | None) -> Moment:
    stages = tuple(
        LayerGradient(name, name, norm / 10, norm, 1.0) for name in ("conv1", "inception4a", "fc")
    )
    one, two = (Standing(loss, Validation(1.0, share), 0.0) for share in (0.5, 0.25))
    return Moment(step, stages, one, two, PairedComparison(1, 1, 0, 2))


MOMENTS = (moment(0, 1e-3, None), moment(20, 2.0, 1.5))


def test_losses_begin_after_the_first_steps() -> None:
    figure = auxiliary.losses(MOMENTS, 1.79, 40)
    assert [list(trace.x) for trace in figure.data] == [[20], [20]]
    assert {trace.line.dash for trace in figure.data} == {"solid", "dash"}
    assert figure.layout.xaxis.range[1] >= 40


def test_accuracies_of_both_networks() -> None:
    with_heads, without = auxiliary.accuracies(MOMENTS, 1 / 6, 40).data
    assert list(with_heads.y) == [0.5, 0.5]
    assert list(without.y) == [0.25, 0.25]


def test_the_gradients_scale_is_that_of_all_moments() -> None:
    heads = {"aux1": "inception4a"}
    first, last = (auxiliary.gradients(MOMENTS, at, heads) for at in (0, 1))
    assert first.layout.yaxis.range == last.layout.yaxis.range
    low, high = first.layout.yaxis.range
    assert low <= -4
    assert high > 0.3
    assert any(note.text == "aux1" for note in first.layout.annotations)


def test_gradients_are_drawn_where_they_are_not_nothing() -> None:
    stages = [
        LayerGradient("conv1", "conv1", 0.0, 2.0, 1.0),
        LayerGradient("inception4a", "inception4a", 1.0, 1.0, 1.0),
    ]
    figure = auxiliary.gradient_norms(stages, {"aux1": "inception4a", "aux2": "gone"})
    assert [list(trace.y) for trace in figure.data] == [[None, 1.0], [2.0, 1.0]]
    assert [note.text for note in figure.layout.annotations] == ["aux1"]


@pytest.mark.claims("convviz.figures.auxiliary.gradient_norms")
def test_what_is_pointed_at_says_the_norm_and_the_factor() -> None:
    stages = [
        LayerGradient("conv1", "conv1", 0.25, 2.0, 1.0),
        LayerGradient("fc", "fc", 3.0, 3.0, 1.0),
    ]
    without, with_heads = auxiliary.gradient_norms(stages, {}).data
    # Eight and one times as long; each trace says its own norm.
    for trace, norms in ((without, [0.25, 3.0]), (with_heads, [2.0, 3.0])):
        assert list(trace.y) == norms
        assert [list(row) for row in trace.customdata] == [["conv1", "8"], ["fc", "1"]]
        assert f"{trace.name}: %{{y:.3g}}" in trace.hovertemplate
        assert "with ÷ without: %{customdata[1]}" in trace.hovertemplate


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_has_no_place_on_a_logarithmic_axis_is_left_out(value: float) -> None:
    broken = tuple(LayerGradient(name, name, value, value, 1.0) for name in ("conv1", "fc"))
    moments = (MOMENTS[0], replace(MOMENTS[1], stages=broken))
    figure = auxiliary.gradients(moments, 1, {})
    assert [list(trace.y) for trace in figure.data] == [[None, None]] * 2
    low, high = figure.layout.yaxis.range
    # Norms of the other moment: 1e-4 and 1e-3.
    assert (low, high) == (-4, pytest.approx(-3 + 0.3))
