"""Receptive fields of all that moves or mixes positions, against the gradient's support.

Weights are random and in double precision, so that no gradient is 0 by chance; rows and columns
differ everywhere, so that none is taken for the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.swin_transformer import SwinTransformerBlockV2
from torchvision.ops import deform_conv2d

from convviz.structure.findings import whole_image_sentence
from convviz.structure.receptive_field import ReceptiveField, receptive_fields
from convviz.structure.trace import trace

HEIGHT, WIDTH = 20, 14
Box = tuple[int, int, int, int]


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def with_random_weights(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    module.double().eval()
    for value in (*module.parameters(), *module.buffers()):
        if value.is_floating_point():
            fan = value[0].numel() if value.dim() > 1 else 1
            value.data.uniform_(0.5 / fan, 1.5 / fan, generator=generator)
    return module


def field_of(module: nn.Module, shape: tuple[int, int, int]) -> ReceptiveField | None:
    recorded = trace(module, shape)
    output = recorded.calls[-1].output
    assert output is not None
    return receptive_fields(recorded).get(output)


def boxes(
    module: nn.Module, shape: tuple[int, int, int], every: int = 1
) -> Iterator[tuple[int, int, Box | None]]:
    """Measure what every so many position of a module's output sees, by its gradient."""
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, *shape, generator=generator, dtype=torch.float64).requires_grad_()
    output = module(image)
    places = itertools.product(range(output.shape[2]), range(output.shape[3]))
    for row, column in itertools.islice(places, 0, None, every):
        total = output[0, :, row, column].sum()
        (gradient,) = torch.autograd.grad(total, image, retain_graph=True, allow_unused=True)
        if gradient is None or not gradient.any():
            yield row, column, None
            continue
        rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
        box = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
        yield row, column, box


def check(module: nn.Module, shape: tuple[int, int, int] = (3, HEIGHT, WIDTH)) -> ReceptiveField:
    with_random_weights(module)
    field = field_of(module, shape)
    assert field is not None
    seen = 0
    for row, column, box in boxes(module, shape, every=3):
        assert field.box(row, column) == box, (row, column)
        seen += box is not None
    assert seen
    return field


def conv(inputs: int = 4, outputs: int = 4) -> nn.Module:
    return nn.Conv2d(inputs, outputs, (3, 2), padding=(1, 0))


class SqueezeAndExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.sigmoid(self.fc2(functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))) / 9)
        return x * scale


class SqueezeByLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.sigmoid(self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1)) / 9)
        return x * scale.view(-1, 4, 1, 1)


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc = nn.LayerNorm(4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class WithConstants(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.map = nn.Parameter(torch.ones(1, 4, HEIGHT, WIDTH - 1))
        self.number = torch.tensor(2.0)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.map + torch.ones_like(x) + torch.arange(4.0)[:, None, None]


class Coordinates(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        *_, height, width = x.shape
        rows = torch.linspace(0, 1, height, dtype=x.dtype)[None, None, :, None]
        return torch.cat([x[:, :3], rows.expand(len(x), 1, height, width)], 1)


class CircularByHand(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., -2:], x, x[..., :2]], dim=-1)


class ShuffleChannels(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        one, two = x.chunk(2, dim=1)
        x = torch.cat([one, functional.silu(two)], 1)
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        weights = torch.softmax(q @ k.transpose(1, 2) / 100, -1)
        return (weights @ v).transpose(1, 2).reshape(n, c, h, w)


class FusedAttention(Attention):
    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4) / 10
        y = functional.scaled_dot_product_attention(q, k, v)
        return y.transpose(1, 2).reshape(n, h * w, c).transpose(1, 2).reshape(n, c, h, w)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2) / 30
        y = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


class WindowAttention(nn.Module):
    """Attention within windows of 4 × 4, as Swin has it, after a roll."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 0, 3))
        n, h, w, c = x.shape
        x = x.view(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(x).reshape(-1, 16, 3, 1, c).permute(2, 0, 3, 1, 4) / 10
        x = (torch.softmax(q @ k.transpose(-2, -1), -1) @ v).transpose(1, 2).reshape(-1, 4, 4, c)
        x = x.view(n, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return x[:, :, : w - 3].permute(0, 3, 1, 2)


class PatchMerging(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x[..., : WIDTH - 2]
        parts = [x[:, :1, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return torch.cat(parts, 1)


class WriteInto(nn.Module):
    """Padding by writing into zeros."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = x.new_zeros(n, c, h + 2, w + 3)
        y[:, :, 1:-1, 2:-1] = x
        return y


