"""The numbers in the figures of the page Evidence."""

from convviz.features.class_target import ClassTarget
from convviz.features.corruption import CorruptionStep
from convviz.features.deletion import Curve
from convviz.figures import evidence


def test_curves_show_the_map_s_and_the_shuffled_maps_probabilities() -> None:
    shares = (0.0, 0.5, 1.0)
    one, others = Curve(shares, (0.9, 0.2, 0.1)), [Curve(shares, (0.9, 0.6, 0.1))] * 2
    figure = evidence.curves(one, others, "deleted")
    *shuffled, map_curve = figure.data
    assert list(map_curve.y) == [0.9, 0.2, 0.1]
    assert list(map_curve.x) == list(shares)
    assert [list(each.y) for each in shuffled] == [[0.9, 0.6, 0.1]] * 2
    assert [each.showlegend for each in figure.data] == [True, False, True]
    assert map_curve.line.dash != shuffled[0].line.dash
    assert figure.layout.xaxis.title.text == "Pixels deleted"
    assert figure.layout.yaxis.range[1] > 0.9


def test_the_curve_over_a_range_marks_the_value_that_is_set() -> None:
    step = CorruptionStep(
        "blur", ClassTarget(0), (0.0, 5.0, 10.0), (3.0, 1.0, -1.0), (0.9, 0.5, 0), 3
    )
    figure = evidence.corruption("blur", 5.0, step)
    assert list(figure.data[0].y) == [3.0, 1.0, -1.0]
    assert list(figure.data[0].x) == [0.0, 5.0, 10.0]
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 5.0
    assert figure.layout.xaxis.title.text == "Blur, % of the side"


def test_a_curve_that_grows_lies_over_the_one_before_it_in_a_chart_that_stands_still() -> None:
    target = ClassTarget(0)
    before = CorruptionStep("blur", target, (0.0, 10.0), (3.0, -1.0), (0.9, 0.1), 2)
    some = CorruptionStep("blur", target, (0.0, 10.0), (2.0, -2.0), (0.8, 0), 21)
    nothing, only_before, both = (
        evidence.corruption("blur", 5.0, step, older)
        for step, older in ((None, None), (None, before), (some, before))
    )
    assert [len(each.data) for each in (nothing, only_before, both)] == [0, 1, 2]
    assert [list(each.y) for each in both.data] == [[3.0, -1.0], [2.0, -2.0]]
    assert both.data[0].line.color != both.data[1].line.color
    ranges = {tuple(each.layout.xaxis.range) for each in (nothing, only_before, both)}
    assert len(ranges) == 1
    assert min(ranges)[0] < 0
    assert min(ranges)[1] > 10
