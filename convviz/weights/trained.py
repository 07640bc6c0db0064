"""Networks that were trained with convviz: in memory, and in their files.

The files are safetensors, read without running any code. Their header says how to build the network
again, with the names of its classes. A file has the whole network, or only the parts that were
trained; then the header has a checksum of everything else, so that they are never combined with an
encoder that they were not trained on.

`keep` makes a network one more source of weights for `load`, as long as the program runs.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save
from torch import Tensor, nn

from convviz.downloads import cache
from convviz.errors import ConvvizError, NetworkError, WeightsError, WeightsNotHere
from convviz.formatting import percent, size_text
from convviz.language import in_english, later, tr
from convviz.networks import registry
from convviz.networks.clone import clone
from convviz.networks.decoders import Form, in_form, inputs_of
from convviz.networks.design import Design
from convviz.networks.design_module import place_blocks
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.networks.design_spec import design_spec
from convviz.networks.network import Network, NetworkSpec, Weights, is_within
from convviz.networks.replaced_parts import ReplacedParts, network_with_parts
from convviz.structure.input_size import LARGEST_INPUT
from convviz.structure.layers import last_linear
from convviz.weights.checkpoint import fill
from convviz.weights.findings import AS_BUILT
from convviz.weights.source import IN_USERS_FOLDER, SourceStatus, network_with

PREFIX = "trained-"
"""The beginning of the source's name of a trained network."""

SUFFIX = ".safetensors"
MAX_BYTES = 800_000_000

_KEPT, _KEPT_BYTES = 24, 600_000_000
_KEY = "convviz"
_HEADER_BYTES = 1_000_000
_MOST_CLASSES = 1_000
_MOST_OF_PARTS = 10_000  # characters that say what was replaced in a network
_MOST_INPUTS = 1_000_000  # of a decoder and its layers

# The checksum of AlexNet's encoder in float32, as convviz 0.1 fetched it, and of the same encoder
# rounded to float16, as it ships now: a decoder trained on the one fits the other.
_ROUNDED = {
    "44534cd66e37ce9a6258bb5e845ef8cd47c33aa68024441c7e616d63c0c1c41a": (
        "bc77629968421f98e26e40c0d226bf2f539afd77198b73a0f03edc6b57b8d061"
    )
}

_FOREIGN = later(
    "The file was not saved by convviz's training: choose one that was saved on the page "
    "Transfer learning or by “convviz train”."
)
_PLAIN = later(
    "The file holds weights, but not what convviz saves with them (the network and its "
    "classes): plain weights go into the folder that CONVVIZ_WEIGHTS names."
)
_PICKLED = later(
    "The file is one of PyTorch's, which may run code when it is opened: convviz opens "
    "only safetensors files that it has saved."
)
_COUNTED = ".num_batches_tracked"  # of a batch norm: whatever type it was saved with
_DAMAGED = later("The file of the trained network is damaged or incomplete: save it again.")


@dataclass(frozen=True)
class TrainedInfo:
    """The description of a trained network in its file.

    Attributes:
        network: Name of the network that was trained.
        form: Its decoder; without a decoder's name it is the one that the network is built with.
        input_size: Side of the images it was trained on, in pixels.
        training_set: Name of the data it was trained on.
        note: Its accuracy in a sentence or two, with the images it was measured on.
        accuracy: Share of those images that are classified correctly.
        options: Those of `NetworkSpec.imagenet_options` that its network was built with.
        design: The text of the design that the network is built from; empty for a network that is
            built by its name.
        parts: What was replaced in the network (`ReplacedParts.text`); empty if nothing was.
    """

    network: str
    form: Form
    input_size: int
    training_set: str
    note: str
    accuracy: float
    options: tuple[str, ...] = ()
    design: str = ""
    parts: str = ""

    @property
    def title(self) -> str:
        """Name for people."""
        return tr(
            "Yours: {training_set}, {accuracy}",
            training_set=self.training_set,
            accuracy=percent(self.accuracy, 0),
        )


@dataclass(frozen=True)
class Base:
    """The weights that the trained parts were trained on, if a file has only those parts.

    Attributes:
        source: Source of its weights.
        title: Their title.
        sha256: Checksum of everything that is not in the file.
    """

    source: str
    title: str
    sha256: str


