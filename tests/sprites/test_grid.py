import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from convviz.errors import SettingError
from convviz.features.activations import Activations, measure
from convviz.features.dead import DeadChannels
from convviz.sprites.colormaps import COLORMAPS, Colormap
from convviz.sprites.grid import (
    EMPTY,
    GAP,
    LEVELS,
    LINE,
    MARK,
    Atlas,
    Section,
    atlas,
    branch_sections,
    grid_picture,
    own_size,
    tile_size,
)
from convviz.structure.layers import Branch, Layer

Make = Callable[..., Activations]


@pytest.fixture
def activations_of() -> Make:
    def make(maps: Tensor, *, branches: tuple[Branch, ...] = ()) -> Activations:
        layer = Layer(
            name="features.4",
            title="relu3_3",
            kind="ReLU",
            stage="block 3",
            shape=tuple(maps.shape),
            index=0,
            detail=False,
            pre_relu=None,
            branches=branches,
            in_encoder=True,
        )
        return measure(layer, maps, None)

    return make


def indices(picture: Atlas) -> np.ndarray:
    opened = Image.open(io.BytesIO(picture.png))
    assert opened.mode == "P"
    assert opened.info["transparency"] == GAP
    return np.asarray(opened)


def tile_of(picture: Atlas, channel: int) -> np.ndarray:
    """Find a channel's tile as the docstring of Atlas says."""
    row, column = divmod(channel, picture.columns)
    top, left = row * (picture.tile + picture.gap), column * (picture.tile + picture.gap)
    return indices(picture)[top : top + picture.tile, left : left + picture.tile]


