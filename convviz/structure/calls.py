"""How often each module of a network is called in one forward pass.

Almost always once; but ResNet's blocks call one ReLU several times. To stop right after a layer's
last call, one must know how many there are. They are counted on a copy of the network without
values (PyTorch's "meta" device), which takes milliseconds, once per network and input shape.
"""

from contextlib import suppress
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from convviz.networks.clone import clone

_Counts = dict[str, int]


_known: "WeakKeyDictionary[nn.Module, dict[tuple[int, ...], _Counts]]" = WeakKeyDictionary()


_lock = Lock()


def count_calls(module: nn.Module, batch: Tensor) -> dict[str, int]:
    """Count the calls of every module during one forward pass.

    Args:
        module: The network; it is not touched, and must not change its structure later.
        batch: An input; only its shape matters, as a rule.

    Returns:
        Dotted name to number of calls; modules that are never called are left out.
    """
    shape = tuple(batch.shape[1:])
    with _lock:
        counts = _known.get(module, {}).get(shape)
    if counts is None:
        counts = _count(module, batch)
        with _lock:
            _known.setdefault(module, {})[shape] = counts
    return counts


def _count(module: nn.Module, batch: Tensor) -> _Counts:
    try:
        return _run(clone(module, device="meta"), torch.empty_like(batch, device="meta"), {})
    except Exception:  # noqa: BLE001 - a user's forward may do what "meta" tensors cannot
        counts: _Counts = {}
        # Whatever is raised here will be raised again in the real pass; or it will not, where it
        # comes from a part after the layers of interest, and then it does not matter.
        with suppress(Exception):
            _run(clone(module), batch.detach(), counts)
        return counts


def _run(network: nn.Module, batch: Tensor, counts: _Counts) -> _Counts:
    names: dict[nn.Module, list[str]] = {}
    for name, part in network.named_modules(remove_duplicate=False):
        names.setdefault(part, []).append(name)

    def count(part: nn.Module, _inputs: Any, _output: Any) -> None:
        for name in names[part]:
            counts[name] = counts.get(name, 0) + 1

    for part in names:
        part.register_forward_hook(count)
    with torch.inference_mode():
        network(batch)
    return counts