Bases = Callable[[str, str], Iterator[Network]]
"""Takes a network's name and a source of weights; loads those weights, then others to try."""


def describe(module: nn.Module, info: TrainedInfo, data: bytes) -> Network:
    """Make a network from a trained module and its description.

    Args:
        module: The trained module.
        info: Its description.
        data: The bytes of its file.

    Raises:
        NetworkError: The network that was trained is not registered.
    """
    checksum = hashlib.sha256(data).hexdigest()
    return network_with(
        _spec(info),
        module,
        source=source_of(checksum),
        title=info.title,
        training_set=info.training_set,
        size=len(data),
        sha256=checksum,
        classes=info.form.classes,
        note=info.note,
        input_size=info.input_size,
    )


def keep(network: Network) -> str:
    """Keep a trained network in memory, so that `load` finds it; returns the name of its source.

    A limited number is kept; the least recently used is dropped first.
    """
    source = network.weights.source
    with _lock:
        _kept[source] = network
        _kept.move_to_end(source)
        while len(_kept) > _KEPT or sum(map(memory_of, _kept.values())) > _KEPT_BYTES:
            if len(_kept) == 1:
                break
            _kept.popitem(last=False)
    return source


def memory_of(network: Network) -> int:
    """Count the bytes that a network takes in memory: four a number, however its file has them."""
    tensors = (*network.module.parameters(), *network.module.buffers())
    shared = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in tensors}
    return sum(shared.values())


def find(source: str) -> Network | None:
    """Return a network that was kept; None if it is not or no longer in memory."""
    with _lock:
        network = _kept.get(source)
        if network is not None:
            _kept.move_to_end(source)
    return network


def forget(source: str) -> None:
    """Drop a network that was kept."""
    with _lock:
        _kept.pop(source, None)


_kept: OrderedDict[str, Network] = OrderedDict()
_lock = threading.Lock()


def load(spec: NetworkSpec, source: str, bases: Bases) -> Network:
    """Load a trained network from memory or from the user's folder.

    Args:
        spec: The network that was trained.
        source: Name of its source; it begins with `PREFIX`.
        bases: As for `read`.

    Raises:
        WeightsError: It is in neither, or its file cannot be used.
        WeightsNotHere: Its file has only the trained parts, and the rest is not on this machine.
    """
    network = find(source)
    if network is None:
        for path, name, _ in _in_folder(spec.name):
            if name == source:
                return read_file(path, bases)
    if network is None or network.name != spec.name:
        raise WeightsError(
            tr(
                "The {network} that was trained here is no longer in memory: open the file you "
                "saved it to, or train it again.",
                network=spec.title,
            )
        )
    return network


def load_file(spec: NetworkSpec, path: Path, bases: Bases) -> Network:
    """Load a trained network from its file, if it is the network given.

    Args:
        spec: The network.
        path: The file.
        bases: As for `read`.

    Raises:
        WeightsError: It is another network, or its file cannot be used.
        WeightsNotHere: Its file has only the trained parts, and the rest is not on this machine.
    """
    network = read_file(path, bases)
    if network.name != spec.name:
        about = about_file(path)
        if about is not None and about.design:
            sentence = tr(
                "{file} is the trained design “{design}”, not {network}: choose the network "
                "{right}.",
                file=path.name,
                design=network.title,
                network=spec.title,
                right=network.name,
            )
        else:
            sentence = tr(
                "{file} is a trained {trained}, not {network}: choose the network {right}.",
                file=path.name,
                trained=network.title,
                network=spec.title,
                right=network.name,
            )
        raise WeightsError(sentence)
    return network


def statuses(spec: NetworkSpec) -> tuple[SourceStatus, ...]:
    """Describe the files of trained networks in the user's folder, of the network given."""
    return tuple(
        SourceStatus(
            source,
            f"{info.title} ({path.name})",
            True,
            path.stat().st_size,
            note=tr(IN_USERS_FOLDER),
            path=path,
        )
        for path, source, info in _in_folder(spec.name)
    )


