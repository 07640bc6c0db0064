"""Copies of a network that share its weights, and results cached for each network.

Hooks and flags are set on a clone, never on the network, so that no lock is needed and nothing has
to be restored: many threads can use one network at once.
"""

from __future__ import annotations

import copy
import functools
import types
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from convviz.errors import NetworkError
from convviz.language import tr
from convviz.networks import registry


def clone(module: nn.Module, *, device: str | None = None) -> nn.Module:
    """Copy a network's structure but not its weights.

    The copy has its own modules, in eval mode, and parameters that need no gradient. It takes
    milliseconds, however large the network: parameters and buffers share the original's memory.
    Hooks and flags set on the copy leave the original alone.

    Args:
        module: The network; it is not changed.
        device: "meta" for a copy with shapes but without values; None to share the values.

    Raises:
        NetworkError: The module holds something that cannot be copied, such as a lock or a file.
    """
    memo: dict[int, object] = {}
    parts = list(module.modules())
    for part in parts:
        # Tensors that are neither parameters nor buffers, such as the weight that weight_norm
        # computes, are in the module's __dict__.
        attributes = [
            value
            for value in vars(part).values()
            if not is_plainly_no_tensor(value) and isinstance(value, Tensor)
        ]
        for tensor in (*part._parameters.values(), *part._buffers.values(), *attributes):
            if tensor is not None and id(tensor) not in memo:
                memo[id(tensor)] = _share(tensor, device)
    if all(map(_is_plain, parts)):
        plain: nn.Module = _copy_plain(module, memo)
        return plain.eval()
    try:
        copied = copy.deepcopy(module, memo)
    except Exception as error:  # a user's module may raise anything while it is copied
        if isinstance(error, MemoryError):
            raise
        raise NetworkError(
            tr(
                "{name} cannot be copied, which convviz needs to look inside: {reason}.",
                name=type(module).__name__,
                reason=registry.reason(error),
            )
        ) from error
    return copied.eval()


# What deepcopy returns as it is, and so need not be asked about.
_ATOMS = frozenset(
    (
        *(type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, type),
        *(types.FunctionType, types.BuiltinFunctionType),
    )
)
_CONTAINERS = frozenset((list, tuple, set, dict, OrderedDict, torch.Size))
_NO_TENSORS = _ATOMS | _CONTAINERS
# A class that has its own of these, or any of those, wants to be copied in its own way.
_PICKLING = ("__reduce_ex__", "__reduce__", "__getstate__")
_COPYING = ("__deepcopy__", "__copy__", "__getnewargs_ex__", "__getnewargs__", "__slots__")
_REGISTERS = ("_parameters", "_buffers", "_modules")


def is_atom(value: object) -> bool:
    """Tell whether a value is a simple one that holds no others: a number, a text, a function."""
    return type(value) in _ATOMS


def is_plainly_no_tensor(value: object) -> bool:
    """Tell for nearly all attributes of modules, and quickly, that they are no tensors.

    It takes PyTorch a while to tell whether something is a tensor, and a network has thousands.
    """
    return type(value) in _NO_TENSORS


def _is_plain(module: nn.Module) -> bool:
    """Tell whether a module holds nothing but tensors, modules, and simple values.

    Almost all do. deepcopy does right by all modules, but it takes twenty times as long.
    """
    kind = type(module)
    if any(getattr(kind, name) is not getattr(nn.Module, name) for name in _PICKLING):
        return False
    # PyTorch's own only fill in what files of earlier versions lack.
    if not kind.__setstate__.__module__.startswith("torch.nn.modules."):
        return False
    if any(hasattr(kind, name) for name in _COPYING) or "_compiled_call_impl" in vars(module):
        return False
    # Nearly all values are simple, and most are empty; whether one is a tensor takes longest.
    return all(
        type(value) in _ATOMS or name in _REGISTERS or _is_simple(value)
        for name, value in vars(module).items()
    )


def _is_simple(value: object) -> bool:
    """Tell whether a value is a simple one or a tensor, or a list, tuple, set or dictionary."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind not in _CONTAINERS:
        return isinstance(value, Tensor)
    if not value:
        return True
    if kind in (dict, OrderedDict):
        pairs = value.items()  # type: ignore[attr-defined]
        return all(type(each) in _ATOMS for pair in pairs for each in pair)
    return all(type(each) in _ATOMS for each in value)  # type: ignore[attr-defined]


def _copy_plain(module: nn.Module, memo: dict[int, object]) -> Any:
    """Copy a plain module; `memo` has the tensors' copies, and gets the modules'."""
    if id(module) in memo:
        return memo[id(module)]
    copied = memo[id(module)] = type(module).__new__(type(module))
    state = vars(copied)
    for name, value in vars(module).items():
        kind = type(value)
        if kind in _ATOMS:
            state[name] = value
        elif kind in _CONTAINERS and not value:
            state[name] = kind()
        elif name == "_modules":
            state[name] = type(value)(
                (key, None if part is None else _copy_plain(part, memo))
                for key, part in value.items()
            )
        elif name in _REGISTERS:
            state[name] = type(value)(
                (key, None if tensor is None else memo[id(tensor)]) for key, tensor in value.items()
            )
        elif kind in _CONTAINERS:
            state[name] = kind(value)
        else:
            state[name] = memo[id(value)]  # a tensor, as all else is simple
    return copied


def _share(tensor: Tensor, device: str | None) -> Tensor:
    if is_lazy(tensor):
        raise NetworkError(
            tr("A lazy layer has no weights yet: let build() run the network once on an image.")
        )
    shared = tensor.detach()
    if device is not None and shared.device.type != device:
        shared = torch.empty_like(shared, device=device)
    return nn.Parameter(shared, requires_grad=False) if isinstance(tensor, nn.Parameter) else shared


P = ParamSpec("P")
T = TypeVar("T")
OfModule = Callable[Concatenate[nn.Module, P], T]


def _arguments(*args: Any, **kwargs: Any) -> Hashable:
    return args, tuple(sorted(kwargs.items()))


def per_module(
    *, key: Callable[..., Hashable] = _arguments, keep: int = 16
) -> Callable[[OfModule[P, T]], OfModule[P, T]]:
    """Make a decorator that caches what a function of a network returns.

    A result is kept for as long as the network lives, so it must not refer to the network itself.

    Args:
        key: Makes the result's key from the function's other arguments; by default the arguments
            themselves, which then must be hashable.
        keep: How many results are kept for each network, the latest.
    """

    def decorate(function: OfModule[P, T]) -> OfModule[P, T]:
        caches: WeakKeyDictionary[nn.Module, dict[Hashable, T]] = WeakKeyDictionary()
        lock = Lock()

        @functools.wraps(function)
        def cached(module: nn.Module, /, *args: P.args, **kwargs: P.kwargs) -> T:
            entry = key(*args, **kwargs)
            with lock:
                results = caches.setdefault(module, {})
                if entry in results:
                    return results[entry]
            result = function(module, *args, **kwargs)
            with lock:
                while len(results) >= keep:
                    results.pop(next(iter(results)))
                results[entry] = result
            return result

        return cached

    return decorate
