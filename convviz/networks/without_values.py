"""Building a network without drawing its weights, and giving it memory afterwards.

PyTorch draws the weights of a network while it is built, which takes 17 seconds and 3 GB for the
largest vision transformer, although weights from a file replace them at once. Here parameters are
made on PyTorch's "meta" device, with shapes but without values, and nothing is drawn. Tensors that
a constructor computes, such as a table of relative positions, or reads, as RegNet's does to find
its widths, have values while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What fills a tensor: left out where it has no values.
_FILLING = frozenset(
    (
        *("zero_", "zeros_", "ones_", "constant_", "fill_", "copy_", "erfinv_"),
        *("mul_", "div_", "add_", "sub_", "clamp_"),
    )
)
# What draws random numbers, in place: left out everywhere.
_DRAWING = frozenset(
    (
        *("normal_", "uniform_", "trunc_normal_", "exponential_", "bernoulli_", "random_"),
        *("xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_"),
        *("orthogonal_", "sparse_"),
    )
)
_COMPUTED = "convviz_computed"  # the attribute of a tensor on the meta device that has its value


class _ShapesOnly(TorchFunctionMode):
    """Makes uninitialised tensors on the meta device, and draws no random numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one of PyTorch's functions, or leave it out."""
        kwargs = kwargs or {}
        if func is torch.empty and kwargs.get("device") is None:
            return func(*args, **{**kwargs, "device": "meta"})
        name = getattr(func, "__name__", "")
        if name in _DRAWING or name in _FILLING:
            filled = args[0] if args else kwargs.get("tensor")
            if isinstance(filled, Tensor) and (filled.is_meta or name in _DRAWING):
                return filled
        return func(*args, **kwargs)


def build_without_values(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the meta device: shapes without values, nothing drawn.

    Unlike under `torch.device("meta")`, a constructor may read tensors that it computes.

    Args:
        build: Builds the network; its parameters are to be made by `torch.empty`, as those of
            PyTorch's own layers are.
    """
    # The CPU, named here, wins over a device that the caller has chosen as the default.
    with torch.device("cpu"), _ShapesOnly():
        module = build()
    replaced: dict[int, Tensor] = {}
    for register, name, tensor in _tensors(module):
        if id(tensor) not in replaced:
            replaced[id(tensor)] = tensor if tensor.is_meta else _without_value(tensor)
        register[name] = replaced[id(tensor)]
    return module


def give_memory(module: nn.Module) -> set[str]:
    """Bring a network on the meta device to the CPU, in place.

    What its constructor computed has that value again; the rest is not initialised.

    Returns:
        Names of the parameters and buffers that still have no values.
    """
    empty = {
        name
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
        if tensor.is_meta and not hasattr(tensor, _COMPUTED)
    }
    replaced: dict[int, Tensor] = {}
    for register, name, tensor in _tensors(module):
        if id(tensor) not in replaced:
            replaced[id(tensor)] = _with_memory(tensor) if tensor.is_meta else tensor
        register[name] = replaced[id(tensor)]
    return empty


def _tensors(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    """List every parameter and buffer, with the dictionary and the name that it stands under."""
    for part in module.modules():
        for register in (part._parameters, part._buffers):
            for name, tensor in list(register.items()):
                if tensor is not None:
                    yield register, name, tensor


def _without_value(tensor: Tensor) -> Tensor:
    emptied = torch.empty_like(tensor, device="meta")
    if isinstance(tensor, nn.Parameter):
        emptied = nn.Parameter(emptied, requires_grad=tensor.requires_grad)
    setattr(emptied, _COMPUTED, tensor.detach())
    return emptied


def _with_memory(tensor: Tensor) -> Tensor:
    computed = getattr(tensor, _COMPUTED, None)
    filled = torch.empty_like(tensor, device="cpu") if computed is None else computed.clone()
    is_parameter = isinstance(tensor, nn.Parameter)
    return nn.Parameter(filled, requires_grad=tensor.requires_grad) if is_parameter else filled
