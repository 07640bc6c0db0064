"""A design as a Python file in plain PyTorch, to take home: it needs no convviz.

The file's parts have the names of `design_module.DesignNetwork`, so that weights of one can be
loaded into the other, and do the same in the same order.
"""

from __future__ import annotations

import keyword
import re

from torch import nn

from convviz.networks.design_blocks import (
    AuxiliaryBlock,
    EndBlock,
    FlattenBlock,
    GapBlock,
    InceptionBlock,
    ResidualBlock,
)
from convviz.networks.design_module import FLATTEN, PlacedBlock, PlacedDesign, Shape

_HEAD = '''"""A network in plain PyTorch.

It takes a batch of images, {images}, and returns {returns}.{training}

The design, one line a block:

{design}
"""

import torch
from torch import nn
'''

_INCEPTION = '''

def convolutions(channels, layers, norm):
    """Stack convolutions, each (channels, kernel), that keep a map's size; a ReLU follows each."""
    parts = []
    for outputs, kernel in layers:
        parts.append(nn.Conv2d(channels, outputs, kernel, padding=kernel // 2, bias=not norm))
        if norm:
            parts.append(nn.BatchNorm2d(outputs))
        parts.append(nn.ReLU())
        channels = outputs
    return nn.Sequential(*parts)


class Inception(nn.Module):
    """Four branches side by side; each is a list of convolutions, the last follows a pooling."""

    def __init__(self, channels, first, second, third, fourth, norm=False):
        super().__init__()
        self.branch1 = convolutions(channels, first, norm)
        self.branch2 = convolutions(channels, second, norm)
        self.branch3 = convolutions(channels, third, norm)
        pooling = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch4 = nn.Sequential(pooling, *convolutions(channels, fourth, norm))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)
'''

_AUXILIARY = '''

class Auxiliary(nn.Module):
    """A classifier beside the network, which helps training."""

    def __init__(self, channels, classes, norm=False):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = nn.Conv2d(channels, 128, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(128) if norm else None
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x):
        x = self.conv(self.pool(x))
        if self.norm is not None:
            x = self.norm(x)
        x = torch.relu(self.fc1(torch.flatten(torch.relu(x), 1)))
        return self.fc2(self.dropout(x))
'''

_LOADING = '''

def load_weights(network, path):
    """Load weights into the network and return it: a .safetensors file, or one of torch.save."""
    if str(path).endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return network
'''

_TAKEN = {"Inception", "Auxiliary"}  # names of the file's other classes


def torch_code(placed: PlacedDesign) -> str:
    """Write a design as a Python file.

    Its last class is the network, and is made without arguments. Importing the file loads nothing;
    its `load_weights` loads a file of weights.
    """
    kinds = {type(each.block) for each in placed.blocks}
    heads = placed.module.auxiliary
    output = placed.blocks[-1].output
    returns = f"(N, {', '.join(map(str, output))})"
    shape = ", ".join(map(str, placed.design.input.shape))
    head = _HEAD.format(
        images=f"(N, {shape})",
        returns=returns,
        training=(
            "\nIn training it returns a tuple: that, and the scores of each auxiliary classifier; "
            f"their\nlosses count {_listed(placed.module.auxiliary_weights)} times."
            if heads
            else ""
        ),
        design="\n".join(f"    {each.block.text}" for each in placed.blocks),
    )
    parts = [head]
    if InceptionBlock in kinds:
        parts.append(_INCEPTION)
    if AuxiliaryBlock in kinds:
        parts.append(_AUXILIARY)
    parts.append(_LOADING)
    name = class_name(placed.design.name)
    lines = [
        f"\n\nclass {name}(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
    ]
    lines += [f"        {line}" for each in placed.blocks for line in _made(each)]
    lines += ["", f"    def forward(self, x):  # {_times(placed.design.input.shape)}"]
    lines += [f"        {line}" for each in placed.blocks for line in _run(each)]
    if heads:
        lines += [
            "        if self.training:",
            f"            return x, {', '.join(heads)}",
        ]
    lines.append("        return x")
    return "".join(parts) + "\n".join(lines) + "\n"


