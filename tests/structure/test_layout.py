from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convviz.structure.layout import Layout, layouts_in
from convviz.structure.trace import trace


def layout_of_last(module: nn.Module, shape: tuple[int, int, int]) -> Layout | None:
    """The layout of what a network returns for an image, (C, H, W)."""
    recorded = trace(module.eval(), shape)
    return layouts_in(recorded)[recorded.calls[-1].position]


class Does(nn.Module):
    """A convolution to 5 channels of 4 × 6, and what a function does to its maps."""

    def __init__(self, then: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1)
        self.linear = nn.Linear(5, 7)
        self.norm = nn.LayerNorm(5)
        self.token = nn.Parameter(torch.randn(1, 1, 5))
        self.positions = nn.Parameter(torch.randn(1, 25, 5))
        self.then = then

    def forward(self, image: Tensor) -> Tensor:
        return self.then(self.conv(image))


def tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


def windows(maps: Tensor) -> Tensor:
    """Cut maps (N, C, 4, 6) into windows of 2 × 3, (4 N, 6, C)."""
    parts = maps.permute(0, 2, 3, 1).reshape(len(maps), 2, 2, 2, 3, maps.shape[1])
    return parts.permute(0, 1, 3, 2, 4, 5).reshape(-1, 6, maps.shape[1])


# What is done to maps, and what it is called. Each keeps every number, so that turning it into maps
# must give the maps back.
ARRANGEMENTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "as they are": (lambda maps: maps, ""),
    "in place": (lambda maps: maps.add_(0), ""),
    "channels last": (lambda maps: maps.permute(0, 2, 3, 1), "channels last"),
    "by two transpositions": (lambda m: m.transpose(1, 2).transpose(2, 3), "channels last"),
    "rolled": (lambda m: m.permute(0, 2, 3, 1).roll(1, 1).roll(-1, 1), "channels last"),
    "there and back": (lambda m: m.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), ""),
    "on its side": (lambda maps: maps.permute(0, 1, 3, 2), "channels last"),
    "tokens": (tokens, "tokens"),
    "tokens, batch second": (lambda maps: tokens(maps).transpose(0, 1), "tokens"),
    "tokens, channels first": (lambda maps: maps.flatten(2), "tokens"),
    "tokens down the columns": (lambda maps: tokens(maps.transpose(2, 3)), "tokens"),
    "and back from tokens": (lambda m: tokens(m).transpose(1, 2).unflatten(2, (4, 6)), ""),
    "windows": (windows, "windows"),
    "windows in an axis": (lambda m: windows(m).unflatten(0, (len(m), 4)), "windows"),
    "by an index": (lambda m: m.permute(0, 2, 3, 1)[:, torch.arange(4)], "channels last"),
    "channels in groups": (lambda m: m.permute(0, 2, 3, 1).unflatten(3, (5, 1)), "channels last"),
}


@pytest.mark.parametrize("name", list(ARRANGEMENTS))
def test_what_was_moved_is_moved_back(name: str) -> None:
    then, words = ARRANGEMENTS[name]
    layout = layout_of_last(Does(then), (3, 4, 6))
    assert layout is not None
    if name != "channels in groups":
        assert layout.words == words
    assert layout.shape == (5, 4, 6)
    for count in (1, 3):  # found with one image, used with any number
        maps = torch.randn(count, 5, 4, 6)
        output = then(maps.clone())
        assert torch.equal(layout.maps(output), maps)
        assert torch.equal(layout.restored(layout.channels_first(output)), output)


