"""Read files of weights without running code that they may contain; fill networks with them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load, load_file
from torch import Tensor, nn

from convviz.errors import WeightsError
from convviz.language import tr, trn
from convviz.networks.decoders import put
from convviz.weights import findings, pickled
from convviz.weights.pickled import Foreign, Stored
from convviz.weights.sent_file import SentFile, WeightsFile, opened, size_of

MOST_CLASSES = 25_000
"""Of a network that is built with the number of classes that a file has: the largest data sets of
images have some 22,000."""

_MAX_HEADER_BYTES = 5_000_000  # of a safetensors file: some 40,000 tensors
_DEEPEST = 4  # wrappers around a state dict
_MOST_OF_A_LIST = 10  # what comes later in one is no state dict

# Keys under which training programs put a state dict, the preferred first.
_WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "net_state_dict"),
    *("weights", "params", "module", "encoder", "backbone"),
)
_AVERAGED = ("ema", "avg", "averag", "swa", "teacher")  # in names of copies that training averages

# Parts of names that a wrapper around a module puts there: DataParallel, torch.compile, and those
# of distributed training.
_SHELLS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

# Names that PyTorch's and torchvision's modules no longer have, or have in one form alone, and the
# one that stands for both: those of the layers of DenseNet and of the vision transformer, and of
# what weight_norm and spectral_norm compute a layer's weights from.
_BY_TORCHVISION = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(\.mlp\.)linear_1\."), r"\g<1>0."),
    (re.compile(r"(\.mlp\.)linear_2\."), r"\g<1>3."),
)
_BY_PYTORCH = (
    (re.compile(r"(^|\.)parametrizations\.(\w+)\.original0$"), r"\1\2_g"),
    (re.compile(r"(^|\.)parametrizations\.(\w+)\.original1$"), r"\1\2_v"),
    (re.compile(r"(^|\.)parametrizations\.(\w+)\.original$"), r"\1\2_orig"),
    (re.compile(r"(^|\.)parametrizations\.(\w+)\.\d+\.(_[uv])$"), r"\1\2\3"),
)

# What a name has in it if it has another form: most have not, and are told so in one look.
_OTHER_FORM = re.compile("|".join((*_SHELLS, r"denselayer\d", r"linear_[12]", "parametrizations")))

# What training puts beside a network's own tensors: counts of its operations, losses and metrics.
_OF_TRAINING = re.compile(
    r"(.*\.)?total_(ops|params)"
    r"|[^.]*(loss|criteri|metric|accura|objective)[^.]*(\..*)?|(train|val|valid|test)_\w+(\..*)?"
)

_CLASS_NAMES = ("classes", "class_names", "categories", "labels", "CLASSES")
_CLASS_NUMBERS = ("class_to_idx", "class_to_index", "label2id")
_NUMBERED_CLASSES = ("idx_to_class", "index_to_class", "id2label")
_DESCRIPTIONS = ("meta", "metadata", "hyper_parameters", "hparams", "config", "args", "opt")


@dataclass(frozen=True, eq=False)
class TensorSet:
    """Tensors by name that lie together in a file.

    Attributes:
        key: The key that they lie under, "model"; "" for those of the file itself.
        tensors: By name, or where the file has them.
        others: Whether tensors that no network has as weights, such as sparse ones, are among them.
    """

    key: str
    tensors: Mapping[str, Stored | Tensor]
    others: bool = False


@dataclass(frozen=True, eq=False)
class StateDict:
    """The tensors of a file that are a network's.

    Attributes:
        tensors: By the network's names, floating-point ones as float32.
        key: The key that they lie under in the file; "" for the file itself.
        prefix: What was taken off their names.
        left_out: Names of tensors beside them that are not the network's.
        as_well: The places in the file where other tensors fit as well.
    """

    tensors: dict[str, Tensor]
    key: str = ""
    prefix: str = ""
    left_out: tuple[str, ...] = ()
    as_well: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class File:
    """What a file of weights holds.

    Attributes:
        source: The file.
        sets: Its sets of tensors, the preferred first; at least one.
        classes: Name of each class, where the file has them; else ().
        read_stored: Reads the numbers of tensors.
    """

    source: WeightsFile
    sets: tuple[TensorSet, ...]
    classes: tuple[str, ...]
    read_stored: Callable[[Mapping[str, Stored]], dict[str, Tensor]]

    def first(self) -> StateDict:
        """Read the preferred set as it is.

        Raises:
            WeightsError: It holds tensors that are no network's.
        """
        chosen = self.sets[0]
        return StateDict(self._read(chosen.tensors, chosen), chosen.key)

    def fitting(self, expected: Mapping[str, Tensor], without: Collection[str] = ()) -> StateDict:
        """Read the set whose names are a network's, once a common prefix is taken off if need be.

        Args:
            expected: The network's tensors by name; their numbers are not read.
            without: Dotted names of parts of the network whose tensors are not wanted.

        Returns:
            The tensors. If the names of none are the network's: those of the set that shares most
            names with it, as they are.

        Raises:
            WeightsError: It holds tensors that are no network's.
        """
        ignored = tuple(f"{name}." for name in without)
        fits = [fit for each in self.sets for fit in _fits(each, expected, ignored)]
        fits.sort(key=lambda fit: (fit.differing > 0, fit.averaged))  # stable: then as they come
        if not fits:
            best = max(self.sets, key=lambda each: len(expected.keys() & each.tensors.keys()))
            return StateDict(self._read(best.tensors, best), best.key)
        fit = fits[0]
        return StateDict(
            self._read(fit.tensors, fit.chosen),
            fit.chosen.key,
            fit.prefix,
            fit.left_out,
            tuple(other.place for other in fits[1:]),
        )

    def fits(
        self, expected: Mapping[str, Tensor], without: Collection[str] = (), *, any_classes: bool
    ) -> bool:
        """Tell by names and shapes whether a network's tensors are in it; no numbers are read.

        Args:
            expected: As for `fitting`.
            without: As for `fitting`.
            any_classes: Whether the number of classes may be another than the network's.
        """
        ignored = tuple(f"{name}." for name in without)
        return any(
            not fit.differing or (any_classes and class_count(expected, fit.tensors) is not None)
            for each in self.sets
            for fit in _fits(each, expected, ignored)
        )

    def nearly(
        self, expected: Mapping[str, Tensor], without: Collection[str]
    ) -> Iterator[Mapping[str, Stored | Tensor]]:
        """List the sets whose names are a network's, whatever shapes their tensors have.

        Args:
            expected: As for `fitting`.
            without: Dotted names of parts and tensors whose tensors a set may have or not.

        Yields:
            A set's tensors by the network's names, those of these parts among them.
        """
        ignored = tuple(ending for name in without for ending in (f"{name}.", name))
        for each in self.sets:
            for fit in _fits(each, expected, ignored):
                yield fit.tensors

    def _read(self, tensors: Mapping[str, Stored | Tensor], chosen: TensorSet) -> dict[str, Tensor]:
        stored = {name: each for name, each in tensors.items() if isinstance(each, Stored)}
        held = {name: each for name, each in tensors.items() if isinstance(each, Tensor)}
        numbers = sum(
            each.count if isinstance(each, Stored) else each.numel()
            for each in tensors.values()
            if each.dtype.is_floating_point and each.dtype != torch.float32
        )
        if (
            chosen.others
            or any(each.dtype.is_complex for each in tensors.values())
            or not all(each.is_whole for each in stored.values())
            or numbers > size_of(self.source)
        ):
            raise self._of_other_kinds()
        try:
            held |= self.read_stored(stored)
        except Exception as error:  # a damaged file may raise anything
            raise _unreadable(self.source) from error
        return {
            name: held[name].to(torch.float32) if held[name].is_floating_point() else held[name]
            for name in tensors
        }

    def check_kinds(self) -> None:
        """Check that none of its tensors is of a kind that networks' weights are not.

        Raises:
            WeightsError: One is, a sparse one say.
        """
        if any(each.others for each in self.sets):
            raise self._of_other_kinds()

    def _of_other_kinds(self) -> WeightsError:
        return WeightsError(
            tr(
                "The file {file} holds tensors that are no network's (sparse, quantised, complex, "
                "without numbers, or with more numbers than the file): write it from a network of "
                "plain floating-point weights.",
                file=self.source.name,
            )
        )


@dataclass(frozen=True, eq=False)
class _Fit:
    """A set whose names are a network's.

    Attributes:
        chosen: The set.
        prefix: What is taken off its names.
        tensors: By the network's names.
        left_out: Names beside them.
        differing: How many have another shape than the network's.
    """

    chosen: TensorSet
    prefix: str
    tensors: dict[str, Stored | Tensor]
    left_out: tuple[str, ...]
    differing: int

    @property
    def place(self) -> str:
        """Where it lies in the file."""
        return ".".join(filter(None, (self.chosen.key, self.prefix.rstrip("."))))

    @property
    def averaged(self) -> bool:
        """Whether it is a copy that training has averaged."""
        return any(word in self.place.lower() for word in _AVERAGED)


def open_file(source: WeightsFile, *, mapped: bool) -> File:
    """Open a file of weights: safetensors, or what `torch.save` or `pickle` wrote.

    Args:
        source: The file.
        mapped: Whether to map a file on disk into memory instead of reading it. Not for files that
            may be overwritten later.

    Raises:
        WeightsError: It is damaged, or does not contain weights.
    """
    name = source.name
    try:
        with opened(source) as file:
            start = file.read(300)
        refusal = findings.stands_for_another(name, start) or findings.other_format(name, start)
        if refusal:
            raise WeightsError(refusal)
        if _is_safetensors(source):
            return _open_safetensors(source, mapped=mapped)
        contents = pickled.read(source)
    except WeightsError:
        raise
    except pickled.ScriptFileError as error:
        raise WeightsError(
            tr(
                "The file {file} is a TorchScript network, a program that cannot be looked into: "
                "save the weights of the Python network, with torch.save(network.state_dict(), …).",
                file=name,
            )
        ) from error
    except pickled.ExportedFileError as error:
        raise WeightsError(
            tr(
                "The file {file} was written by torch.export and holds a program, which cannot be "
                "looked into: save the weights of the Python network, with "
                "torch.save(network.state_dict(), …).",
                file=name,
            )
        ) from error
    except pickled.PackedFileError as error:
        raise WeightsError(
            tr(
                "The file {file} is a zip archive with other files in it, not weights: unpack it, "
                "and take the file of weights out of it.",
                file=name,
            )
        ) from error
    except pickled.ForeignFileError as error:
        if "names" in str(error):
            raise WeightsError(
                tr(
                    "The file {file} cannot be read as weights: it names what starts programs on "
                    "the machine that opens it; take a file that holds tensors alone.",
                    file=name,
                )
            ) from error
        raise _unreadable(source) from error
    except Exception as error:  # a damaged or foreign file may raise anything
        raise _unreadable(source) from error
    sets = tuple(sorted(_sets(contents.value), key=lambda each: _rank(each.key)))
    if not sets:
        raise WeightsError(_without_tensors(name, contents.value))
    return File(
        source,
        sets,
        class_names(contents.value),
        lambda stored: contents.tensors(stored, mapped=mapped),
    )


def read(path: WeightsFile, *, mapped: bool) -> dict[str, Tensor]:
    """Read a file of weights whose names are known to be right; else see `open_file`.

    Args:
        path: The file.
        mapped: As for `open_file`.

    Returns:
        Tensors by name, floating-point ones as float32. Of a checkpoint, its "state_dict".

    Raises:
        WeightsError: It is damaged, or does not contain weights.
    """
    return open_file(path, mapped=mapped).first().tensors


def class_count(
    expected: Mapping[str, Tensor], tensors: Mapping[str, Stored | Tensor]
) -> int | None:
    """Count the classes of weights that fit a network but for the number of its classes.

    Args:
        expected: The network's tensors by name.
        tensors: Those of a file, by the same names.

    Returns:
        The number; None if they fit as they are, or do not fit for another reason too.
    """
    shapes = [
        (value.shape, tensors[name].shape)
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    counts = {found[0] for _, found in shapes if found}
    before = {shape[0] for shape, _ in shapes if shape}
    rest_equal = all(shape[1:] == found[1:] and shape and found for shape, found in shapes)
    return counts.pop() if len(counts) == len(before) == 1 and rest_equal else None


def _unreadable(source: WeightsFile) -> WeightsError:
    return WeightsError(
        tr(
            "The file {file} cannot be read as weights: it is damaged, or holds other things than "
            "tensors; replace it.",
            file=source.name,
        )
    )


def _is_safetensors(source: WeightsFile) -> bool:
    if source.suffix.lower() == ".safetensors":
        return True
    with opened(source) as file:
        start = file.read(9)
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size_of(source) - 8


def _open_safetensors(source: WeightsFile, *, mapped: bool) -> File:
    metadata = _metadata(source)
    held = load(source.data) if isinstance(source, SentFile) else load_file(source)
    tensors: dict[str, Stored | Tensor] = {
        # load_file maps the file; what lies in memory has been copied already.
        name: value if mapped or isinstance(source, SentFile) else value.clone()
        for name, value in held.items()
        if _is_name(name)
    }
    if not tensors:
        raise WeightsError(_no_state_dict(source.name))
    return File(source, (TensorSet("", tensors),), class_names(_parsed(metadata)), lambda _: {})


def _parsed(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Read the texts of a safetensors file's header, some of which are JSON."""
    values: dict[str, Any] = {}
    for key, text in metadata.items():
        try:
            values[key] = json.loads(text) if text[:1] in ("[", "{") else text
        except (ValueError, RecursionError):
            values[key] = text
    return values