def write(
    module: nn.Module, info: TrainedInfo, *, parts: Sequence[str] = (), on: Weights | None = None
) -> bytes:
    """Write a trained network to the bytes of a safetensors file.

    Args:
        module: The network.
        info: Its description.
        parts: Dotted names of the parts to write; none for all of it.
        on: The weights of the other parts.
    """
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    # Whoever opens the file may read another language than its maker.
    info = replace(info, training_set=in_english(info.training_set), note=in_english(info.note))
    header = asdict(info)
    if replaced := header.pop("parts"):  # "parts" are those that a file holds alone
        header["parts_replaced"] = replaced
    if parts and on is not None:
        header["base"] = asdict(Base(on.source, on.title, _checksum(state, parts)))
        header["parts"] = list(parts)
        state = {name: value for name, value in state.items() if _is_in(name, parts)}
    return save(state, {_KEY: json.dumps(header, ensure_ascii=False)})


def read(data: bytes, bases: Bases) -> Network:
    """Read a trained network from the bytes of its file.

    Args:
        data: The bytes.
        bases: Loads the network that it was trained on, if the file has only the trained parts.

    Raises:
        WeightsError: The file is damaged, was not saved by convviz, or does not fit.
        WeightsNotHere: The network that it was trained on is not on this machine.
    """
    if len(data) > MAX_BYTES:
        raise WeightsError(
            tr(
                "The file has {size}; at most {most} are read.",
                size=size_text(len(data)),
                most=size_text(MAX_BYTES),
            )
        )
    info, base, parts = _header(data[: 8 + _HEADER_BYTES], len(data))
    spec = _spec(info)
    try:
        state = {name: _as_float32(name, value) for name, value in load_tensors(data).items()}
    except WeightsError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise WeightsError(tr(_DAMAGED)) from error
    if info.form.decoder or not info.design:
        _check_form(info.form, spec)
    if base is None:
        module = _empty(spec, info)
    else:
        module = _with_base(spec, info.form, base, parts, bases)
        base_state = {k: v for k, v in module.state_dict().items() if not _is_in(k, parts)}
        state = base_state | {k: v for k, v in state.items() if k not in base_state}
    _check_kinds(state, module)
    fill(module, state, title=spec.title, origin=tr("The file of the trained network"))
    return describe(module, info, data)


def read_file(path: Path, bases: Bases) -> Network:
    """Read a trained network from its file; see `read`.

    Raises:
        WeightsError: The file cannot be read, or cannot be used.
        WeightsNotHere: The network that it was trained on is not on this machine.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(
                tr("{file} is too large to be a network saved by convviz.", file=path.name)
            )
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            tr(
                "{file} cannot be read ({reason}): give a file that convviz has saved.",
                file=path.name,
                reason=error.strerror,
            )
        ) from error
    try:
        return read(data, bases)
    except WeightsNotHere:
        raise
    except WeightsError as error:
        raise WeightsError(tr("{file}: {error}", file=path.name, error=error)) from error


def source_of(sha256: str) -> str:
    """Return the source's name of the trained network whose file has this checksum."""
    return f"{PREFIX}{sha256[:12]}"


def design_in(path: Path) -> NetworkSpec | None:
    """Return the network that a file's design or replaced parts describe.

    None if it has neither, or is no such file.

    Raises:
        WeightsError: The network cannot be built here.
    """
    info = about_file(path)
    return _spec(info) if info is not None and (info.design or info.parts) else None


def _in_folder(name: str) -> Iterator[tuple[Path, str, TrainedInfo]]:
    """List the files of trained networks in the user's folder, of the network named.

    Yields:
        The file, the name of its source, and its description.
    """
    folder = cache.user_folder()
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        info = about_file(path)
        if info is not None and info.network == name:
            yield path, source_of(cache.sha256(path)), info


def about_file(path: Path) -> TrainedInfo | None:
    """Read a file's description from its header; None if convviz did not save it."""
    try:
        state = path.stat()
        return _about_file(path, state.st_mtime_ns, state.st_size)
    except (OSError, WeightsError):
        return None


def is_saved(path: Path) -> bool:
    """Whether a file says in its header that convviz saved it, damaged or not."""
    try:
        with path.open("rb") as file:
            start = file.read(8 + _HEADER_BYTES)
    except OSError:
        return True  # reading it says why it cannot be read
    return begins_as_saved(start)


