"""Charts of the page Transfer learning: the numbers in them, and what they say on hovering."""

import pytest
import torch
from scipy.stats import binomtest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.figures import transfer as figures
from convviz.learning.separation import ProbeAnswers, Separation, StageSeparation
from convviz.networks.registry import spec
from convviz.structure.layers import layers


@pytest.mark.claims("convviz.figures.transfer.curves")
def test_each_curve_names_its_own_loss() -> None:
    figure = figures.curves([0, 1, 2], [None, 0.5, 0.25], [0.7, 0.6, 0.9])
    training, validation = figure.data
    assert list(training.y) == [None, 0.5, 0.25]
    assert list(validation.y) == [0.7, 0.6, 0.9]
    assert "training loss %{y:.3f}" in training.hovertemplate
    assert "validation loss %{y:.3f}" in validation.hovertemplate


def test_guessing_is_a_line_at_the_largest_classs_share() -> None:
    figure = figures.accuracies([0, 1], [0.5, 0.94], 0.92)
    (line,) = figure.layout.shapes
    assert (line.y0, line.y1) == (0.92, 0.92)
    assert list(figure.data[0].y) == [0.5, 0.94]


def test_bars_are_the_accuracies() -> None:
    figure = figures.compared(["a", "b"], [1.0, 0.25], [2.0, 3.4])
    assert list(figure.data[0].x) == [1.0, 0.25]
    assert list(figure.data[0].text) == ["<b>100.0 %</b>", "<b>25.0 %</b>"]


@pytest.mark.claims("convviz.figures.transfer.separation")
def test_stages_have_accuracies_with_their_intervals() -> None:
    first, second = layers(spec("alexnet"))[:2]
    yes, no = ProbeAnswers((True, True), (True, False)), ProbeAnswers((False, False), (False, True))
    features = torch.zeros(2, 1)
    dataset = Dataset("set", ("a", "b"), shapes(per_class=2).images, (0, 1))
    stages = (
        StageSeparation(first, features, no, features, no),
        StageSeparation(second, features, yes, features, no),
    )
    separation = Separation("alexnet", "AlexNet", "own", dataset, (0, 1), ((0,), (1,)), 8, stages)
    figure = figures.separation(separation)
    assert [trace.name for trace in figure.data] == [
        *("trained, linear probe", "trained, class mean"),
        *("untrained, linear probe", "untrained, class mean"),
    ]
    assert [list(trace.y) for trace in figure.data] == [[0.5, 0.5], [0, 1], [0.5, 0.5], [0, 0]]
    assert list(figure.data[0].x) == [first.title, second.title]
    ends = binomtest(1, 2).proportion_ci(method="wilson")
    assert figure.data[0].error_y.array[0] == pytest.approx(ends.high - 0.5)
    assert figure.data[0].error_y.arrayminus[0] == pytest.approx(0.5 - ends.low)
    assert "trained encoder, linear probe: %{customdata[0]}" in figure.data[0].hovertemplate
    assert list(figure.data[0].customdata[0]) == ["50.0 %", "9.5 %", "91 %"]
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (0.5, 0.5)
