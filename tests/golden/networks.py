"""The networks whose traces are recorded: torchvision's families, and small ones by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

CATALOGUE_SIZES: dict[str, tuple[int, ...]] = {
    "alexnet": (62, 64, 128, 224, 227),
    "vgg11": (224,),
    "vgg16": (31, 64, 128, 224, 227),
    "vgg16_bn": (224,),
    "googlenet": (0, 14, 64, 128, 224, 227, 5000),
}
"""Networks of convviz' own catalogue, and the sizes of the images that they are traced with."""

TORCHVISION_SIZES: dict[str, tuple[int, ...]] = {
    "resnet18": (64, 128, 224, 227),
    "resnet50": (224,),
    "resnext50_32x4d": (224,),
    "squeezenet1_1": (16, 128, 224),
    "densenet121": (128,),
    "mobilenet_v2": (224,),
    "mobilenet_v3_small": (128, 224),
    "shufflenet_v2_x1_0": (224,),
    "mnasnet1_0": (224,),
    "efficientnet_b0": (128,),
    "regnet_y_400mf": (224,),
    "inception_v3": (64, 299),
    "convnext_tiny": (64, 224),
    "swin_t": (64, 224),
    "vit_b_16": (128, 224),
}
"""Networks of torchvision's, described as a user's own, and the sizes of their images."""


def from_torchvision(name: str) -> nn.Module:
    """Build a network without values, on the meta device."""
    build = getattr(torchvision.models, name)
    if name.startswith("regnet"):  # its design is computed with tensors
        return build(weights=None).eval().to("meta")
    with torch.device("meta"):
        options: dict[str, Any] = {"init_weights": False} if name == "inception_v3" else {}
        return build(weights=None, **options).eval()


def googlenet_of_a_user(auxiliary: bool) -> nn.Module:
    """Build a GoogLeNet about whose auxiliary heads convviz is told nothing."""
    with torch.device("meta"):
        return torchvision.models.googlenet(
            weights=None, aux_logits=auxiliary, init_weights=False, transform_input=auxiliary
        ).eval()


@torch.no_grad()
def fill(module: nn.Module) -> nn.Module:
    """Give a module values by a formula, so that they are the same on every machine."""
    for number, (name, value) in enumerate(sorted(module.state_dict().items())):
        if not value.is_floating_point():
            continue
        index = torch.arange(value.numel(), dtype=torch.int64)
        steps = (index * 7919 + 104729 * (number + 1)) % 2003
        unit = steps.double() / 2003 - 0.5
        if name.endswith("running_var"):
            unit = unit + 1.0
        fan_in = value[0].numel() if value.dim() > 1 else 4
        scaled = unit if value.dim() < 2 else unit * 2 * (3 / fan_in) ** 0.5
        value.copy_(scaled.reshape(value.shape).to(value.dtype))
    return module.eval()


class InPlace(nn.Module):
    """A ReLU in place after a convolution with a dead channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(3, 2)

    def forward(self, batch: Tensor) -> Tensor:
        return self.fc(self.pool(self.relu(self.conv(batch))).amax((2, 3)))


class Functional(nn.Module):
    """Functional ReLUs, poolings and a clamp in the network's own forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.conv3 = nn.Conv2d(5, 6, 3, padding=1)
        self.conv4 = nn.Conv2d(6, 6, 3, padding=1)
        self.fc1 = nn.Linear(6 * 2 * 2, 7)
        self.fc2 = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv1(x))
        x = functional.relu_(self.norm(self.conv2(x)))
        x = functional.relu(functional.max_pool2d(self.conv3(x), 2))
        x = functional.avg_pool2d(self.conv4(x), 2)
        x = torch.clamp(self.fc1(x.flatten(1)), min=0)
        return functional.log_softmax(self.fc2(x), dim=1)