def begins_as_saved(start: bytes) -> bool:
    """Whether a file that begins with these bytes says in its header that convviz saved it."""
    length = int.from_bytes(start[:8], "little")
    return start[8:9] == b"{" and f'"{_KEY}"'.encode() in start[8 : 8 + min(length, _HEADER_BYTES)]


@lru_cache(maxsize=64)
def _about_file(path: Path, changed: int, size: int) -> TrainedInfo:
    with path.open("rb") as file:
        return _header(file.read(8 + _HEADER_BYTES), size)[0]


def _header(start: bytes, size: int) -> tuple[TrainedInfo, Base | None, tuple[str, ...]]:
    """Read the header at the beginning of the file: its length in 8 bytes, then JSON."""
    # The formats of torch.save, zip and pickle. A length may begin with the same bytes.
    if start[8:9] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise WeightsError(tr(_PICKLED))
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= _HEADER_BYTES or start[8:9] != b"{":
        raise WeightsError(tr(_FOREIGN))
    if length > size - 8:
        raise WeightsError(tr(_DAMAGED))
    try:
        metadata = json.loads(start[8 : 8 + length]).get("__metadata__") or {}
        if _KEY not in metadata:
            raise WeightsError(tr(_PLAIN))
        header = json.loads(metadata[_KEY])
        info, base = _info(header), header.get("base")
        if not base:
            return info, None, ()
        texts = (_text(base[key], 200) for key in ("source", "title", "sha256"))
        return info, Base(*texts), tuple(_text(part, 200) for part in header["parts"])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,  # of Infinity as a whole number
    ) as error:
        raise WeightsError(tr(_DAMAGED)) from error


def _info(header: Mapping[str, Any]) -> TrainedInfo:
    form = header["form"]
    classes = tuple(_text(name, 200) for name in form["classes"])
    hidden = tuple(int(size) for size in form["hidden"])
    size, accuracy = int(header["input_size"]), float(header["accuracy"])
    inputs = int(form["inputs"])
    if not (
        1 <= size <= LARGEST_INPUT
        and 2 <= len(classes) <= _MOST_CLASSES
        and len(hidden) <= 4
        and all(1 <= width <= _MOST_INPUTS for width in (inputs, *hidden))
        and 0 <= accuracy <= 1
    ):
        raise ValueError("out of range")
    return TrainedInfo(
        network=_text(header["network"], 60),
        form=Form(_text(form["decoder"], 200), inputs, classes, hidden, bool(form["pooled"])),
        input_size=size,
        training_set=_text(header["training_set"], 200),
        note=_text(header["note"], 500),
        accuracy=accuracy,
        options=tuple(_text(option, 60) for option in header["options"]),
        design=_design(header.get("design", "")),
        parts=_text(header.get("parts_replaced", ""), _MOST_OF_PARTS),
    )


def _text(value: Any, length: int) -> str:
    """Return a text of a header, cut to a length.

    Raises:
        ValueError: It is no text, or cannot be shown or written (a lone surrogate).
    """
    if not isinstance(value, str):
        raise ValueError("no text")
    value[:length].encode()
    return value[:length]


def _design(text: Any) -> str:
    """Return a header's design.

    Raises:
        ValueError: It is no text.
    """
    # Cut short, it would be another network.
    return _text(text, MOST_CHARACTERS + 1)