def _metadata(source: WeightsFile) -> dict[str, str]:
    """Read the texts of a safetensors file's header, which is JSON after its length.

    Raises:
        ValueError: It is too long, or damaged.
    """
    with opened(source) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        metadata = json.loads(file.read(length)).get("__metadata__") or {}
    if not isinstance(metadata, dict):
        raise ValueError("what its header says of the file is no mapping")
    return {str(key): value for key, value in metadata.items() if isinstance(value, str)}


def _is_name(name: object) -> bool:
    # A lone surrogate can be neither shown nor written.
    return isinstance(name, str) and name.isprintable()


def _sets(value: Any, key: str = "", depth: int = 0) -> Iterator[TensorSet]:
    """Find the mappings of tensors, the outer ones first."""
    items = _items(value)
    described = {name: pickled.stored(each) for name, each in items.items() if _is_name(name)}
    tensors = {name: each for name, each in described.items() if isinstance(each, Stored)}
    others = any(isinstance(each, Foreign) and each.is_tensor for each in items.values())
    if tensors or others:
        yield TensorSet(key, tensors, others)
    if depth < _DEEPEST:
        for name, inner in items.items():
            if _is_name(name) and not isinstance(described[name], Stored):
                yield from _sets(inner, f"{key}.{name}".lstrip("."), depth + 1)