class Block(nn.Module):
    """One convolution with its norm and a ReLU of its own, as in GoogLeNet."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)), inplace=True)


class Residual(nn.Module):
    """A residual block with one ReLU module used twice and a shared convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.norm1(self.conv(x)))
        return self.relu(self.norm2(self.conv(inner)) + x)


class Sum(nn.Module):
    """A residual block that is rectified by a function."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv2(functional.relu(self.conv1(x))) + x)


class Fork(nn.Module):
    """Two branches side by side."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.left = Block(inputs, 2)
        self.right = nn.Sequential(nn.Conv2d(inputs, 3, 1), nn.ReLU(inplace=True), nn.Dropout())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], dim=1)


class WithImage(nn.Module):
    """A concatenation of a convolution and of something that no layer made."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x * 2, self.conv(x)], dim=1)


class BothSigns(nn.Module):
    """A convolution that one ReLU reads as it is and another one negated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return torch.cat([functional.relu(x), functional.relu(-x)], dim=1)


class Half(nn.Module):
    """A ReLU that is written into half of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x[:, :2].relu_()
        return x


class Shared(nn.Module):
    """One convolution used twice, a parameter beside the layers, tied weights, an idle layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.idle = nn.Linear(4, 2)
        self.out = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.out.weight

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        x = self.again(self.again(x)) * self.scale
        x = functional.max_pool2d(x, 2).mean((2, 3))
        return functional.linear(self.tied(self.out(x)), self.out.weight)


class LooksAtValues(nn.Module):
    """Looks at its numbers, so that it cannot run on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y if float(y.sum()) > 1e9 else y.relu()


class Tokens(nn.Module):
    """A small transformer's way: patches as tokens, a layer norm, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, stride=4)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.conv(x).flatten(2).transpose(1, 2))
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.fc((tokens + mixed).mean(1))


class ReadTwice(nn.Module):
    """A convolution whose output is read by a norm, and as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, batch: Tensor) -> Tensor:
        maps = self.convolution(batch)
        return self.norm(maps) + maps


class RunsTwice(nn.Module):
    """A convolution that runs twice, with a norm after its second run."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, batch: Tensor) -> Tensor:
        return self.norm(self.convolution(self.convolution(batch).relu()))


class OneSize(nn.Module):
    """Takes images of 8 × 8 pixels and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 8 * 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


class Returns(nn.Module):
    """Returns a dictionary, a tuple and a list in one another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> object:
        return {"out": ([self.conv(x)], None)}


class Broken(nn.Module):
    """Its forward raises."""

    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("weights")


class Empty(nn.Module):
    """Has no layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def _in_place() -> nn.Module:
    module = fill(InPlace())
    assert isinstance(module, InPlace)
    with torch.no_grad():
        module.conv.bias[2] = -100.0
    return module


def _shared_norm() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 1), norm, nn.ReLU(), nn.Conv2d(4, 4, 1), norm, nn.ReLU())
    )


def _every_window() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, dilation=2, padding=2),
        nn.LocalResponseNorm(3),
        nn.Conv2d(4, 8, (3, 1), stride=(2, 1), groups=2, bias=False),
        nn.GroupNorm(2, 8),
        nn.ReLU6(inplace=True),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.InstanceNorm2d(4, affine=True),
        nn.LeakyReLU(),
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(3),
        nn.Dropout2d(),
        nn.Identity(),
        nn.Flatten(),
        nn.Linear(36, 5),
        nn.Softmax(dim=1),
    )


class Arranged(nn.Module):
    """ReLUs behind arrangements, means, concatenations and slices of what may be rectified."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
        self.again = nn.ReLU()
        self.mixed = nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([functional.relu(self.left(x)), self.right(x).clamp(min=0)], dim=1)
        x = self.mixed(self.again(x)[:, :, 1:, 1:].permute(0, 1, 3, 2))
        x = functional.relu(functional.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2))
        x = self.fc(x.unsqueeze(1).squeeze(1) * 2)
        return self.out(torch.threshold(x.view(-1, 3), 0.0, 0.0) + functional.hardtanh(x, 0, 1))