class Shift(nn.Module):
    """Some channels are moved by one position."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, :2, :, :-1] = x[:, :2, :, 1:]
        y[:, 2:] = x[:, 2:]
        return y


class HalfInPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x * 1
        x[:, :2].mul_(functional.avg_pool2d(x[:, 2:] * 1, 3, 1, 1))
        return x


class ByAxis(nn.Module):
    """A gate for each row and each column."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x.mean(3, keepdim=True)) * torch.sigmoid(x.mean(2, keepdim=True))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 4, 2, stride=2), nn.ConvTranspose2d(4, 4, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., : WIDTH - 2]
        return torch.cat([x, self.up(self.down(x))], 1)[:, 2:6]


class RowsAsImages(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rows = x[0].permute(1, 0, 2)
        return functional.avg_pool1d(rows, 3, 2).permute(1, 0, 2)[None]


class Patches(nn.Module):
    """Patches as columns, mixed, and put together again."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(36, 36, 1)

    def forward(self, x: Tensor) -> Tensor:
        columns = self.mix(functional.unfold(x, 3, padding=1))
        return functional.fold(columns, x.shape[2:], 3, padding=1)


class ByFrequency(nn.Module):
    """Weights for every frequency, as in global filter networks."""

    def __init__(self, *, half: bool) -> None:
        super().__init__()
        self.half = half
        self.weight = nn.Parameter(torch.ones(4, HEIGHT, WIDTH - 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.half:
            frequencies = torch.fft.rfft2(x)
            frequencies = frequencies * self.weight[..., : frequencies.shape[-1]]
            return torch.fft.irfft2(frequencies, s=x.shape[2:])
        return torch.fft.ifft2(torch.fft.fft2(x) * self.weight).real


class Dynamic(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        kernel = x.mean((0, 2, 3)).reshape(4, 1, 1, 1).expand(4, 4, 3, 3)
        return functional.conv2d(x, kernel, padding=1)


class Recurrent(nn.Module):
    """A recurrent layer along the columns of each row."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        y = self.layer(x.permute(0, 2, 3, 1).reshape(n * h, w, c))[0]
        return y.reshape(n, h, w, c).permute(0, 3, 1, 2)


class SwinBlock(nn.Module):
    """A block of Swin v2, whose biases are computed from the distances of positions."""

    def __init__(self, *, shifted: bool) -> None:
        super().__init__()
        self.block = SwinTransformerBlockV2(4, 2, [4, 4], [2 * shifted] * 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return y


UNMIXED: dict[str, Callable[[], nn.Module]] = {
    "nothing": nn.Identity,
    "reflection": lambda: nn.ReflectionPad2d((2, 1, 0, 3)),
    "replication": lambda: nn.ReplicationPad2d((2, 1, 0, 3)),
    "circular": lambda: nn.CircularPad2d((2, 1, 0, 3)),
    "circular by hand": CircularByHand,
    "zeros": lambda: nn.ZeroPad2d((2, -1, 0, 3)),
    "constant": lambda: nn.ConstantPad2d(1, 0.5),
    **{
        f"pad, {mode}": lambda mode=mode: Do(lambda x: functional.pad(x, (1, 2, 3, 0), mode=mode))
        for mode in ("constant", "reflect", "replicate", "circular")
    },
    **{
        f"convolution, {mode}": lambda mode=mode: nn.Conv2d(
            4, 4, (3, 5), padding=(1, 2), padding_mode=mode
        )
        for mode in ("zeros", "reflect", "replicate", "circular")
    },
    "same": lambda: nn.Conv2d(4, 4, (4, 2), padding="same", dilation=(1, 2)),
    "depthwise": lambda: nn.Conv2d(4, 4, 3, stride=2, groups=4, bias=False),
    **{
        type(each).__name__: lambda each=each: each
        for each in (
            *(nn.PReLU(4), nn.Hardswish(), nn.Hardsigmoid(), nn.SiLU(), nn.GELU(), nn.ELU()),
            *(nn.LeakyReLU(), nn.Mish(), nn.Softplus(), nn.Sigmoid(), nn.Tanh(), nn.CELU()),
            *(nn.SELU(), nn.ReLU6(), nn.LogSigmoid(), nn.Softsign(), nn.Tanhshrink(), nn.RReLU()),
            *(nn.ChannelShuffle(2), nn.PixelUnshuffle(1), nn.Dropout(), nn.LocalResponseNorm(3)),
            nn.BatchNorm2d(4),
        )
    },
    "channel shuffle": ShuffleChannels,
    "GLU": lambda: Do(lambda x: functional.glu(torch.cat([x, x], 1), 1)),
    "pixel shuffle": lambda: Do(lambda x: functional.pixel_shuffle(torch.cat([x] * 4, 1), 2)),
    "pixel unshuffle": lambda: nn.Sequential(
        Do(lambda x: functional.pixel_unshuffle(x[..., :12], 2)), nn.Conv2d(16, 4, 1)
    ),
    "nearest": lambda: nn.Upsample(scale_factor=2),
    "nearest, 3 × 1.5": lambda: nn.Upsample(scale_factor=(3, 1.5)),
    "nearest, to a size": lambda: nn.Upsample((27, 31)),
    "nearest, smaller": lambda: nn.Upsample((7, 9)),
    "nearest, exact": lambda: nn.Upsample((27, 9), mode="nearest-exact"),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear, 1.7": lambda: nn.Upsample(scale_factor=1.7, mode="bilinear"),
    "bilinear, corners": lambda: nn.Upsample((27, 9), mode="bilinear", align_corners=True),
    "bicubic": lambda: nn.Upsample((27, 9), mode="bicubic"),
    "antialias": lambda: Do(
        lambda x: functional.interpolate(x, (9, 6), mode="bilinear", antialias=True)
    ),
    "area": lambda: Do(lambda x: functional.interpolate(x, (6, 5), mode="area")),
    "recomputed": lambda: Do(
        lambda x: functional.interpolate(
            x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True
        )
    ),
    "transposed": lambda: nn.ConvTranspose2d(4, 4, (3, 2), stride=2, padding=(1, 0)),
    "transposed, dilated": lambda: nn.ConvTranspose2d(
        4, 4, 3, stride=(3, 2), padding=1, output_padding=1, dilation=2, groups=2, bias=False
    ),
    "average pooling": lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "adaptive pooling": lambda: nn.AdaptiveAvgPool2d((7, 5)),
    "channels last": ChannelsLast,
    "constants": WithConstants,
    "coordinates": Coordinates,
    "flip": lambda: Do(lambda x: x.flip(3)),
    "roll": lambda: Do(lambda x: torch.roll(x, (3, -2), (2, 3))),
    "roll of channels": lambda: Do(lambda x: torch.roll(x, 1, 1)),
    "transpose": lambda: Do(lambda x: x.reshape(1, 4, -1).reshape(x.shape)),
    "repeat": lambda: Do(lambda x: x.repeat(1, 2, 1, 2)[:, 1:5]),
    "unfold": lambda: Do(
        lambda x: functional.unfold(x, 3, padding=1).reshape(1, 4, 9, *x.shape[2:]).sum(2)
    ),
    "unfold and fold": Patches,
    "unfold of a tensor": lambda: Do(lambda x: x.unfold(2, 3, 2).sum(-1)),
    "index": lambda: Do(lambda x: x[:, torch.tensor([3, 1, 0, 2])]),
    "patch merging": PatchMerging,
    "window attention": WindowAttention,
    "writing into zeros": WriteInto,
    "shift": Shift,
    "cumulative sum": lambda: Do(lambda x: x.cumsum(2)),
    "cumulative product": lambda: Do(lambda x: (x / 9).cumprod(-1)),
    "cumulative sum of channels": lambda: Do(lambda x: x.cumsum(1)),
    "sorted channels": lambda: Do(lambda x: x.sort(1).values),
    "half in place": HalfInPlace,
    "U-Net": UNet,
    "columns one by one": lambda: Do(
        lambda x: torch.stack([column * 2 for column in x.unbind(3)], 3)
    ),
    "rows two by two": lambda: Do(
        lambda x: torch.cat([x[:, :, i : i + 1] + x[:, :, i + 1 : i + 2] for i in range(18)], 2)
    ),
    "LSTM along columns": lambda: Recurrent(nn.LSTM(4, 4, batch_first=True)),
    "GRU along columns, both ways": lambda: Recurrent(
        nn.GRU(4, 2, batch_first=True, bidirectional=True)
    ),
    "Swin v2": lambda: SwinBlock(shifted=False),
    "1-D": lambda: Do(
        lambda x: functional.avg_pool1d(x[0].permute(1, 0, 2), 3, 2).permute(1, 0, 2)[None]
    ),
}

MIXED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "squeeze and excite": (SqueezeAndExcite, "a value that all positions share"),
    "squeeze by linear": (SqueezeByLinear, "a value that all positions share"),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), "the statistics of a group norm"),
    "InstanceNorm": (
        lambda: nn.InstanceNorm2d(4, affine=True),
        "a norm that takes the image's own statistics",
    ),
    "BatchNorm without statistics": (
        lambda: nn.BatchNorm2d(4, track_running_stats=False),
        "a norm that takes the image's own statistics",
    ),
    "LayerNorm over positions": (
        lambda: nn.LayerNorm([4, HEIGHT, WIDTH - 1]),
        "the statistics of a layer norm",
    ),
    "standardised": (
        lambda: Do(lambda x: (x - x.mean()) / x.std()),
        "a value that all positions share",
    ),
    "attention": (Attention, "attention"),
    "fused attention": (FusedAttention, "attention"),
    "heads": (Heads, "attention"),
    "softmax": (
        lambda: Do(lambda x: torch.softmax(x.flatten(2) / 99, 2).view(x.shape)),
        "a softmax over all positions",
    ),
    "frequencies": (lambda: ByFrequency(half=False), "a Fourier transform"),
    "half of the frequencies": (lambda: ByFrequency(half=True), "a Fourier transform"),
    "dynamic": (Dynamic, "kernels that are computed from the image"),
}