def _items(value: Any) -> Mapping[Any, Any]:
    """Return the items of a mapping, or of a stand-in for one; none of a whole module."""
    if isinstance(value, Foreign):
        if value.is_module:
            return {}
        return value.items or (value.state if isinstance(value.state, Mapping) else {})
    if isinstance(value, list | tuple):  # such as (state dict, settings)
        inner = enumerate(value[:_MOST_OF_A_LIST])
        return {str(number): each for number, each in inner if isinstance(each, Mapping)}
    return value if isinstance(value, Mapping) else {}


def _rank(key: str) -> tuple[bool, int, int]:
    """Rank a set by its key: the file's own first, averaged copies and unknown keys later."""
    last = key.rpartition(".")[2]
    known = _WRAPPERS.index(last) + 1 if last in _WRAPPERS else len(_WRAPPERS) + 1
    averaged = any(word in key.lower() for word in _AVERAGED)
    return averaged, known if key else 0, key.count(".")


def _no_state_dict(file: str) -> str:
    return tr(
        "The file {file} does not hold a state dict (tensors by name): write it with "
        "torch.save(network.state_dict(), …).",
        file=file,
    )


def _without_tensors(file: str, value: Any) -> str:
    """Say what a file without tensors by name is, and what to do."""
    inside = [value, *_items(value).values()]
    foreign = [each for each in inside if isinstance(each, Foreign)]
    if any(each.is_module for each in foreign):
        return tr(
            "The file {file} holds a whole network with its Python class, which convviz does not "
            "run: save its weights alone, with torch.save(network.state_dict(), …).",
            file=file,
        )
    arrays = [each for outer in inside for each in _items(outer).values()]
    if any(isinstance(each, Foreign) and each.kind.startswith("numpy") for each in arrays):
        return tr(
            "The file {file} holds NumPy's arrays of another kind than a network's numbers: save "
            "tensors by name, with torch.save(network.state_dict(), …).",
            file=file,
        )
    return _no_state_dict(file)