def _rectified_again() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 2, 1), nn.ReLU6(), nn.AvgPool2d(2), nn.ReLU()),
        *(nn.Conv2d(2, 2, 1), nn.Threshold(0.0, 0.0), nn.AdaptiveAvgPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.ReLU(), nn.Linear(8, 4), nn.Unflatten(1, (1, 2, 2)), nn.ReLU()),
    )


def _before_a_relu() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 1), nn.Dropout2d(), nn.Identity(), nn.GroupNorm(2, 4), nn.ReLU6()),
        *(nn.Conv2d(4, 4, 1), nn.InstanceNorm2d(4, affine=True), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Hardswish()),
        *(nn.Conv2d(4, 4, 1), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.LeakyReLU()),
        *(nn.Conv2d(4, 4, 1), nn.Hardtanh(), nn.Conv2d(4, 4, 1), nn.Hardtanh(0.0, 1.0)),
        *(nn.Conv2d(4, 4, 1), nn.GELU(), nn.Conv2d(4, 4, 1), nn.Sigmoid()),
    )


def _reflect() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(),
        nn.ZeroPad2d((1, 2, 0, 1)),
        nn.Conv2d(4, 2, 3, padding="same"),
    )


@dataclass(frozen=True)
class Tiny:
    """A small network: how it is made, and the sizes of its images; the first is its own."""

    make: Callable[[], nn.Module]
    sizes: tuple[int, ...] = (8,)
    encoder_end: str | None = None


TINY: dict[str, Tiny] = {
    "in_place": Tiny(_in_place, (8, 4)),
    "functional": Tiny(lambda: fill(Functional()), (8, 10)),
    "block": Tiny(lambda: fill(nn.Sequential(Block(3, 4)))),
    "residual": Tiny(lambda: fill(nn.Sequential(nn.Conv2d(3, 4, 1), Residual(4)))),
    "sum": Tiny(lambda: fill(nn.Sequential(Sum(3)))),
    "fork": Tiny(lambda: fill(nn.Sequential(Fork(3), nn.Conv2d(5, 2, 1)))),
    "fork_end": Tiny(lambda: fill(nn.Sequential(Fork(3), nn.Conv2d(5, 2, 1))), encoder_end="0"),
    "no_such_end": Tiny(lambda: fill(nn.Sequential(Fork(3))), encoder_end="tail"),
    "with_image": Tiny(lambda: fill(nn.Sequential(WithImage()))),
    "both_signs": Tiny(lambda: fill(BothSigns())),
    "half": Tiny(lambda: fill(nn.Sequential(Half()))),
    "shared": Tiny(lambda: fill(Shared())),
    "shared_norm": Tiny(lambda: fill(_shared_norm())),
    "looks_at_values": Tiny(lambda: fill(LooksAtValues()), (8, 5)),
    "tokens": Tiny(lambda: fill(Tokens()), (8, 16)),
    "read_twice": Tiny(lambda: fill(ReadTwice())),
    "runs_twice": Tiny(lambda: fill(RunsTwice())),
    "every_window": Tiny(lambda: fill(_every_window()), (16, 21)),
    "arranged": Tiny(lambda: fill(Arranged())),
    "rectified_again": Tiny(lambda: fill(_rectified_again())),
    "before_a_relu": Tiny(lambda: fill(_before_a_relu())),
    "reflect": Tiny(lambda: fill(_reflect())),
    "two_relus": Tiny(
        lambda: fill(
            nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(inplace=True))
        )
    ),
    "one_size": Tiny(lambda: fill(OneSize()), (8, 20)),
    "returns": Tiny(lambda: fill(Returns())),
    "broken": Tiny(Broken),
    "empty": Tiny(Empty),
    "grey_only": Tiny(lambda: fill(nn.Sequential(nn.Conv2d(1, 2, 1)))),
}
