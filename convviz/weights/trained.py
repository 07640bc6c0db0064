"""Files of networks that were trained with convviz: safetensors, read without running anything.

The header says what convviz needs to put the network together again, with the names of its classes.
A file holds the whole network, or only the parts that were trained; then the header has a checksum
of everything else, so that they are never joined to an encoder that they were not trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save
from torch import Tensor, nn

from convviz.downloads import cache
from convviz.errors import ConvvizError, WeightsError, WeightsNotHere
from convviz.networks import registry
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form, inputs_of, last_linear
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.weights.checkpoint import fill
from convviz.weights.trained_info import About, describe, source_of

SUFFIX = ".safetensors"


MAX_BYTES = 800_000_000


_KEY = "convviz"


_HEADER_BYTES = 1_000_000


_MOST_CLASSES = 1000


_FOREIGN = (
    "The file was not saved by convviz's training: choose one that was saved on the page Transfer "
    "learning or by “convviz train”."
)


_PLAIN = (
    "The file holds weights, but not what convviz saves with them (the network and its classes): "
    "plain weights go into the folder that CONVVIZ_WEIGHTS names."
)


_PICKLED = (
    "The file is one of PyTorch's, which may run code when it is opened: convviz opens only "
    "safetensors files that it has saved."
)


_DAMAGED = "The file of the trained network is damaged or incomplete: save it again."


@dataclass(frozen=True)
class Base:
    """What the trained parts were trained on, where a file holds only them.

    Attributes:
        source: Source of its weights.
        title: Their title.
        sha256: Of everything that is not in the file.
    """

    source: str
    title: str
    sha256: str


Bases = Callable[[str, str], Iterator[Network]]


"""Given a network's name and a source of weights, brings those weights, then others to try."""


def write(
    module: nn.Module, about: About, *, parts: Sequence[str] = (), on: Weights | None = None
) -> bytes:
    """Write a trained network to the bytes of a safetensors file.

    Args:
        module: The network.
        about: What to say of it.
        parts: Dotted names of the parts to write; none for all of it.
        on: The weights that the other parts have.
    """
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    said = asdict(about)
    if parts and on is not None:
        said["base"] = asdict(Base(on.source, on.title, _checksum(state, parts)))
        said["parts"] = list(parts)
        state = {name: value for name, value in state.items() if _lies_in(name, parts)}
    return save(state, {_KEY: json.dumps(said, ensure_ascii=False)})


def read(data: bytes, bases: Bases) -> Network:
    """Read a trained network from the bytes of its file.

    Args:
        data: The bytes.
        bases: Brings the network that it was trained on, if the file has only the trained parts.

    Raises:
        WeightsError: The file is damaged, was not saved by convviz, or does not fit.
        WeightsNotHere: The network that it was trained on is not here.
    """
    if len(data) > MAX_BYTES:
        raise WeightsError(
            f"The file has {len(data) / 1e6:,.0f} MB; at most {MAX_BYTES // 1_000_000} MB are read."
        )
    about, base, parts = _header(data[: 8 + _HEADER_BYTES], len(data))
    spec = _spec(about)
    try:
        given = {name: _real(name, value) for name, value in load_tensors(data).items()}
    except WeightsError:
        raise
    except Exception as error:  # safetensors' own error, and what odd headers raise besides
        raise WeightsError(_DAMAGED) from error
    if base is None:
        module = _whole(spec, about)
    else:
        module = _joined(spec, about, base, parts, bases)
        rest = {n: v for n, v in module.state_dict().items() if not _lies_in(n, parts)}
        given = rest | {name: value for name, value in given.items() if name not in rest}
    fill(module, given, title=spec.title, origin="The file of the trained network")
    return describe(module, about, data)


