import numpy as np
import pytest
import torch
from PIL import Image

from convviz.sprites.overlay import heatmap, overlay, signed_overlay


class TestEnlarged:
    def test_each_value_becomes_a_rectangle(self) -> None:
        picture = heatmap(torch.tensor([[0.0, 1.0]]), (4, 2), "grey")
        assert np.asarray(picture)[..., 0].tolist() == [[0, 0, 255, 255]] * 2

    def test_given_limits_hold(self) -> None:
        picture = heatmap(torch.tensor([[-1.0, 1.0, 9.0]]), (3, 1), "grey", low=0, high=2)
        assert np.asarray(picture)[0, :, 0].tolist() == [0, 128, 255]

    @pytest.mark.parametrize("value", [0.0, torch.nan, -torch.inf])
    def test_a_map_of_nothing_is_dark(self, value: float) -> None:
        picture = heatmap(torch.full((2, 2), value), 2, "grey")
        assert (np.asarray(picture) == 0).all()

    def test_the_image_shows_through_where_the_channel_is_silent(self) -> None:
        image = Image.new("RGB", (40, 40), (200, 200, 200))
        values = torch.zeros(4, 4)
        values[:, 3] = 5.0
        picture = np.asarray(overlay(image, values, blend=1.0))
        assert (picture[:, :20] == 200).all()
        assert picture[20, 39].tolist() == [0xFD, 0xE7, 0x25]
        assert (np.asarray(overlay(image, values, blend=0.0)) == 200).all()


def test_gains_and_losses_have_colours_of_their_own() -> None:
    grey = Image.new("RGB", (3, 1), (100, 100, 100))
    shown = signed_overlay(grey, torch.tensor([[2.0, 0.0, -4.0]]), 2.0, blend=1.0)
    assert np.asarray(shown)[0].tolist() == [[213, 94, 0], [100, 100, 100], [0, 114, 178]]
