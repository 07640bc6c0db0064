"""The networks as their papers describe them, layer by layer.

No totals are written down here: parameters and MACs are counted from the module that `build` makes
of a design, by the code that counts any other network.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from convviz.language import in_english, later, tr
from convviz.networks.network import NetworkSpec


@dataclass(frozen=True)
class Conv:
    """A convolution with biases, followed by ReLU."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1


@dataclass(frozen=True)
class MaxPool:
    """Max pooling; `ceil` also keeps a window that extends beyond the edge."""

    kernel: int
    stride: int
    ceil: bool = False


@dataclass(frozen=True)
class ResponseNorm:
    """Local response normalisation over five neighbouring channels (AlexNet, section 3.3)."""


@dataclass(frozen=True)
class Inception:
    """An Inception module, in the columns of the GoogLeNet paper's table 1."""

    conv1: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    pool: int


@dataclass(frozen=True)
class GlobalAverage:
    """The mean of each map."""


@dataclass(frozen=True)
class Linear:
    """A fully connected layer; all but a network's last are followed by ReLU."""

    units: int


Description = Conv | MaxPool | ResponseNorm | Inception | GlobalAverage | Linear


@dataclass(frozen=True)
class PaperDesign:
    """A network as its paper describes it.

    Attributes:
        name: Short name.
        title: Name for people; `language.again` tells it in another language.
        paper: Authors and year.
        input_size: Side of the image that makes the paper's arithmetic work, in pixels.
        torchvision: Name of torchvision's version of it in convviz; empty if there is none.
        layers: Name and description of each layer, in order.
        encoder_end: Name of the last layer before the classifier.
        heads: Name of each auxiliary classifier, and of the layer whose output it reads.
        differences: Sentences, told where they are shown: how torchvision's version differs.
    """

    name: str
    title: str
    paper: str
    input_size: int
    torchvision: str
    layers: tuple[tuple[str, Description], ...]
    encoder_end: str
    heads: tuple[tuple[str, str], ...] = ()
    differences: tuple[str, ...] = ()


ALEXNET = PaperDesign(
    name="alexnet-2012",
    title=in_english(tr("AlexNet, 2012 paper")),
    paper="Krizhevsky, Sutskever & Hinton 2012",
    input_size=227,
    torchvision="alexnet",
    encoder_end="pool5",
    layers=(
        ("conv1", Conv(96, 11, stride=4)),
        ("norm1", ResponseNorm()),
        ("pool1", MaxPool(3, 2)),
        # Two graphics cards with half of the channels each: conv2, conv4 and conv5 see only the
        # half on the same card, which is a convolution in two groups.
        ("conv2", Conv(256, 5, padding=2, groups=2)),
        ("norm2", ResponseNorm()),
        ("pool2", MaxPool(3, 2)),
        ("conv3", Conv(384, 3, padding=1)),
        ("conv4", Conv(384, 3, padding=1, groups=2)),
        ("conv5", Conv(256, 3, padding=1, groups=2)),
        ("pool5", MaxPool(3, 2)),
        ("fc6", Linear(4096)),
        ("fc7", Linear(4096)),
        ("fc8", Linear(1000)),
    ),
    differences=(
        later(
            "The paper splits the network over two graphics cards: conv2, conv4 and conv5 "
            "see only half of the channels before them. torchvision builds one tower."
        ),
        later("The paper normalises the responses after conv1 and conv2; torchvision does not."),
        later(
            "torchvision has fewer channels in conv1, conv2 and conv4, and pads the image at conv1."
        ),
    ),
)


_INCEPTIONS = (
    ("inception3a", Inception(64, 96, 128, 16, 32, 32)),
    ("inception3b", Inception(128, 128, 192, 32, 96, 64)),
    ("pool3", MaxPool(3, 2, ceil=True)),
    ("inception4a", Inception(192, 96, 208, 16, 48, 64)),
    ("inception4b", Inception(160, 112, 224, 24, 64, 64)),
    ("inception4c", Inception(128, 128, 256, 24, 64, 64)),
    ("inception4d", Inception(112, 144, 288, 32, 64, 64)),
    ("inception4e", Inception(256, 160, 320, 32, 128, 128)),
    ("pool4", MaxPool(3, 2, ceil=True)),
    ("inception5a", Inception(256, 160, 320, 32, 128, 128)),
    ("inception5b", Inception(384, 192, 384, 48, 128, 128)),
)


