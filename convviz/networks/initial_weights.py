"""Untrained weights, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from convviz.networks.clone import clone
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import build
from convviz.networks.without_values import give_memory


def untrained(spec: NetworkSpec, seed: int) -> nn.Module:
    """Build a network with random weights, the same for the same seed.

    One rule for all networks, which keeps a signal's strength from layer to layer in eval mode:
    convolutions are normal with variance 2 / (inputs per output value) (He et al. 2015), linear
    layers uniform in ±1/√inputs as torch draws them, biases zero, batch norms the identity.
    torchvision's VGG follows it except that it counts outputs instead of inputs; its AlexNet uses a
    narrower uniform, and its GoogLeNet a standard deviation of 0.01 with which, in eval mode, the
    signal would vanish from layer to layer. The matrices of an attention layer are drawn as linear
    layers are, layer and group norms are the identity, and positions that a network learns are
    normal with a standard deviation of 0.02 (Dosovitskiy et al. 2021). A user's network keeps what
    its build() drew in layers of any other kind.

    Returns:
        The module in eval mode, its parameters without gradients.

    Raises:
        NetworkError: A user's build() fails, or what it returns cannot be copied.
    """
    module = build(spec)
    generator = torch.Generator().manual_seed(seed)
    empty: set[str] = set()
    with torch.no_grad():
        if any(parameter.is_meta for parameter in module.parameters()):
            empty = give_memory(module)
        else:
            module = clone(module)  # a user's build() may return the same module every time
            for tensor in (*module.parameters(), *module.buffers()):
                tensor.data = tensor.clone()
        draw(module, generator)
        for name, parameter in module.named_parameters():
            if name in empty and not isinstance(module.get_submodule(_owner(name)), _DRAWN):
                parameter.normal_(0.0, _POSITIONS, generator=generator)
    return module


@torch.no_grad()
def draw(module: nn.Module, generator: torch.Generator) -> None:
    """Draw a module's weights in place by the rule of `untrained`."""
    for part in module.modules():
        _draw(part, generator)


def set_weight(part: nn.modules.conv._ConvNd | nn.Linear, fill: Callable[[Tensor], Tensor]) -> None:
    """Give a convolution or linear layer other weights, in place.

    Weights that are computed from others (weight_norm, spectral_norm, pruning) are set by those.

    Args:
        part: The layer.
        fill: Fills a tensor of the weights' shape in place, and returns it.
    """
    if is_parametrized(part, "weight"):
        with suppress(NotImplementedError):  # one that cannot be turned round keeps its weights
            part.weight = fill(torch.empty_like(part.weight))
    elif "weight_g" in part._parameters:  # PyTorch's first weight_norm: length and direction
        length, direction = part._parameters["weight_g"], part._parameters["weight_v"]
        if length is not None and direction is not None:
            fill(direction)
            over = [axis for axis, size in enumerate(length.shape) if size == 1]
            length.copy_(torch.linalg.vector_norm(direction, dim=over or None, keepdim=True))
    else:
        original = part._parameters.get("weight_orig")  # of a spectral norm, or of pruning
        fill(part.weight if original is None else original)


def _settle_spectral_norm(part: nn.Module, generator: torch.Generator) -> None:
    """Let a spectral norm find the new weights' largest singular value, which training does else.

    Its power iteration (Miyato et al. 2018) starts from a vector that is drawn.
    """
    starts = [b for n, b in part.named_buffers() if n.rpartition(".")[2] in _VECTORS]
    if not starts:
        return
    for start in starts:
        start.normal_(generator=generator)
        start.div_(start.norm())
    training = part.training
    part.train()
    for _ in range(_POWER_ITERATIONS):
        getattr(part, "weight", None)  # which a parametrization computes when it is read
        for hook in part._forward_pre_hooks.values():
            hook(part, ())
    part.train(training)


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


_VECTORS = ("_u", "_v", "weight_u", "weight_v")  # of a spectral norm
_POWER_ITERATIONS = 50
_POSITIONS = 0.02  # standard deviation of what tells a transformer the tokens' places
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
_DRAWN = (nn.modules.conv._ConvNd, nn.Linear, nn.MultiheadAttention, *_NORMS)


def _draw(part: nn.Module, generator: torch.Generator) -> None:
    if isinstance(part, nn.modules.conv._ConvNd):
        inputs = part.weight[0].numel()
        set_weight(part, lambda x: x.normal_(0.0, (2 / inputs) ** 0.5, generator=generator))
        _settle_spectral_norm(part, generator)
    elif isinstance(part, nn.Linear):
        bound = part.in_features**-0.5
        set_weight(part, lambda x: x.uniform_(-bound, bound, generator=generator))
        _settle_spectral_norm(part, generator)
    elif isinstance(part, nn.MultiheadAttention) and part.in_proj_weight is not None:
        bound = part.embed_dim**-0.5
        part.in_proj_weight.uniform_(-bound, bound, generator=generator)
        if part.in_proj_bias is not None:
            part.in_proj_bias.zero_()
    elif isinstance(part, _NORMS):
        part.reset_parameters()
    if isinstance(part, (nn.modules.conv._ConvNd, nn.Linear)) and part.bias is not None:
        part.bias.zero_()
