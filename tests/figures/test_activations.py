import pytest
import torch

from convviz.features.activations import LayerSummary
from convviz.features.arithmetic_steps import WeightedSum
from convviz.figures import activations, theme
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


def weighted_sum(side: int, largest: float) -> WeightedSum:
    """Return a sum over one channel whose kernel falls from `largest` to −`largest`."""
    kernel = torch.linspace(largest, -largest, side * side).reshape(1, side, side)
    patch = torch.ones(1, side, side)
    inside = torch.ones(side, side, dtype=torch.bool)
    inside[0] = False
    patch[0, 0] = 0
    return WeightedSum("", 0, patch, inside, kernel, 0.0, has_bias=False)


@pytest.mark.parametrize("side", [1, 3, 7, 11])
@pytest.mark.parametrize("largest", [0.0023, 0.25, 3.0, 42.0])
def test_the_numbers_of_a_kernel_fit_into_their_cells(side: int, largest: float) -> None:
    stage = weighted_sum(side, largest)
    drawn = activations.products(stage, 0).data
    assert len(drawn) == 3
    for trace, part in zip(drawn, (stage.patch, stage.kernel, stage.products), strict=True):
        assert trace.texttemplate == "%{text}"
        longest = max(len(text) for row in trace.text for text in row)
        # A digit is 0.58 of its size wide; at 1440 pixels three parts of 310 stand in a row.
        assert 7 <= trace.textfont.size <= 16
        assert 0.58 * trace.textfont.size * longest <= max(310 / side, 0.58 * 7 * longest)
        rows = zip(trace.text, trace.customdata, part[0].tolist(), strict=True)
        for texts, exact, values in rows:
            for text, said, value in zip(texts, exact, values, strict=True):
                if text == "·":
                    assert said == "padding"
                    continue
                assert float(said) == pytest.approx(value, rel=1e-5)
                top = max(abs(number) for number in part.flatten().tolist())
                assert abs(float(text) - value) <= 0.051 * top


def test_padding_is_a_dot_and_the_first_row_is_row_1() -> None:
    patch, kernel, products = activations.products(weighted_sum(3, 0.25), 0).data
    assert list(patch.text[0]) == ["·"] * 3
    assert list(products.text[0]) == ["·"] * 3
    assert list(kernel.text[0]) == [".25", ".19", ".12"]
    assert list(kernel.y) == [1, 2, 3]
    assert "row %{y}, column %{x}: %{customdata}" in kernel.hovertemplate