@pytest.mark.parametrize("name", UNMIXED)
def test_what_moves_positions_is_followed(name: str) -> None:
    field = check(nn.Sequential(conv(3), UNMIXED[name](), conv()))
    assert field.mixed_by == ""
    assert whole_image_sentence(field) == ""


@pytest.mark.claims("convviz.structure.findings.whole_image_sentence")
@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_all_positions_is_named(name: str) -> None:
    make, by = MIXED[name]
    field = check(nn.Sequential(conv(3), make(), conv()))
    assert (field.mixed_by, field.mixed_in.partition(".")[0]) == (by, "1")
    assert (field.rows.size, field.columns.size) == (HEIGHT, WIDTH)
    assert field.box(0, 0) == (0, 0, HEIGHT, WIDTH)
    assert whole_image_sentence(field) == (
        f"From {field.mixed_in} on, every position depends on the whole image, through {by}."
    )


class Unpool(nn.Module):
    """Pools, and puts what is left back to where it was."""

    def __init__(self, pool: nn.Module, between: nn.Module | None = None) -> None:
        super().__init__()
        self.pool, self.between = pool, between or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        pooled, indices = self.pool(x)
        # Without the module's check of the size, which knows nothing of adaptive pooling.
        unpooled: Tensor = torch.ops.aten.max_unpool2d(self.between(pooled), indices, x.shape[2:])
        return unpooled