class TestClassTokens:
    @pytest.mark.parametrize("by_columns", [False, True])
    @pytest.mark.parametrize(("before", "after"), [(1, 0), (2, 0), (0, 1), (1, 2)])
    def test_they_are_no_places(self, before: int, after: int, by_columns: bool) -> None:
        def then(maps: Tensor) -> Tensor:
            grid = tokens(maps.transpose(2, 3) if by_columns else maps)
            extra = [net.token.expand(len(maps), count, -1) for count in (before, after)]
            return torch.cat([extra[0], grid, extra[1]], dim=1) * 1

        net = Does(then)
        layout = layout_of_last(net, (3, 4, 6))
        assert layout is not None
        assert (layout.shape, layout.before, layout.after) == ((5, 4, 6), before, after)
        maps = torch.randn(2, 5, 4, 6)
        output = then(maps)
        assert torch.equal(layout.maps(output), maps)
        assert torch.equal(layout.restored(layout.channels_first(output)), output)
        if before:
            assert torch.equal(layout.class_token(output), net.token[0].expand(2, -1))

    def test_positions_norms_and_products_keep_the_grid(self) -> None:
        def then(maps: Tensor) -> Tensor:
            with_class = torch.cat([net.token.expand(len(maps), -1, -1), tokens(maps)], 1)
            return net.linear(net.norm(with_class + net.positions))

        net = Does(then)
        layout = layout_of_last(net, (3, 4, 6))
        assert layout is not None
        assert (layout.shape, layout.before, layout.words) == ((7, 4, 6), 1, "tokens")

    def test_cut_off_again_they_leave_a_plain_grid(self) -> None:
        net = Does(lambda m: torch.cat([net.token.expand(len(m), -1, -1), tokens(m)], 1)[:, 1:])
        layout = layout_of_last(net, (3, 4, 6))
        assert layout is not None
        assert (layout.shape, layout.before) == ((5, 4, 6), 0)

    def test_without_part_of_the_grid_there_are_no_maps(self) -> None:
        net = Does(lambda m: torch.cat([net.token.expand(len(m), -1, -1), tokens(m)], 1)[:, 3:])
        assert layout_of_last(net, (3, 4, 6)) is None

    def test_alone_a_class_token_is_a_vector(self) -> None:
        net = Does(lambda m: torch.cat([net.token.expand(len(m), -1, -1), tokens(m)], 1)[:, 0])
        assert layout_of_last(net, (3, 4, 6)) == Layout((5,))


class TestSizesDoNotTell:
    """Where channels, rows and columns are equally many, only the trace can tell them apart."""

    @pytest.mark.parametrize("last", [False, True])
    def test_of_a_cube(self, last: bool) -> None:
        net = Does(lambda maps: maps.permute(0, 2, 3, 1) if last else maps)
        layout = layout_of_last(net, (3, 5, 5))
        assert layout is not None
        assert layout.words == ("channels last" if last else "")

    @pytest.mark.parametrize("shape", [(4, 2, 3), (1, 4, 6), (6, 2, 2)])
    def test_of_a_vector_that_is_laid_out_as_maps(self, shape: tuple[int, int, int]) -> None:
        """As in the decoder of a generator: a linear layer, and its numbers as C × H × W."""

        class Generator(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.linear = nn.Linear(3, 24)

            def forward(self, image: Tensor) -> Tensor:
                vector: Tensor = self.linear(image.mean((2, 3)))
                return vector.unflatten(1, shape)

        assert layout_of_last(Generator(), (3, 4, 6)) == Layout(shape)

    def test_of_patches_of_pixels(self) -> None:
        """A patch embedding without a convolution: 2 × 3 patches of 2 × 2 pixels."""

        class Patches(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Linear(12, 9)

            def forward(self, image: Tensor) -> Tensor:
                parts = image.reshape(len(image), 3, 2, 2, 3, 2).permute(0, 2, 4, 1, 3, 5)
                embedded: Tensor = self.embed(parts.reshape(len(image), 6, 12))
                return embedded

        net = Patches().eval()
        layout = layout_of_last(net, (3, 4, 6))
        assert layout is not None
        assert layout.shape == (9, 2, 3)
        image = torch.randn(2, 3, 4, 6)
        kernel = net.embed.weight.reshape(9, 3, 2, 2)
        by_convolution = nn.functional.conv2d(image, kernel, net.embed.bias, stride=2)
        assert torch.allclose(layout.maps(net(image)), by_convolution, atol=1e-6)


class TestNoMaps:
    @pytest.mark.parametrize(
        "then",
        [
            lambda maps: maps.flatten(),  # one axis
            lambda maps: maps.mean((2, 3)).unflatten(1, (5, 1)).expand(-1, -1, 3),
            lambda maps: maps[:, None],  # five axes: maps of volumes are not looked at
            lambda maps: maps.mean(3),  # rows alone are no grid of tokens… but places
        ],
    )
    def test_other_shapes(self, then: Callable[[Tensor], Tensor]) -> None:
        layout = layout_of_last(Does(then), (3, 4, 6))
        assert layout is None or layout.shape in {(5, 4, 6), (5, 4, 1)}

    def test_vectors_and_maps_of_one_pixel_stay_what_they_are(self) -> None:
        assert layout_of_last(Does(lambda maps: maps.mean((2, 3))), (3, 4, 6)) == Layout((5,))
        pooled = layout_of_last(Does(lambda maps: maps.mean((2, 3), keepdim=True)), (3, 4, 6))
        assert pooled == Layout((5, 1, 1))
