from convviz.features.ablation import Change
from convviz.features.activations import LayerSummary
from convviz.figures import theme
from convviz.figures.activations import changes, empty_by_depth
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


def test_each_layer_is_named_under_its_bar() -> None:
    axis = empty_by_depth(SUMMARIES, "l0").layout.xaxis
    assert list(axis.tickvals) == [0, 1, 2]
    assert list(axis.ticktext) == ["L0", "L1", "L2"]


def test_of_many_layers_stages_are_named_under_the_middle_of_theirs() -> None:
    many = [summary(index, f"block {index // 10}", 0) for index in range(40)]
    axis = empty_by_depth(many, "l0").layout.xaxis
    assert list(axis.tickvals) == [4.5, 14.5, 24.5, 34.5]
    assert list(axis.ticktext) == ["block 0", "block 1", "block 2", "block 3"]


def test_a_layer_without_empty_channels_has_a_line_to_see_and_to_click() -> None:
    (bars,) = empty_by_depth(SUMMARIES, "l1").data
    assert bars.marker.line.width > 0
    assert list(bars.marker.line.color) == list(bars.marker.color)


def test_the_layer_whose_maps_are_shown_is_marked() -> None:
    changed = [
        Change(each.layer, share) for each, share in zip(SUMMARIES, (0, 0.5, 1), strict=True)
    ]
    figure = changes(changed, "l1")
    (bars,) = figure.data
    assert list(bars.marker.pattern.shape) == ["", "/", ""]
    assert [(note.x, note.text) for note in figure.layout.annotations] == [(1, "shown below")]


def test_no_layers_make_an_empty_chart() -> None:
    figure = empty_by_depth([], "l0")
    low, high = figure.layout.yaxis.range
    assert high == 0.05
    assert -0.001 < low <= 0