GOOGLENET = PaperDesign(
    name="googlenet-2015",
    title=in_english(tr("GoogLeNet, 2015 paper")),
    paper="Szegedy et al. 2015",
    input_size=224,
    torchvision="googlenet",
    encoder_end="inception5b",
    layers=(
        ("conv1", Conv(64, 7, stride=2, padding=3)),
        ("pool1", MaxPool(3, 2, ceil=True)),
        ("norm1", ResponseNorm()),
        ("conv2", Conv(64, 1)),
        ("conv3", Conv(192, 3, padding=1)),
        ("norm2", ResponseNorm()),
        ("pool2", MaxPool(3, 2, ceil=True)),
        *_INCEPTIONS,
        ("avgpool", GlobalAverage()),
        ("fc", Linear(1000)),
    ),
    heads=(("aux1", "inception4a"), ("aux2", "inception4d")),
    differences=(
        later("The paper's third branch has a 5×5 kernel; torchvision's has a 3×3 kernel there."),
        later("The paper has biases and no batch norm; torchvision has batch norm and no biases."),
        later("The paper normalises responses around conv2 and conv3; torchvision does not."),
    ),
)


def _vgg(letter: str, blocks: tuple[tuple[int, ...], ...], torchvision: str = "") -> PaperDesign:
    """Describe one column of the VGG paper's table 1; a negative number is a 1×1 convolution."""
    layers: list[tuple[str, Description]] = []
    for b, block in enumerate(blocks, 1):
        for i, channels in enumerate(block, 1):
            conv = Conv(channels, 3, padding=1) if channels > 0 else Conv(-channels, 1)
            layers.append((f"conv{b}_{i}", conv))
        layers.append((f"pool{b}", MaxPool(2, 2)))
    layers += [("fc6", Linear(4096)), ("fc7", Linear(4096)), ("fc8", Linear(1000))]
    return PaperDesign(
        name=f"vgg-2015-{letter.lower()}",
        title=in_english(tr("VGG, 2015 paper, column {letter}", letter=letter)),
        paper="Simonyan & Zisserman 2015",
        input_size=224,
        torchvision=torchvision,
        layers=tuple(layers),
        encoder_end="pool5",
    )


VGGS = (
    _vgg("A", ((64,), (128,), (256, 256), (512, 512), (512, 512)), "vgg11"),
    _vgg("B", ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)), "vgg13"),
    _vgg("C", ((64, 64), (128, 128), (256, 256, -256), (512, 512, -512), (512, 512, -512))),
    _vgg("D", ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3), "vgg16"),
    _vgg("E", ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4), "vgg19"),
)


DESIGNS = (ALEXNET, *VGGS, GOOGLENET)


def published_form_of(network: str) -> PaperDesign | None:
    """Return the paper's design of one of convviz' networks; None if there is none."""
    return next((design for design in DESIGNS if design.torchvision == network), None)


def build(design: PaperDesign) -> nn.Module:
    """Build a design on torch's meta device: shapes without values.

    In train mode it returns (scores, scores of aux2, scores of aux1) where it has such heads, in
    the order in which torchvision's GoogLeNet returns them; else its scores, (N, 1000).
    """
    with torch.device("meta"):
        return PaperNetwork(design).eval().requires_grad_(False)


def describe(design: PaperDesign) -> NetworkSpec:
    """Return the spec with which a design can be counted like any other network."""
    return NetworkSpec(
        name=design.name,
        title=design.title,
        build=partial(build, design),
        paper=design.paper,
        input_size=design.input_size,
        encoder_end=design.encoder_end,
        auxiliary=tuple(name for name, _ in design.heads),
        title_of=_title,
    )


_BRANCHES = {
    "branch1.0": "1×1",
    "branch2.0": "3×3 reduce",
    "branch2.2": "3×3",
    "branch3.0": "5×5 reduce",
    "branch3.2": "5×5",
    "branch4.0": "pool",
    "branch4.1": "pool projection",
}