class UnpoolAsItComes(Unpool):
    """Puts it back into a map of twice the height and width of what is left."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_unpool2d(*self.pool(x), 2)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2, return_indices=True),
        nn.MaxPool2d(3, 2, 1, return_indices=True),
        nn.MaxPool2d((2, 3), (1, 2), return_indices=True),
        nn.AdaptiveMaxPool2d((7, 5), return_indices=True),
    ],
    ids=str,
)
def test_unpooling_may_fill_a_place_from_every_window_that_covers_it(pool: nn.Module) -> None:
    """What changes with a pixel, in any of many images: a gradient shows no choice of a place."""
    first = with_random_weights(nn.Conv2d(1, 2, (3, 2), padding=(1, 0)))
    between, last = (with_random_weights(nn.Conv2d(2, 2, size)) for size in (1, (2, 1)))
    shape = (1, 11, 9)
    pixels = shape[1] * shape[2]
    module = nn.Sequential(first, Unpool(pool, between), last)
    field = field_of(module, shape)
    assert field is not None
    assert field.mixed_by == ""
    generator = torch.Generator().manual_seed(3)
    seen: Tensor = torch.zeros(())
    for _ in range(200):
        image, other = torch.randn(2, *shape, dtype=torch.float64, generator=generator)
        changed = torch.where(torch.eye(pixels).view(pixels, *shape) == 1, 4 * other, image)
        with torch.no_grad():
            difference = module(changed) - module(image[None])
        seen = seen + (difference != 0).sum(1)
    assert seen.shape == (pixels, *field.shape)
    for row, column in itertools.product(*map(range, field.shape)):
        found = seen[:, row, column].view(shape[1:]).nonzero()
        low, high = (found.amin(0), found.amax(0) + 1) if len(found) else (None, None)
        box = None if low is None or high is None else (*low.tolist(), *high.tolist())
        assert field.box(row, column) == box, (row, column)


def test_unpooling_onto_rows_of_another_length_is_not_followed() -> None:
    """Its indices count along rows of 11, and the map has rows of 10."""
    pool = nn.MaxPool2d(2, return_indices=True)
    assert field_of(nn.Sequential(nn.Conv2d(1, 3, 1), UnpoolAsItComes(pool)), (1, 10, 11)) is None
    assert field_of(nn.Sequential(nn.Conv2d(1, 3, 1), UnpoolAsItComes(pool)), (1, 10, 12))


class Transformer(nn.Module):
    """PyTorch's tutorial on spatial transformers: the image is moved by what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.numbers(x.mean((2, 3))).tanh().view(-1, 2, 3)
        grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False)


