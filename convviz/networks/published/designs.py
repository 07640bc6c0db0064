"""The layers of the networks as their papers describe them, kind by kind.

Nothing here is a total: parameters and MACs are counted from the module that `build` makes of a
description, by the same code that counts any other network.
"""

from dataclasses import dataclass


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
    """Max pooling; `ceil` also keeps a window that hangs over the edge."""

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


@dataclass(frozen=True)
class Head:
    """An auxiliary classifier after a layer (GoogLeNet paper, section 5)."""

    after: str


Description = Conv | MaxPool | ResponseNorm | Inception | GlobalAverage | Linear


@dataclass(frozen=True)
class Design:
    """A network as its paper describes it.

    Attributes:
        name: Short name.
        title: Name for people.
        paper: Authors and year.
        input_size: Side of the picture that makes the paper's arithmetic work, in pixels.
        torchvision: Name of torchvision's version of it in convviz; empty if there is none.
        layers: Name and description of each layer, in order.
        encoder_end: Name of the last layer before the classifier.
        heads: Name and place of each auxiliary classifier.
        differences: Sentences: how torchvision's version differs.
    """

    name: str
    title: str
    paper: str
    input_size: int
    torchvision: str
    layers: tuple[tuple[str, Description], ...]
    encoder_end: str
    heads: tuple[tuple[str, Head], ...] = ()
    differences: tuple[str, ...] = ()


ALEXNET = Design(
    name="alexnet-2012",
    title="AlexNet, 2012 paper",
    paper="Krizhevsky, Sutskever & Hinton 2012",
    input_size=227,
    torchvision="alexnet",
    encoder_end="pool5",
    layers=(
        ("conv1", Conv(96, 11, stride=4)),
        ("norm1", ResponseNorm()),
        ("pool1", MaxPool(3, 2)),
        # Two graphics cards with half of the channels each: conv2, conv4 and conv5 see only the
        # half of their own card, which is a convolution in two groups.
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
        "The paper splits the network over two graphics cards: conv2, conv4 and conv5 see only half"
        " of the channels before them. torchvision builds one tower.",
        "The paper normalises the responses after conv1 and conv2; torchvision does not.",
        "torchvision has fewer channels in its first layers and pads the picture at conv1.",
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

GOOGLENET = Design(
    name="googlenet-2015",
    title="GoogLeNet, 2015 paper",
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
    heads=(("aux1", Head("inception4a")), ("aux2", Head("inception4d"))),
    differences=(
        "The paper's third branch has a 5×5 kernel; torchvision's has a 3×3 kernel there.",
        "The paper has biases and no batch norm; torchvision has batch norm and no biases.",
        "The paper normalises responses around conv2 and conv3; torchvision does not.",
    ),
)


def _vgg(letter: str, blocks: tuple[tuple[int, ...], ...], torchvision: str = "") -> Design:
    """Describe one column of the VGG paper's table 1; a negative number is a 1×1 convolution."""
    layers: list[tuple[str, Description]] = []
    for b, block in enumerate(blocks, 1):
        for i, channels in enumerate(block, 1):
            conv = Conv(channels, 3, padding=1) if channels > 0 else Conv(-channels, 1)
            layers.append((f"conv{b}_{i}", conv))
        layers.append((f"pool{b}", MaxPool(2, 2)))
    layers += [("fc6", Linear(4096)), ("fc7", Linear(4096)), ("fc8", Linear(1000))]
    return Design(
        name=f"vgg-2015-{letter.lower()}",
        title=f"VGG, 2015 paper, column {letter}",
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
