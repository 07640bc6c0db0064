from convviz.features.activations import LayerSummary
from convviz.figures import theme
from convviz.figures.activations import empty_by_depth
from convviz.structure.layers import Layer


def summary(index: int, stage: str, empty: int) -> LayerSummary:
    layer = Layer(f"l{index}", f"L{index}", "ReLU", stage, (10, 4, 4), index, False, None, (), True)
    return LayerSummary(layer, 10, empty, empty / 10)


SUMMARIES = [summary(0, "block 1", 0), summary(1, "block 1", 1), summary(2, "inception3a", 4)]


def test_one_bar_per_layer_in_order_with_its_share() -> None:
    (bars,) = empty_by_depth(SUMMARIES, "l1").data
    assert list(bars.y) == [0, 0.1, 0.4]
    assert [texts[1] for texts in bars.customdata] == ["l0", "l1", "l2"]


def test_the_layer_looked_at_is_told_apart_by_pattern_and_name_too() -> None:
    figure = empty_by_depth(SUMMARIES, "l1")
    (bars,) = figure.data
    assert list(bars.marker.color) == [theme.ACCENT, theme.VERMILION, theme.ACCENT]
    assert list(bars.marker.pattern.shape) == ["", "/", ""]
    assert [note.text for note in figure.layout.annotations] == ["L1"]


def test_a_layer_that_is_not_in_the_chart_points_nothing_out() -> None:
    figure = empty_by_depth(SUMMARIES, "classifier")
    assert not figure.layout.annotations


def test_stages_stand_under_the_middle_of_their_layers() -> None:
    axis = empty_by_depth(SUMMARIES, "l0").layout.xaxis
    assert list(axis.tickvals) == [0.5, 2]
    assert list(axis.ticktext) == ["block 1", "3a"]


def test_no_layers_make_an_empty_chart() -> None:
    figure = empty_by_depth([], "l0")
    assert tuple(figure.layout.yaxis.range) == (0, 0.05)