class Deformable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.offsets, self.weight = (
            nn.Conv2d(4, 18, 3, padding=1),
            nn.Parameter(torch.ones(4, 4, 3, 3)),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = deform_conv2d(x, self.offsets(x), self.weight, padding=1)
        return y


@pytest.mark.parametrize(
    "make",
    [
        Transformer,
        Deformable,
        lambda: Do(
            lambda x: functional.grid_sample(
                x, x[:, :2].permute(0, 2, 3, 1).tanh(), align_corners=False
            )
        ),
    ],
    ids=["spatial transformer", "deformable convolution", "flow"],
)
def test_places_that_the_image_chooses_may_lie_anywhere(make: Callable[[], nn.Module]) -> None:
    """A gradient shows those that were chosen; another image chooses others."""
    module = with_random_weights(nn.Sequential(conv(3), make(), conv()))
    field = field_of(module, (3, HEIGHT, WIDTH))
    assert field is not None
    assert (field.mixed_by, field.mixed_in) == ("places that are computed from the image", "1")
    generator = torch.Generator().manual_seed(4)
    rows, columns = set[int](), set[int]()
    for _ in range(20):
        image = 4 * torch.randn(1, 3, HEIGHT, WIDTH, dtype=torch.float64, generator=generator)
        output = module(image.requires_grad_())
        (gradient,) = torch.autograd.grad(output[0, :, 9, 5].sum(), image)
        found = gradient[0].abs().sum(0).nonzero(as_tuple=True)
        rows.update(found[0].tolist())
        columns.update(found[1].tolist())
    top, left, bottom, right = field.box(9, 5) or (0, 0, 0, 0)
    assert (min(rows), min(columns)) >= (top, left)
    assert (max(rows) < bottom, max(columns) < right) == (True, True)
    assert len(rows) > 7  # more than kernels of 3 after one another see


def test_what_is_gathered_by_the_image_may_come_from_all_along_its_row() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), Do(lambda x: x.gather(3, x.argsort(3))))
    field = field_of(module, (1, 6, 5))
    assert field is not None
    assert [field.box(row, 2) for row in (0, 4)] == [(0, 0, 1, 5), (4, 0, 5, 5)]
    top = field_of(nn.Sequential(nn.Conv2d(1, 2, 1), Do(lambda x: x.topk(3, 3).values)), (1, 6, 5))
    assert top is not None
    assert (top.shape, top.box(4, 2)) == ((6, 3), (4, 0, 5, 5))