def class_names(value: Any) -> tuple[str, ...]:
    """Find the names of classes that stand beside the weights; () if there are none."""
    outer = _items(value)
    for items in (outer, *(_items(outer[name]) for name in _DESCRIPTIONS if name in outer)):
        for key in _CLASS_NAMES:
            names = items.get(key)
            if isinstance(names, (list, tuple)) and _are_names(names):
                return tuple(names)
        for key in _CLASS_NUMBERS:
            numbers = _items(items.get(key))
            if numbers and sorted(map(str, numbers.values())) == sorted(
                map(str, range(len(numbers)))
            ):
                names = sorted(numbers, key=lambda name: int(numbers[name]))
                if _are_names(names):
                    return tuple(names)
        for key in _NUMBERED_CLASSES:
            by_number = {str(number): name for number, name in _items(items.get(key)).items()}
            names = [by_number.get(str(number)) for number in range(len(by_number))]
            if _are_names(names):
                return tuple(map(str, names))
    return ()


def _are_names(names: Collection[Any]) -> bool:
    return 0 < len(names) <= MOST_CLASSES and all(
        _is_name(name) and len(name) <= 200 for name in names
    )


def with_todays_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Call the tensors of one of torchvision's files what its modules call them today.

    DenseNet's layers and the vision transformer's fully connected ones had other names when their
    files were written.
    """
    return {_renamed(name, _BY_TORCHVISION): value for name, value in state.items()}


def _renamed(name: str, renamed: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, other in renamed:
        name = pattern.sub(other, name)
    return name


def _plain(name: str) -> str:
    """Leave out what wrappers around modules put into a name; old and new forms get one."""
    if not _OTHER_FORM.search(name):
        return name
    inside = ".".join(part for part in name.split(".") if part not in _SHELLS)
    return _renamed(inside, _BY_TORCHVISION + _BY_PYTORCH)


def _by_plain_name(names: Collection[str]) -> dict[str, str]:
    """Map plain names to names; as they are, if two would be the same."""
    plain = {_plain(name): name for name in names}
    return plain if len(plain) == len(names) else {name: name for name in names}


def _fits(
    chosen: TensorSet, expected: Mapping[str, Tensor], ignored: tuple[str, ...]
) -> Iterator[_Fit]:
    """Find the prefixes without which a set's names are a network's, the shortest first."""
    as_they_are = {name: name for name in chosen.tensors}
    found = list(_fits_of(as_they_are, chosen, expected, ignored))
    yield from found or _fits_of(_by_plain_name(chosen.tensors), chosen, expected, ignored)


def _fits_of(
    names: Mapping[str, str],
    chosen: TensorSet,
    expected: Mapping[str, Tensor],
    ignored: tuple[str, ...],
) -> Iterator[_Fit]:
    """Do so with a set's names in one form, each with the name that it has in the file."""
    wanted = _by_plain_name(expected)
    # Files older than torch 0.4.1 lack these counters, which only training uses.
    required = {name for name in wanted if not name.endswith(".num_batches_tracked")}
    if not required:
        return
    sample = min(required, key=len)
    prefixes = {
        name.removesuffix(sample) for name in names if name == sample or name.endswith(f".{sample}")
    }
    for prefix in sorted(prefixes, key=lambda each: (len(each), each)):
        inner = {
            name.removeprefix(prefix): full
            for name, full in names.items()
            if name.startswith(prefix)
        }
        more = [name for name in inner if name not in wanted and not name.startswith(ignored)]
        if not required <= inner.keys() or not all(map(_OF_TRAINING.fullmatch, more)):
            continue
        beside = [inner.pop(name) for name in more]
        tensors = {wanted.get(name, name): chosen.tensors[full] for name, full in inner.items()}
        differing = sum(
            tuple(value.shape) != tuple(tensors[name].shape)
            for name, value in expected.items()
            if name in tensors
        )
        left_out = (*(n for p, n in names.items() if not p.startswith(prefix)), *beside)
        yield _Fit(chosen, prefix, tensors, left_out, differing)


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
    difference = _difference(expected, values, title, origin)
    if difference:
        raise WeightsError(difference)
    on_meta = any(value.is_meta for value in expected.values())
    with_versions = module.state_dict()  # some modules ask for the version of their names
    with_versions.update(values)
    module.load_state_dict(with_versions, assign=on_meta)
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