class TestAtlas:
    MAPS = torch.tensor([[[0.0, 1.0], [2.0, 4.0]], [[0.0] * 2] * 2, [[8.0, 0.0], [0.0, 2.0]]])

    def test_each_channel_on_its_own_scale(self, activations_of: Make) -> None:
        picture = atlas(activations_of(self.MAPS), tile=2)
        top = LEVELS - 1
        assert tile_of(picture, 0).tolist() == [[0, round(top / 4)], [round(top / 2), top]]
        assert tile_of(picture, 2).tolist() == [[top, 0], [0, round(top / 4)]]
        assert (picture.low, picture.high, picture.contrast) == (0.0, 8.0, "channel")
        assert (picture.count, picture.tile) == (3, 2)

    def test_one_scale_for_all(self, activations_of: Make) -> None:
        picture = atlas(activations_of(self.MAPS), tile=2, contrast="shared")
        top = LEVELS - 1
        assert tile_of(picture, 0).tolist() == [
            [0, round(top / 8)], [round(top / 4), round(top / 2)]
        ]  # fmt: skip
        assert tile_of(picture, 2).tolist() == [[top, 0], [0, round(top / 4)]]
        assert picture.contrast == "shared"

    def test_an_empty_channel_is_crossed_out_and_outlined(self, activations_of: Make) -> None:
        tile = tile_of(atlas(activations_of(self.MAPS), tile=40), 1)
        assert set(np.unique(tile)) == {EMPTY, MARK}
        assert (tile[0] == MARK).all()
        assert (tile[:, -1] == MARK).all()
        assert (np.diagonal(tile) == MARK).all()
        assert (np.diagonal(tile[::-1]) == MARK).all()
        assert tile[20, 8] == EMPTY

    def test_without_marks_the_map_is_drawn(self, activations_of: Make) -> None:
        dead = DeadChannels((1,), 83, "the samples")
        picture = atlas(activations_of(self.MAPS), tile=2, dead=dead, marks=False)
        assert tile_of(picture, 1).tolist() == [[0, 0], [0, 0]]
        top = LEVELS - 1
        assert tile_of(picture, 2).tolist() == [[top, 0], [0, round(top / 4)]]

    def test_only_empty_channels_are_crossed_out(self, activations_of: Make) -> None:
        result = activations_of(self.MAPS)
        for threshold, crossed in ((0.0, [1]), (0.5, [0, 1])):
            picture = atlas(result, threshold=threshold)
            assert [i for i in range(3) if (tile_of(picture, i) == MARK).any()] == crossed

    @pytest.mark.parametrize("colormap", COLORMAPS)
    def test_the_mark_stands_out_from_its_tile_in_every_colour_map(
        self, activations_of: Make, colormap: Colormap
    ) -> None:
        png = atlas(activations_of(self.MAPS), tile=40, colormap=colormap).png
        picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float) / 255
        linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
        light = linear @ [0.2126, 0.7152, 0.0722]
        mark, fill = light[0, 42], light[20, 50]
        assert (fill + 0.05) / (mark + 0.05) > 4.5  # WCAG's contrast ratio for small text

    def test_negative_values_widen_the_scale(self, activations_of: Make) -> None:
        picture = atlas(activations_of(torch.tensor([[[-1.0, 3.0]], [[1.0, 2.0]]])), tile=2)
        top = LEVELS - 1
        assert tile_of(picture, 0)[0].tolist() == [0, top]
        assert tile_of(picture, 1)[0].tolist() == [round(top / 2), top]
        assert (picture.low, picture.high) == (-1.0, 3.0)

    def test_maps_of_one_pixel_share_their_scale(self, activations_of: Make) -> None:
        picture = atlas(activations_of(torch.tensor([1.0, 2.0]).view(2, 1, 1)), tile=4)
        assert picture.contrast == "shared"
        assert (tile_of(picture, 0) == round((LEVELS - 1) / 2)).all()

    def test_large_maps_are_averaged_down(self, activations_of: Make) -> None:
        maps = torch.zeros(1, 4, 4)
        maps[0, :2, :2] = torch.tensor([[0.0, 4.0], [4.0, 0.0]])
        maps[0, 2:, 2:] = 4.0
        tile = tile_of(atlas(activations_of(maps), tile=2), 0)
        assert tile.tolist() == [[round((LEVELS - 1) / 2), 0], [0, LEVELS - 1]]

    def test_uneven_and_oblong_maps_fill_their_tile(self, activations_of: Make) -> None:
        for shape in ((1, 7, 3), (1, 50, 2), (1, 1, 9)):
            tile = tile_of(atlas(activations_of(torch.ones(shape)), tile=30), 0)
            assert (tile == LEVELS - 1).all()

    def test_values_that_are_no_numbers(self, activations_of: Make) -> None:
        maps = torch.tensor([[[torch.nan, 1.0], [torch.inf, 2.0]]])
        assert tile_of(atlas(activations_of(maps), tile=2), 0).tolist() == [
            [0, round((LEVELS - 1) / 2)],
            [LEVELS - 1, LEVELS - 1],
        ]

    def test_every_channel_has_a_place_of_its_own(self, activations_of: Make) -> None:
        maps = torch.arange(1, 71, dtype=torch.float32).view(70, 1, 1)
        picture = atlas(activations_of(maps), tile=3)
        shown = [tile_of(picture, i)[0, 0].item() for i in range(70)]
        assert shown == [round((i + 1) / 70 * (LEVELS - 1)) for i in range(70)]
        assert indices(picture)[-1, -1] == GAP

    def test_a_layer_of_nothing_but_empty_channels(self, activations_of: Make) -> None:
        picture = atlas(activations_of(torch.zeros(5, 2, 2)), contrast="shared")
        assert all((tile_of(picture, i) == MARK).any() for i in range(5))

    def test_a_dead_channel_has_a_mark_of_another_shape(self, activations_of: Make) -> None:
        # Channel 1 is empty for this image; channel 2 slept through the set, but this wakes it up.
        dead = DeadChannels((1, 2), 83, "the samples")
        result = activations_of(self.MAPS)
        assert dead.of(result) == (1,)
        picture = atlas(result, tile=40, dead=dead)
        tile = tile_of(picture, 1)
        assert set(np.unique(tile)) == {MARK, LINE}
        assert (tile[20, 5:35] == LINE).all()
        assert (tile[:15] == MARK).all()
        assert not (tile_of(picture, 2) == LINE).any()

    def test_a_shared_scale_can_be_given(self, activations_of: Make) -> None:
        result = activations_of(self.MAPS)
        picture = atlas(result, tile=2, contrast="shared", ends=(0.0, 16.0))
        assert (picture.low, picture.high) == (0.0, 16.0)
        assert tile_of(picture, 2)[0, 0] == round((LEVELS - 1) / 2)

    def test_the_file_stays_small(self, activations_of: Make) -> None:
        generator = torch.Generator().manual_seed(0)
        maps = torch.randn(512, 28, 28, generator=generator).clamp(min=0)
        picture = atlas(activations_of(maps))
        assert len(picture.png) < 400_000
        assert picture.tile == 56

    @pytest.mark.parametrize(
        "setting", [{"contrast": "none"}, {"colormap": "jet"}, {"threshold": 2}]
    )
    def test_unknown_settings(self, activations_of: Make, setting: dict[str, str]) -> None:
        with pytest.raises(SettingError):
            atlas(activations_of(self.MAPS), **setting)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("channels", "side", "expected"),
    [
        (64, 224, 96),  # larger than a tile: averaged down
        (64, 55, 110),  # twice its size
        (192, 27, 54),
        (384, 13, 39),
        (512, 14, 42),
        (1024, 7, 35),
        (4096, 1, 24),
        (3, 112, 112),
        (1, 60, 112),  # the largest tile there is
    ],
)
def test_tiles_are_a_multiple_of_small_maps(channels: int, side: int, expected: int) -> None:
    assert tile_size(channels, side, side) == expected


