"""The loss curve, as a drawing and as a figure, and what survives with depth."""

import math
import xml.etree.ElementTree as ElementTree

import pytest

from convviz.figures import reconstruction as figures


def points(drawing: str) -> list[tuple[float, ...]]:
    root = ElementTree.fromstring(drawing)
    line = next(root.iter("polyline"))
    return [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]


def test_the_drawing_is_well_formed_and_falls_with_the_loss() -> None:
    drawn = points(figures.loss_drawing([1, 2, 3], [1.0, 0.1, 0.01]))
    (x1, y1), (x2, y2), (x3, y3) = drawn
    assert x1 < x2 < x3
    # Equal factors are equal distances on a logarithmic axis; down is a larger y.
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.11)
    assert y2 > y1


@pytest.mark.claims(
    "convviz.figures.reconstruction.loss_drawing", "convviz.figures.reconstruction._svg"
)
@pytest.mark.parametrize(
    ("steps", "losses", "first", "last"),
    [
        ([1, 50], [2.0, 0.05], "2", "0.05 at step 50"),
        ([1, 2, 3], [0.0, 0.4, math.nan], "0.4", "0.4 at step 2"),
        ([7], [1e-9], "1e-09", "1e-09 at step 7"),
        ([1, 2], [1.0, 3.0], "1", "3 at step 2"),
    ],
)
def test_the_drawing_says_where_the_drawn_losses_begin_and_end(
    steps: list[int], losses: list[float], first: str, last: str
) -> None:
    label = ElementTree.fromstring(figures.loss_drawing(steps, losses)).attrib["aria-label"]
    assert label == f"Loss curve: {first} at first, {last}"


def test_the_drawing_names_its_decades_and_says_what_it_shows() -> None:
    drawing = figures.loss_drawing([1, 50], [2.0, 0.05])
    for label in (">10<", ">1<", ">0.1<", ">0.01<", ">50<"):
        assert label in drawing
    assert "2 at first, 0.05 at step 50" in drawing


@pytest.mark.parametrize("losses", [[], [0.0], [math.nan, math.inf]])
def test_without_a_drawable_loss_there_is_an_empty_drawing(losses: list[float]) -> None:
    drawing = figures.loss_drawing(range(len(losses)), losses)
    assert ElementTree.fromstring(drawing).attrib["aria-label"] == "No loss yet"
    assert len(figures.loss(range(len(losses)), losses).data[0].x) == 0


def test_one_point_and_equal_losses_can_be_drawn() -> None:
    assert len(points(figures.loss_drawing([1], [0.3]))) == 1
    assert len(points(figures.loss_drawing([1, 2], [1.0, 1.0]))) == 2


def test_the_figure_has_a_logarithmic_axis_and_marks_the_step_shown() -> None:
    figure = figures.loss([1, 2, 3], [1.0, 0.0, 0.01], at=3)
    assert figure.layout.yaxis.type == "log"
    assert list(figure.data[0].x) == [1, 3]
    assert figure.layout.shapes[0].x0 == 3
    assert not figures.loss([1, 2], [1.0, 0.1]).layout.shapes


def test_survival_shows_both_lines_and_leaves_gaps_open() -> None:
    figure = figures.survival(["a", "b"], [1.0, 0.9], [0.8, None])
    assert [line.name for line in figure.data] == ["layout", "detail"]
    assert list(figure.data[1].y) == [0.8, None]
    low, high = figure.layout.yaxis.range
    assert low < 0
    assert high > 1
    assert figures.survival(["a"], [-0.4], [0.0]).layout.yaxis.range[0] < -0.4


def test_answers_are_drawn_over_the_steps_with_the_marked_one() -> None:
    figure = figures.answers([0, 3, 9], [-1.0, 0.5, 2.0], at=3)
    assert list(figure.data[0].x) == [0, 3, 9]
    assert list(figure.data[0].y) == [-1.0, 0.5, 2.0]
    assert figure.layout.shapes[0].x0 == 3
