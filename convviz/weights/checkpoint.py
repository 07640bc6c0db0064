"""Read files of weights without running code that they may contain; fill networks with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from convviz.errors import WeightsError
from convviz.networks.decoders import put
from convviz.weights import pickled

_MAX_HEADER_BYTES = 5_000_000  # of a safetensors file: some 40,000 tensors


def read(path: Path, *, mapped: bool) -> dict[str, Tensor]:
    """Read a file of weights: safetensors, or a state dict written by `torch.save`.

    Args:
        path: The file.
        mapped: Whether to map it into memory instead of reading it. Not for files that
            may be overwritten later.

    Returns:
        Tensors by name, floating-point ones as float32. Of a checkpoint, its "state_dict".

    Raises:
        WeightsError: It is damaged, or does not contain weights.
    """
    state: dict[str, Any]
    try:
        if path.suffix == ".safetensors":
            _check_header(path)
            state = {
                name: value if mapped else value.clone()  # load_file maps the file
                for name, value in load_file(path).items()
            }
        else:
            pickled.check(path)
            state = _load(path, mapped=mapped)
    except Exception as error:  # a damaged or foreign file may raise anything
        raise WeightsError(
            f"The file {path.name} cannot be read as weights: it is damaged, or holds other things "
            "than tensors; replace it."
        ) from error
    inner = state.get("state_dict")
    if isinstance(inner, Mapping):
        state = dict(inner)
    if not state or not all(map(_is_tensor_by_name, state.items())):
        raise WeightsError(
            f"The file {path.name} does not hold a state dict (tensors by name): write it with "
            "torch.save(network.state_dict(), …)."
        )
    widened = [v for v in state.values() if v.is_floating_point() and v.dtype != torch.float32]
    plain = all(map(_is_plain, state.values()))
    if not plain or sum(map(torch.numel, widened)) > path.stat().st_size:
        raise WeightsError(
            f"The file {path.name} holds tensors that are no network's (sparse, quantised, "
            "complex, or with more numbers than the file): write it from a network of plain "
            "floating-point weights."
        )
    return {
        name: value.to(torch.float32) if value.is_floating_point() else value
        for name, value in state.items()
    }


def _check_header(path: Path) -> None:
    """Check the length of a safetensors file's header before it is read whole.

    Raises:
        ValueError: It is too long.
    """
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > _MAX_HEADER_BYTES:
            raise ValueError("its header is too long")


def _is_tensor_by_name(item: tuple[Any, Any]) -> bool:
    name, value = item
    # A lone surrogate can be neither shown nor written.
    return isinstance(name, str) and name.isprintable() and isinstance(value, Tensor)


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor has each of its numbers in memory, in a type that networks use."""
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.is_meta:
        return False
    if value.is_complex():
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _load(path: Path, *, mapped: bool) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except RuntimeError:
        if not mapped:
            raise
        # Files older than torch 1.6 are not zip archives and cannot be mapped.
        state = torch.load(path, map_location="cpu", weights_only=True)
    return dict(state)


def fill(
    module: nn.Module,
    state: Mapping[str, Tensor],
    *,
    title: str,
    origin: str,
    without: tuple[str, ...] = (),
) -> nn.Module:
    """Give a network its weights.

    Args:
        module: The network, on the meta device or with values; it is changed.
        state: Tensors by name. If the network is on the meta device, they become its parameters
            without a copy.
        title: Name of the network in an error's sentence.
        origin: Name of the weights in an error's sentence.
        without: Dotted names of parts to remove from the network; their tensors are ignored.

    Returns:
        The module, in eval mode, its parameters with `requires_grad=False`.

    Raises:
        WeightsError: The tensors are not the network's.
    """
    for name in without:
        put(module, name, None)
    prefixes = tuple(f"{name}." for name in without)
    values = {name: value for name, value in state.items() if not name.startswith(prefixes)}
    expected = module.state_dict()
    for name, value in expected.items():
        # Files older than torch 0.4.1 lack these counters, which only training uses.
        if name.endswith(".num_batches_tracked") and name not in values:
            values[name] = torch.zeros(value.shape, dtype=value.dtype)
    difference = _difference(expected, values)
    if difference:
        raise WeightsError(f"{origin} does not fit {title}: {difference}.")
    on_meta = any(value.is_meta for value in expected.values())
    module.load_state_dict(values, assign=on_meta)
    return module.eval().requires_grad_(False)


def fingerprint(module: nn.Module) -> tuple[int, str]:
    """Compute the size and the checksum of a network's parameters.

    Returns:
        Their size in bytes, and the sha256 of their bytes in the order of their sorted names.
    """
    digest, size = hashlib.sha256(), 0
    for _, parameter in sorted(module.named_parameters()):
        data = parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(data.data)
        size += data.nbytes
    return size, digest.hexdigest()


def _difference(expected: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> str:
    """Describe in a few words how two state dicts differ; "" if they do not."""
    missing = [name for name in expected if name not in values]
    unexpected = [name for name in values if name not in expected]
    if missing:
        return f"it lacks {_some(missing)}"
    if unexpected:
        return f"it also holds {_some(unexpected)}"
    for name, value in expected.items():
        if value.shape != values[name].shape:
            return f"{name} is {tuple(values[name].shape)} instead of {tuple(value.shape)}"
        if value.is_floating_point() and not values[name].is_floating_point():
            return f"{name} holds whole numbers instead of floating-point ones"
    return ""


def _some(names: list[str]) -> str:
    return names[0][:80] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
