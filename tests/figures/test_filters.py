"""The chart of a layer's norms."""

import pytest
import torch

from convviz.features.filters import Filters
from convviz.figures.filters import norms
from convviz.structure.layers import Layer

LAYER = Layer("conv", "conv", "convolution", "block 1", (300, 4, 4), 0, False, None, (), True)


@pytest.mark.parametrize("channel", [0, 150, 299])
def test_the_chosen_filter_is_pointed_to_from_above_all_bars(channel: int) -> None:
    kernels = torch.arange(1.0, 301.0).reshape(300, 1, 1, 1)
    taken = Filters(LAYER, "conv", kernels, 1, kernels.flatten())
    order = taken.order("norm").tolist()
    figure = norms(taken, order, channel)
    (arrow,) = figure.layout.annotations
    assert arrow.text == f"filter {channel}"
    assert order[arrow.x] == channel
    assert arrow.y == figure.data[0].y[arrow.x] == channel + 1
    assert arrow.ay > max(figure.data[0].y)
    assert figure.layout.yaxis.range[1] >= arrow.ay