class RecurrentOverAll(Recurrent):
    """A recurrent layer over all positions, row after row."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x.flatten(2).transpose(1, 2))[0]
        return y.transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Do(lambda x: x.gather(3, torch.arange(4, -1, -1).expand(x.shape))),
        lambda: Do(lambda x: x[..., torch.tensor([3, 1, 0, 2, 4])]),
        lambda: Do(lambda x: x.index_select(2, torch.tensor([3, 1, 0, 2, 4, 5]))),
        lambda: Do(
            lambda x: functional.grid_sample(x, torch.zeros(1, 6, 5, 2), align_corners=False)
        ),
        lambda: Do(lambda x: x.roll(1)),
        lambda: RecurrentOverAll(nn.LSTM(2, 2, batch_first=True)),
        lambda: RecurrentOverAll(nn.GRU(2, 2, batch_first=True)),
    ],
    ids=["gather", "index", "index_select", "grid_sample", "roll", "LSTM", "GRU"],
)
def test_what_cannot_be_written_with_rows_and_columns_has_no_field_rather_than_a_wrong_one(
    make: Callable[[], nn.Module],
) -> None:
    """The numbers that choose are not recorded, or a place sees no rectangle."""
    module = nn.Sequential(nn.Conv2d(1, 2, 1), make(), nn.Conv2d(2, 2, 1))
    recorded = trace(module, (1, 6, 5))
    fields = receptive_fields(recorded)
    known = {
        name: call.output in fields for call in recorded.calls if (name := call.name) in {*"012"}
    }
    assert known == {"0": True, "1": False, "2": False}
    assert recorded.calls[-1].output in recorded.of_image


def test_gates_of_rows_and_columns_make_crosses_with_one_box() -> None:
    field = check(nn.Sequential(conv(3), ByAxis()))
    assert field.mixed_by == "a value that all positions share"


STEPS: tuple[Callable[[], nn.Module], ...] = (
    lambda: nn.Conv2d(2, 2, (3, 1), padding=(1, 0), bias=False),
    lambda: nn.Conv2d(2, 2, 2, stride=2),
    lambda: nn.Conv2d(2, 2, 3, padding=2, dilation=2, padding_mode="reflect"),
    lambda: nn.ConvTranspose2d(2, 2, 3, stride=2),
    lambda: nn.ConvTranspose2d(2, 2, 2, stride=2, padding=1),
    lambda: nn.Upsample(scale_factor=2),
    lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"),
    lambda: nn.CircularPad2d((0, 2, 1, 0)),
    lambda: nn.AvgPool2d(2),
    lambda: nn.AdaptiveAvgPool2d((5, 4)),
    lambda: nn.Hardswish(),
    lambda: Do(lambda x: x.flip(2)),
    lambda: Do(lambda x: torch.roll(x, 1, 3)),
    lambda: Do(lambda x: functional.pixel_shuffle(torch.cat([x] * 4, 1), 2)),
    lambda: Do(lambda x: torch.cat([torch.zeros_like(x[:, :1]), x], 1)[:, 1:]),
    lambda: Do(lambda x: x + functional.avg_pool2d(x, 3, 1, 1)),
    lambda: Do(lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True) / 9)),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(chain=st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5))
def test_chains_of_all_of_these_see_what_gradients_say(chain: list[int]) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), *(STEPS[i]() for i in chain))
    with_random_weights(module)
    shape = (1, 11, 9)
    try:
        with torch.no_grad():
            output = module(torch.ones(1, *shape, dtype=torch.float64))
    except RuntimeError:
        return  # too small for a kernel, or for the padding
    if output.numel() > 4000:
        return
    field = field_of(module, shape)
    assert field is not None
    for row, column, box in boxes(module, shape, every=7):
        assert field.box(row, column) == box, (chain, row, column)


@pytest.mark.parametrize(
    ("steps", "sizes"),
    [
        # By hand: 3 × 3, then two neighbours in the enlarged map are one or two of the positions.
        ([nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3)], (4, 4)),
        ([nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(4, 4, 3)], (4, 4)),
        ([nn.Conv2d(3, 4, 3, 2), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(4, 4, 3)], (5, 5)),
        ([nn.Conv2d(3, 4, (1, 7)), nn.Conv2d(4, 4, (3, 1), 2), nn.PReLU()], (3, 7)),
        ([nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7, 2), nn.Conv2d(4, 4, 3)], (11, 11)),
        ([nn.PixelUnshuffle(2), nn.Conv2d(12, 4, 3)], (6, 6)),
    ],
)
def test_sizes_on_an_infinite_plane(steps: list[nn.Module], sizes: tuple[int, int]) -> None:
    module = nn.Sequential(*steps)
    field = check(module, (3, 30, 30))
    assert (field.rows.size, field.columns.size) == sizes
    largest = [box for _, _, box in boxes(module, (3, 30, 30)) if box]
    assert max(bottom - top for top, _, bottom, _ in largest) == sizes[0]
    assert max(right - left for _, left, _, right in largest) == sizes[1]


def test_inception_v3_has_rectangular_fields() -> None:
    import torchvision

    from convviz.structure.costs import count

    with torch.device("meta"):
        module = torchvision.models.inception_v3(weights=None, init_weights=False).eval()
    rows = {row.module: row for row in count(module, 299).layers}
    row = rows["Mixed_6b.branch7x7_2.conv"]
    assert row.field is not None
    assert row.window is not None
    assert (row.field.rows.size, row.field.columns.size) == (159, 255)
    assert (row.window.kernel, row.window.padding) == ((1, 7), (0, 3))


def smooth(module: nn.Module) -> nn.Module:
    """Replace what passes no gradient to some of what it reads by what passes some to all."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU | nn.ReLU6 | nn.Hardswish):
                setattr(parent, name, nn.SiLU())
            elif isinstance(child, nn.Hardsigmoid):
                setattr(parent, name, nn.Sigmoid())
            elif isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    return module


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("shufflenet_v2_x0_5", 70),
        ("mobilenet_v3_small", 50),
        *(
            pytest.param(name, size, marks=pytest.mark.independent)
            for name, size in (
                *(("efficientnet_b0", 64), ("regnet_y_400mf", 64), ("convnext_tiny", 64)),
                *(("inception_v3", 107), ("mobilenet_v3_large", 64), ("swin_t", 64)),
                ("swin_v2_t", 64),
            )
        ),
    ],
)
def test_networks_have_fields_all_the_way(name: str, size: int) -> None:
    import torchvision

    torch.manual_seed(0)
    module = smooth(torchvision.models.get_model(name, weights=None)).double().eval()
    module.requires_grad_(False)
    recorded = trace(module, size)
    fields = receptive_fields(recorded)
    maps = {
        call.name: fields.get(call.output)
        for call in recorded.calls
        if len(call.shape) == 4 and call.output in recorded.of_image
    }
    assert None not in maps.values()
    outputs: dict[str, Tensor] = {}
    for part_name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, __, output, name=part_name: outputs.__setitem__(name, output)
        )
    generator = torch.Generator().manual_seed(2)
    image = torch.randn(1, 3, size, size, generator=generator, dtype=torch.float64).requires_grad_()
    module(image)
    compared = 0
    for part_name in list(maps)[:: max(1, len(maps) // 25)]:
        field, output = maps[part_name], outputs[part_name]
        assert field is not None
        is_last = tuple(output.shape[1:3]) == field.shape and output.shape[2:] != field.shape
        output = output.permute(0, 3, 1, 2) if is_last else output
        if tuple(output.shape[2:]) != field.shape or output.shape[0] != 1:
            continue  # windows of a map
        height, width = field.shape
        for row, column in {(0, 0), (height - 1, 0), (height // 2, width // 2)}:
            # Not their plain sum, which a norm across channels makes the same everywhere.
            channels = torch.rand(output.shape[1], generator=generator, dtype=torch.float64)
            total = output[0, :, row, column] @ channels
            (gradient,) = torch.autograd.grad(total, image, retain_graph=True)
            rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
            box = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
            assert field.box(row, column) == box, part_name
            compared += 1
    assert compared > 20


def test_sorted_positions_see_all_along_their_row() -> None:
    """Which comes where depends on all of them, though a gradient shows one."""
    module = nn.Sequential(nn.Conv2d(1, 2, 1), Do(lambda x: x.sort(3).values))
    field = field_of(module, (1, 6, 5))
    assert field is not None
    assert [field.box(row, 2) for row in (0, 4)] == [(0, 0, 1, 5), (4, 0, 5, 5)]
    flat = Do(lambda x: x.flatten(2).sort(2).values.view(x.shape))
    everything = field_of(nn.Sequential(nn.Conv2d(1, 2, 1), flat), (1, 6, 5))
    assert everything is not None
    assert everything.mixed_by == "a sorting of all positions"
    assert everything.box(1, 1) == (0, 0, 6, 5)