@pytest.mark.parametrize(
    ("channels", "height", "width", "expected"),
    [
        (64, 224, 224, 96),  # averaged down, as in the image that is saved
        (64, 55, 55, 55),
        (512, 14, 14, 14),
        (4096, 1, 1, 1),
        (512, 7, 14, 42),  # oblong: as in the image that is saved
    ],
)
def test_a_map_of_its_own_size_loses_nothing(
    channels: int, height: int, width: int, expected: int
) -> None:
    assert own_size(channels, height, width) == expected


def test_a_large_map_is_averaged_in_blocks_that_need_not_be_equal(activations_of: Make) -> None:
    """Of five rows and columns the first two and the last three make one each."""
    large = torch.tensor(
        [
            [1.0, 3.0, 4.0, 4.0, 4.0],
            [3.0, 1.0, 4.0, 4.0, 4.0],
            [0.0, 6.0, 6.0, 6.0, 6.0],
            [0.0, 0.0, 6.0, 6.0, 6.0],
            [3.0, 0.0, 6.0, 6.0, 6.0],
        ]
    )
    tile = tile_of(atlas(activations_of(large[None]), tile=2), 0)
    # Means 2, 4, 1.5 and 6 on a scale from 0 to 6.
    assert tile.tolist() == [[21, 42], [16, 63]]
    # A value that is no number counts as 0, and one beyond the ends as the end.
    large[0, 0], large[4, 4] = torch.nan, torch.inf
    ends = (0.0, 4.0)
    tile = tile_of(atlas(activations_of(large[None]), tile=2, contrast="shared", ends=ends), 0)
    # Means 1.75 of 0, 3, 3, 1; 4; 7 / 6 of 0, 4, 0, 0, 3, 0; and 4.
    assert tile.tolist() == [[28, 63], [18, 63]]


class TestGridPicture:
    MAPS = torch.rand(6, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1

    def test_it_shows_the_channels_asked_for_in_their_order(self, activations_of: Make) -> None:
        result = activations_of(self.MAPS)
        both = grid_picture(result, order=[4, 1], tile=50)
        first, second = (
            grid_picture(result, order=[4], tile=50),
            grid_picture(result, order=[1], tile=50),
        )
        left = np.asarray(both)[-90:-30, 16:66]
        assert np.array_equal(left, np.asarray(first)[-90:-30, 16:66])
        right = np.asarray(both)[-90:-30, 16 + 53 : 66 + 53]
        assert np.array_equal(right[:20], np.asarray(second)[-90:-70, 16:66])

    def test_empty_channels_are_explained(self, activations_of: Make) -> None:
        maps = self.MAPS.clone()
        maps[2] = 0
        plain, crossed = grid_picture(activations_of(self.MAPS)), grid_picture(activations_of(maps))
        grey = [(np.asarray(picture) == 160).all(2).sum() for picture in (plain, crossed)]
        assert grey[1] > grey[0] + 112 * 112 / 2

    def test_dead_channels_are_explained_with_their_number_of_pictures(
        self, activations_of: Make
    ) -> None:
        maps = self.MAPS.clone()
        maps[2] = 0
        dead = DeadChannels((2,), 83, "the samples")
        empty, marked = (grid_picture(activations_of(maps), dead=each) for each in (None, dead))
        dark = [(np.asarray(picture) == 38).all(2).sum() for picture in (empty, marked)]
        assert dark[1] > dark[0] + 112 * 112 / 2
        assert marked.width > empty.width

    def test_sections_follow_one_another(self, activations_of: Make) -> None:
        result = activations_of(self.MAPS)
        one = grid_picture(result, order=[0, 1])
        two = grid_picture(result, sections=[("left", [0]), Section("right", (1,)), ("none", [])])
        assert two.height > one.height
        assert two.mode == "RGB"

    def test_concatenations_are_divided_by_branch(self, activations_of: Make) -> None:
        maps = self.MAPS.clone()
        maps[5] = 0
        branches = (Branch("a", "1×1", 0, 2), Branch("b", "3×3", 2, 6))
        result = activations_of(maps, branches=branches)
        assert branch_sections(result, [5, 1, 4, 0]) == (
            Section("1×1: 0 of 2 channels empty", (1, 0)),
            Section("3×3: 1 of 4 channels empty", (5, 4)),
        )
        assert grid_picture(result, sections=branch_sections(result, range(6))).height > 100

    def test_other_layers_are_one_section(self, activations_of: Make) -> None:
        assert branch_sections(activations_of(self.MAPS), [2, 0]) == (Section("", (2, 0)),)

    @pytest.mark.parametrize("channels", [1, 70, 4096])
    def test_any_number_of_channels_fits(self, activations_of: Make, channels: int) -> None:
        picture = grid_picture(
            activations_of(torch.ones(channels, 1, 1)), title="Net", threshold=0.1
        )
        assert picture.width <= 1450

    def test_no_channel_to_show(self, activations_of: Make) -> None:
        assert grid_picture(activations_of(self.MAPS), order=[]).height > 50
