import numpy as np
import pytest

from convviz.errors import SettingError
from convviz.sprites.colormaps import COLORMAPS, Colormap, hex_colours, lookup


class TestColormaps:
    @pytest.mark.parametrize("colormap", COLORMAPS)
    def test_they_grow_lighter_from_low_to_high(self, colormap: Colormap) -> None:
        table = lookup(colormap).astype(float)
        assert table.shape == (256, 3)
        light = table @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(light) > -0.75).all()  # rounding to 8 bits allows for less than a level
        assert (np.diff(light[::8]) > 0).all()

    def test_viridis_begins_and_ends_as_published(self) -> None:
        assert hex_colours("viridis", 2) == ("#440154", "#fde725")
        assert len(hex_colours("magma", 7)) == 7

    def test_an_unknown_one_names_those_there_are(self) -> None:
        with pytest.raises(SettingError, match="'jet'; choose viridis, magma, cividis, grey"):
            lookup("jet")  # type: ignore[arg-type]