def _difference(
    expected: Mapping[str, Tensor], values: Mapping[str, Tensor], title: str, origin: str
) -> str:
    """Say how two state dicts differ; "" if they do not."""
    missing = [name for name in expected if name not in values]
    unexpected = [name for name in values if name not in expected]
    if missing:
        return tr(
            "{origin} does not fit {network}: it lacks {tensors}.",
            origin=origin,
            network=title,
            tensors=_some(missing),
        )
    if unexpected:
        return tr(
            "{origin} does not fit {network}: it also holds {tensors}.",
            origin=origin,
            network=title,
            tensors=_some(unexpected),
        )
    for name, value in expected.items():
        if value.shape != values[name].shape:
            return tr(
                "{origin} does not fit {network}: {tensor} is {found} instead of {wanted}.",
                origin=origin,
                network=title,
                tensor=name,
                found=tuple(values[name].shape),
                wanted=tuple(value.shape),
            )
        if value.is_floating_point() and not values[name].is_floating_point():
            return tr(
                "{origin} does not fit {network}: {tensor} holds whole numbers instead of "
                "floating-point ones.",
                origin=origin,
                network=title,
                tensor=name,
            )
    return ""


def _some(names: list[str]) -> str:
    first = names[0][:80]
    if len(names) == 1:
        return first
    return trn("{name} and {count} more", "{name} and {count} more", len(names) - 1, name=first)