def read_file(path: Path, bases: Bases) -> Network:
    """Read a trained network from its file; see `read`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"{path.name} is too large to be a network saved by convviz.")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path.name} cannot be read ({error.strerror}): give a file that convviz has saved."
        ) from error
    try:
        return read(data, bases)
    except WeightsNotHere:
        raise
    except WeightsError as error:
        raise WeightsError(f"{path.name}: {error}") from error


def in_folder(name: str) -> Iterator[tuple[Path, str, About]]:
    """List the files in the user's own folder that hold a network trained from this one.

    Yields:
        The file, the source of weights that it is, and what it says of itself.
    """
    folder = cache.user_folder()
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        about = about_file(path)
        if about is not None and about.network == name:
            yield path, source_of(cache.sha256(path)), about


def about_file(path: Path) -> About | None:
    """Say what a file holds, from its header; None if convviz did not save it."""
    try:
        state = path.stat()
        return _about_file(path, state.st_mtime_ns, state.st_size)
    except (OSError, WeightsError):
        return None


@lru_cache(maxsize=64)
def _about_file(path: Path, changed: int, size: int) -> About:
    with path.open("rb") as file:
        return _header(file.read(8 + _HEADER_BYTES), size)[0]


def _header(start: bytes, size: int) -> tuple[About, Base | None, tuple[str, ...]]:
    """Read the header, which safetensors begins with: its length in 8 bytes, then JSON."""
    if start[:2] == b"PK" or start[:1] == b"\x80":  # as torch.save writes, now and formerly
        raise WeightsError(_PICKLED)
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= _HEADER_BYTES or start[8:9] != b"{":
        raise WeightsError(_FOREIGN)
    if length > size - 8:
        raise WeightsError(_DAMAGED)
    try:
        metadata = json.loads(start[8 : 8 + length]).get("__metadata__") or {}
        if _KEY not in metadata:
            raise WeightsError(_PLAIN)
        said = json.loads(metadata[_KEY])
        base = said.get("base")
        return (
            _about(said),
            Base(*(str(base[key])[:200] for key in ("source", "title", "sha256")))
            if base
            else None,
            tuple(map(str, said["parts"])) if base else (),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(_DAMAGED) from error


def _about(said: Mapping[str, Any]) -> About:
    form = said["form"]
    classes = tuple(str(name)[:200] for name in form["classes"])
    hidden = tuple(int(size) for size in form["hidden"])
    size, accuracy = int(said["input_size"]), float(said["accuracy"])
    if not (
        32 <= size <= 512
        and 2 <= len(classes) <= _MOST_CLASSES
        and len(hidden) <= 4
        and 0 <= accuracy <= 1
    ):
        raise ValueError("out of range")
    return About(
        network=str(said["network"])[:60],
        form=Form(str(form["decoder"]), int(form["inputs"]), classes, hidden, bool(form["pooled"])),
        input_size=size,
        training_set=str(said["training_set"])[:200],
        note=str(said["note"])[:500],
        accuracy=accuracy,
        options=tuple(map(str, said["options"])),
    )


def _spec(about: About) -> NetworkSpec:
    try:
        return registry.spec(about.network)
    except ConvvizError as error:
        raise WeightsError(f"The trained network cannot be used here: {error}") from error


def _whole(spec: NetworkSpec, about: About) -> nn.Module:
    """Build the network that a file fills, without values."""
    options = {name: value for name, value in spec.imagenet_options if name in about.options}
    with torch.device("meta"):
        return _formed(registry.build(spec, **options), about, spec)


def _joined(
    spec: NetworkSpec, about: About, base: Base, parts: Sequence[str], bases: Bases
) -> nn.Module:
    """Find the network that the parts were trained on, and make room for them in it."""
    for found in bases(spec.name, base.source):
        with torch.device("meta"):
            module = _formed(clone(found.module), about, spec)
        if _checksum(module.state_dict(), parts) == base.sha256:
            return module
    raise WeightsNotHere(
        f"The file holds only the trained part of {spec.title}; the rest is that of the weights "
        f"“{base.title}”, which are not here: fetch those first, or open a file of the whole "
        "network."
    )


def _formed(module: nn.Module, about: About, spec: NetworkSpec) -> nn.Module:
    form, wrong = about.form, WeightsError(_DAMAGED)
    if form.pooled:
        if form.decoder != "decoder" or not hasattr(module, "features"):
            raise wrong
    else:
        try:
            with torch.device("meta"):
                last = last_linear(registry.build(spec), spec.auxiliary)
            replaced = module.get_submodule(last)
        except (ConvvizError, AttributeError) as error:  # an encoder alone has no decoder
            raise wrong from error
        if form.decoder != last or form.inputs != inputs_of(replaced):
            raise wrong
    return in_form(module, form, spec.auxiliary)


def _real(name: str, value: Tensor) -> Tensor:
    """Make sure that a tensor holds numbers to compute with."""
    if name.endswith(".num_batches_tracked"):
        return value
    if not value.is_floating_point():
        raise WeightsError(_DAMAGED)
    if not bool(value.isfinite().all()):
        raise WeightsError(
            "The file of the trained network holds numbers that are infinite or none at all: train "
            "the network again, with a smaller learning rate."
        )
    return value.to(torch.float32)


def _lies_in(name: str, parts: Sequence[str]) -> bool:
    return any(name.startswith(f"{part}.") for part in parts)


def _checksum(state: Mapping[str, Tensor], parts: Sequence[str]) -> str:
    """Compute the sha256 of everything that does not lie in some parts."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if _lies_in(name, parts) or name.endswith(".num_batches_tracked"):
            continue
        if value.is_meta:
            return ""
        digest.update(name.encode())
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