def _spec(info: TrainedInfo) -> NetworkSpec:
    try:
        if info.parts:
            return network_with_parts(ReplacedParts.parse(info.parts))
        if info.design:
            return design_spec(Design.parse(info.design))
        return registry.spec(info.network)
    except ConvvizError as error:
        raise WeightsError(
            tr("The trained network cannot be used here: {error}", error=error)
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(tr(_DAMAGED)) from error


def _check_form(form: Form, spec: NetworkSpec) -> None:
    """Check that a decoder fits the network.

    Raises:
        WeightsError: It does not.
    """
    with torch.device("meta"):
        module = registry.build(spec)
    if form.pooled:
        fits = form.decoder == "decoder" and hasattr(module, "features")
    else:
        try:
            last = last_linear(spec)
        except ConvvizError as error:
            raise WeightsError(tr(_DAMAGED)) from error
        inputs = inputs_of(module.get_submodule(last))
        fits = form.decoder == last and form.inputs == inputs
    if not fits:
        raise WeightsError(tr(_DAMAGED))


def _empty(spec: NetworkSpec, info: TrainedInfo) -> nn.Module:
    """Build a network without values, which its file fills.

    Raises:
        WeightsError: It is a design with another number of outputs than its file has classes.
    """
    if info.design and not info.form.decoder:
        placed = place_blocks(Design.parse(info.design))
        if placed.classes != len(info.form.classes):
            raise WeightsError(tr(_DAMAGED))
        return placed.module
    options = {name: value for name, value in spec.imagenet_options if name in info.options}
    with torch.device("meta"):
        return in_form(registry.build(spec, **options), info.form, spec.auxiliary)


def _with_base(
    spec: NetworkSpec, form: Form, base: Base, parts: Sequence[str], bases: Bases
) -> nn.Module:
    """Find the network that the parts were trained on, and give it the new decoder."""
    for network in bases(spec.name, base.source):
        names = {name for name, _ in network.module.named_modules()}
        if ("features" if form.pooled else form.decoder) not in names:
            continue  # an encoder alone has no decoder to replace
        module = _in_form(network.module, spec, form)
        if _checksum(module.state_dict(), parts) in (base.sha256, _ROUNDED.get(base.sha256)):
            return module
    if base.title == AS_BUILT:
        raise WeightsNotHere(
            tr(
                "The file holds only the trained part of {network}; the rest is what its build() "
                "set at that time, and now it sets other weights: let it set the same ones each "
                "time, or open a file of the whole network.",
                network=spec.title,
            )
        )
    raise WeightsNotHere(
        tr(
            "The file holds only the trained part of {network}; the rest is that of the weights "
            "“{weights}”, which are not here: fetch those first, or open a file of the whole "
            "network.",
            network=spec.title,
            weights=base.title and tr(base.title),
        )
    )


def is_drawn_anew(network: Network, form: Form, parts: Sequence[str]) -> bool:
    """Whether a user's `build` sets other weights each time in what a file of parts leaves out.

    Nobody could open such a file.

    Args:
        network: What was trained on; of weights from elsewhere than `build` it is not asked.
        form: The new decoder.
        parts: Dotted names of the parts that the file holds.
    """
    if network.weights.title != AS_BUILT:
        return False
    spec = network.spec
    try:
        anew = registry.build(spec)
    except NetworkError:
        return True
    first, second = (
        _checksum(_in_form(module, spec, form).state_dict(), parts)
        for module in (network.module, anew)
    )
    return first != second


def _in_form(module: nn.Module, spec: NetworkSpec, form: Form) -> nn.Module:
    """Copy a network, with the new decoder on the meta device."""
    with torch.device("meta"):
        return in_form(clone(module), form, spec.auxiliary)


def _as_float32(name: str, value: Tensor) -> Tensor:
    """Convert a tensor of fractions to float32; refuse one with numbers that are not finite."""
    if not value.is_floating_point() or name.endswith(_COUNTED):
        return value
    value = value.to(torch.float32)
    # The extremes are NaN if any number is, and are found without a copy of them all.
    if value.numel() and not all(extreme.isfinite() for extreme in value.aminmax()):
        raise WeightsError(
            tr(
                "The file of the trained network holds numbers that are infinite or none at "
                "all: train the network again, with a smaller learning rate."
            )
        )
    return value


def _check_kinds(state: Mapping[str, Tensor], module: nn.Module) -> None:
    """Check that whole numbers stand only where the network has whole numbers, as a Swin's index.

    Raises:
        WeightsError: They stand elsewhere.
    """
    expected = module.state_dict()
    for name, value in state.items():
        is_whole = not value.is_floating_point() and not name.endswith(_COUNTED)
        if is_whole and expected.get(name, value).dtype != value.dtype:
            raise WeightsError(tr(_DAMAGED))


def _is_in(name: str, parts: Sequence[str]) -> bool:
    return any(is_within(name, part) for part in parts)


def _checksum(state: Mapping[str, Tensor], parts: Sequence[str]) -> str:
    """Compute the sha256 of everything that is not in some parts; "" without values."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if _is_in(name, parts) or name.endswith(".num_batches_tracked"):
            continue
        if value.is_meta:
            return ""
        digest.update(name.encode())
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