def class_name(name: str) -> str:
    """Make the name of a class of a design's name: "LeNet-5" becomes LeNet5."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words)
    if not joined or joined[0].isdigit() or keyword.iskeyword(joined) or joined in _TAKEN:
        return f"Network{joined}"
    return joined


def _made(placed: PlacedBlock) -> list[str]:
    """Write what makes a block's parts."""
    block = placed.block
    if isinstance(block, InceptionBlock):
        return [f"self.{placed.parts[0][0]} = {_inception(placed.comes[0], block)}"]
    if isinstance(block, AuxiliaryBlock):
        name, part = placed.parts[0]
        classes = part.get_submodule("fc2").out_features
        norm = ", norm=True" if block.batch_norm else ""
        return [f"self.{name} = Auxiliary({placed.comes[0]}, {classes}{norm})"]
    return [f"self.{name} = {_module(part)}" for name, part in placed.parts]


def _inception(channels: int, block: InceptionBlock) -> str:
    second = [(block.reduce3, 1)] * bool(block.reduce3) + [(block.conv3, 3)]
    kernels = {"5x5": [5], "3x3": [3], "3x3s": [3, 3]}[block.third]
    third = [(block.reduce5, 1)] * bool(block.reduce5) + [(block.conv5, k) for k in kernels]
    norm = ", norm=True" if block.batch_norm else ""
    return (
        f"Inception({channels}, {[(block.conv1, 1)]}, {second}, {third}, {[(block.pool, 1)]}{norm})"
    )


def _module(part: nn.Module) -> str:
    """Write the call that makes a module of PyTorch's."""
    match part:
        case nn.Sequential():
            return f"nn.Sequential({', '.join(map(_module, part))})"
        case nn.Conv2d():
            options = {
                "stride": (part.stride, (1, 1)),
                "padding": (part.padding, (0, 0)),
                "dilation": (part.dilation, (1, 1)),
            }
            words = [str(part.in_channels), str(part.out_channels), _size(part.kernel_size)]
            words += [f"{key}={_size(v)}" for key, (v, usual) in options.items() if v != usual]
            words += [f"groups={part.groups}"] if part.groups > 1 else []
            words += [] if part.bias is not None else ["bias=False"]
            return f"nn.Conv2d({', '.join(words)})"
        case nn.MaxPool2d() | nn.AvgPool2d():
            words = [_size(part.kernel_size), f"stride={_size(part.stride)}"]
            words += [f"padding={_size(part.padding)}"] if part.padding not in (0, (0, 0)) else []
            words += ["ceil_mode=True"] if part.ceil_mode else []
            return f"nn.{type(part).__name__}({', '.join(words)})"
        case nn.AdaptiveAvgPool2d():
            return f"nn.AdaptiveAvgPool2d({_size(part.output_size)})"
        case nn.BatchNorm2d() | nn.BatchNorm1d():
            return f"nn.{type(part).__name__}({part.num_features})"
        case nn.LocalResponseNorm():
            return f"nn.LocalResponseNorm({part.size}, {part.alpha}, {part.beta}, {part.k})"
        case nn.Dropout():
            return f"nn.Dropout({part.p})"
        case nn.Linear():
            return f"nn.Linear({part.in_features}, {part.out_features})"
        case nn.ReLU():
            return "nn.ReLU()"
    raise NotImplementedError(type(part).__name__)


def _run(placed: PlacedBlock) -> list[str]:
    """Write what a block does, with the size of what it returns as a comment."""
    block, after = placed.block, f"  # {_times(placed.output)}"
    names = [name for name, _ in placed.parts]
    if isinstance(block, ResidualBlock):
        return ["kept = x"]
    if isinstance(block, EndBlock):
        return [f"x = x + {f'self.{names[0]}(kept)' if names else 'kept'}{after}"]
    if isinstance(block, FlattenBlock):
        return [f"x = torch.flatten(x, 1){after}"]
    if isinstance(block, AuxiliaryBlock):
        return [f"{names[0]} = self.{names[0]}(x) if self.training else None"]
    if not names:
        return []  # the input
    if isinstance(block, GapBlock):
        return [f"x = torch.flatten(self.{names[0]}(x), 1){after}"]
    inside = "torch.flatten(x, 1)" if FLATTEN in placed.steps else "x"
    return [f"x = self.{names[0]}({inside}){after}"]


def _size(size: object) -> str:
    """Write a size for one or for both axes: 3, or (1, 7)."""
    if isinstance(size, tuple) and len(set(size)) == 1:
        return str(size[0])
    return str(size)


def _times(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _listed(numbers: tuple[float, ...]) -> str:
    return " and ".join(f"{number:g}" for number in numbers)