def _title(name: str) -> str | None:
    """Name a part of a published network: "inception3a · 3×3 reduce", "conv1"."""
    stage, _, part = name.partition(".")
    if part in _BRANCHES:
        return f"{stage} · {_BRANCHES[part]}"
    return stage if part in {"", "0"} else None


class PaperNetwork(nn.Module):
    """A network built from a description, its layers named as in the description."""

    def __init__(self, design: PaperDesign) -> None:
        super().__init__()
        self.design = design
        channels, size = 3, design.input_size
        last = design.layers[-1][0]
        heads = {after: name for name, after in design.heads}
        modules: list[tuple[str, nn.Module]] = []
        for name, description in design.layers:
            part, channels, size = _layer(description, channels, size, final=name == last)
            self.add_module(name, part)
            if name in heads:
                modules.append((heads[name], AuxiliaryHead(channels)))
        for name, module in modules:
            self.add_module(name, module)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return class scores, and in train mode those of the auxiliary heads."""
        heads = {after: name for name, after in self.design.heads}
        x, head_scores = image, list[Tensor]()
        for name, description in self.design.layers:
            if isinstance(description, Linear) and x.dim() > 2:
                x = torch.flatten(x, 1)
            x = self.get_submodule(name)(x)
            if self.training and name in heads:
                head_scores.append(self.get_submodule(heads[name])(x))
        return (x, *reversed(head_scores)) if head_scores else x


class PaperInception(nn.Module):
    """Four parallel branches whose outputs are concatenated along the channels."""

    def __init__(self, channels: int, plan: Inception) -> None:
        super().__init__()
        self.branch1 = nn.Sequential(*_conv(channels, Conv(plan.conv1, 1)))
        self.branch2 = nn.Sequential(
            *_conv(channels, Conv(plan.reduce3, 1)),
            *_conv(plan.reduce3, Conv(plan.conv3, 3, padding=1)),
        )
        self.branch3 = nn.Sequential(
            *_conv(channels, Conv(plan.reduce5, 1)),
            *_conv(plan.reduce5, Conv(plan.conv5, 5, padding=2)),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *_conv(channels, Conv(plan.pool, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the branches' outputs."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class AuxiliaryHead(nn.Module):
    """Average pooling 5×5/3, 1×1 convolution, two fully connected layers (paper, section 5)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)
        self.conv = nn.Sequential(*_conv(channels, Conv(128, 1)))
        self.fc1 = nn.Sequential(nn.Linear(128 * 4 * 4, 1024), nn.ReLU())
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores."""
        x = torch.flatten(self.conv(self.pool(x)), 1)
        scores: Tensor = self.fc2(self.dropout(self.fc1(x)))
        return scores


def _conv(channels: int, plan: Conv) -> Iterable[nn.Module]:
    yield nn.Conv2d(
        channels,
        plan.channels,
        plan.kernel,
        stride=plan.stride,
        padding=plan.padding,
        groups=plan.groups,
    )
    yield nn.ReLU()


def _layer(
    plan: Description, channels: int, size: int, *, final: bool
) -> tuple[nn.Module, int, int]:
    """Build one layer; return it with the channels and the side of its output."""
    if isinstance(plan, Conv):
        side = (size + 2 * plan.padding - plan.kernel) // plan.stride + 1
        return nn.Sequential(*_conv(channels, plan)), plan.channels, side
    if isinstance(plan, MaxPool):
        length = size - plan.kernel + (plan.stride - 1 if plan.ceil else 0)
        pool = nn.MaxPool2d(plan.kernel, stride=plan.stride, ceil_mode=plan.ceil)
        return pool, channels, length // plan.stride + 1
    if isinstance(plan, ResponseNorm):
        # The paper's α is not divided by the number of neighbours; torch divides it.
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0), channels, size
    if isinstance(plan, Inception):
        outputs = plan.conv1 + plan.conv3 + plan.conv5 + plan.pool
        return PaperInception(channels, plan), outputs, size
    if isinstance(plan, GlobalAverage):
        return nn.AdaptiveAvgPool2d(1), channels, 1
    linear = nn.Linear(channels * size * size, plan.units)
    return linear if final else nn.Sequential(linear, nn.ReLU(), nn.Dropout()), plan.units, 1
