"""Charts of the page Transfer learning: the numbers in them, and what they say on hovering."""

import pytest

from convviz.figures import transfer as figures


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
