"""The networks by name: the built-in ones and the user's.

A network is described by a NetworkSpec and added by `register`. The built-in ones are listed in
`catalogue`. A user's networks come from the Python files named in CONVVIZ_NETWORKS: any
torch.nn.Module that takes one image of three channels will do, and a short file adds it::

    import torch
    from torchvision.models import resnet18
    from convviz.networks import NetworkSpec, register

    def build():
        network = resnet18(num_classes=10)
        network.load_state_dict(torch.load("my_weights.pt", weights_only=True))
        return network

    register(NetworkSpec(name="resnet18", title="My ResNet-18", build=build))

and the app is started with that file's name::

    CONVVIZ_NETWORKS=my_net.py streamlit run app.py

Several files are separated as in PATH. Each is run once, when the networks are listed for the
first time, with its folder last on the module search path, so that it may import modules beside it.
A file that fails adds nothing and does not affect the others: `problems` says what is wrong with
it, in one sentence that names the line. A user's network takes the place of a built-in one of the
same name, and `replaces` tells so; the three that the course's lessons are about keep theirs.

The layers are found by running the network once (`structure.layers`). What it returns may be a
tensor, or a tuple, dictionary or dataclass whose first tensor is the prediction.
"""

from __future__ import annotations

import importlib.util
import operator
import os
import re
import sys
import threading
import traceback
from collections import Counter, OrderedDict
from dataclasses import replace
from inspect import signature
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from convviz.errors import NetworkError
from convviz.formatting import did_you_mean
from convviz.language import Told, again, in_english, tr
from convviz.networks.network import NetworkSpec

VARIABLE = "CONVVIZ_NETWORKS"

# An absolute path, or one from the home folder, up to the last part's first space or quote.
_PATH = re.compile(
    r"(?<![\w.:/\\])(?:[A-Za-z]:|~)?[\\/](?:[^\s'\"“”:]*[\\/])?(?P<file>[^\s'\"“”:/\\]+)"
)

_specs: dict[str, NetworkSpec] = {}
_built_in: set[str] = set()
_replaceable: set[str] = set()

# The user's networks that took the place of a built-in one of the same name.
_replacing: dict[str, NetworkSpec] = {}
# Networks that are found by their names and listed for nobody, such as visitors' designs; the least
# recently used go first.
_unlisted: OrderedDict[str, NetworkSpec] = OrderedDict()
_MOST_UNLISTED = 500
_lock = threading.RLock()

# Each user's file that was run, by its full path, with the sentence that says what went wrong, or
# an empty one.
_outcomes: dict[Path, str] = {}


def register(spec: NetworkSpec) -> None:
    """Add a network; it takes the place of a built-in one of its name.

    Raises:
        NetworkError: The name is taken by another of the user's or by one of the course's three, or
            cannot be in a URL, or the description is not valid.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", spec.name):
        raise NetworkError(
            tr(
                "“{name}” cannot be a network's name: use lower-case letters, digits, _ and -.",
                name=spec.name,
            )
        )
    if not callable(spec.build):
        raise NetworkError(
            tr("{name}: build must be a function that returns the network.", name=spec.name)
        )
    if spec.input_size < 1:
        raise NetworkError(tr("{name}: input_size must be at least 1 pixel.", name=spec.name))
    both: tuple[Any, Any] = (spec.mean, spec.std)
    if (
        not all(isinstance(each, tuple) and all(map(isfinite, each)) for each in both)
        or {len(each) for each in both} not in ({3}, {1})
        or min(spec.std) <= 0
    ):
        raise NetworkError(
            tr(
                "{name}: mean and std need three numbers each, or one for grey images, and "
                "those of std must be above 0.",
                name=spec.name,
            )
        )
    _check_classes(spec)
    if spec.resize not in (None, "none") and (
        type(spec.resize) is not int or spec.resize < spec.input_size
    ):
        raise NetworkError(
            tr(
                "{name}: resize must be “none”, or a whole number of pixels from input_size "
                "({side}) on, as the middle is cut out of what is resized.",
                name=spec.name,
                side=spec.input_size,
            )
        )
    if spec.interpolation not in ("bilinear", "bicubic"):
        raise NetworkError(
            tr("{name}: interpolation must be “bilinear” or “bicubic”.", name=spec.name)
        )
    spec = replace(spec, classes=tuple(spec.classes))
    with _lock:
        if spec.name in _specs:
            if is_own(spec.name) or spec.name not in _replaceable:
                raise NetworkError(
                    tr(
                        "There is a network called {name} already: give yours another name.",
                        name=spec.name,
                    )
                )
            del _specs[spec.name]  # so that it is listed with the user's
            _replacing[spec.name] = spec
        _specs[spec.name] = spec


def add_unlisted(spec: NetworkSpec) -> NetworkSpec:
    """Let `spec` find a network that `available` does not list; returns what it finds.

    A network of the same name that was added before is the one that stays.
    """
    with _lock:
        kept = _unlisted.setdefault(spec.name, spec)
        _unlisted.move_to_end(spec.name)
        while len(_unlisted) > _MOST_UNLISTED:
            _unlisted.popitem(last=False)
    return kept


def is_unlisted(name: str) -> bool:
    """Whether a network is found by its name alone."""
    return name in _unlisted


def _check_classes(spec: NetworkSpec) -> None:
    names: Any = spec.classes
    if isinstance(names, str) or not all(isinstance(name, str) and name.strip() for name in names):
        raise NetworkError(
            tr(
                "{name}: classes must be a list of names, one for each class in the order of "
                "the network's scores.",
                name=spec.name,
            )
        )
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise NetworkError(
            tr(
                "{name}: two classes are called “{class_name}”; give each its own name.",
                name=spec.name,
                class_name=twice,
            )
        )


def register_built_in(spec: NetworkSpec, *, replaceable: bool) -> None:
    """Add a network of convviz' catalogue.

    Args:
        spec: Its description.
        replaceable: Whether a user's network may take its place.

    Raises:
        NetworkError: As for `register`.
    """
    register(spec)
    _built_in.add(spec.name)
    if replaceable:
        _replaceable.add(spec.name)


def is_own(name: str) -> bool:
    """Whether the network was registered by a user rather than by convviz."""
    return (name not in _built_in and not is_unlisted(name)) or replaces(name)


def replaces(name: str) -> bool:
    """Whether a user's network has taken the place of a built-in one of this name."""
    return name in _replacing and _specs.get(name) is _replacing[name]


def is_networks_fault(spec: NetworkSpec, error: BaseException) -> bool:
    """Whether an error in building or running a network is for its author to mend.

    That of a built-in network is a bug of convviz, and too little memory is nobody's fault.
    """
    short_of_memory = isinstance(error, MemoryError) or "can't allocate memory" in str(error)
    built_in = not is_own(spec.name) and _specs.get(spec.name) == spec
    return not built_in and not short_of_memory


def available() -> tuple[str, ...]:
    """Name every network: the built-in ones first, then the user's."""
    _run_files()
    return tuple(_specs)


_NAMED = 10  # networks that a sentence lists


def spec(name: str) -> NetworkSpec:
    """Look a network up.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches.
    """
    names = available()
    if name in _specs:
        return _specs[name]
    with _lock:
        if name in _unlisted:
            _unlisted.move_to_end(name)
            return _unlisted[name]
    named = (*names[:_NAMED], *(each for each in names[_NAMED:] if is_own(each)))
    listed = ", ".join(named)
    if len(named) == len(names):
        otherwise = tr("choose from {names}.", names=listed)
    else:
        otherwise = tr(
            "choose from {names}, or any other of torchvision's classifiers.", names=listed
        )
    choice = did_you_mean(name.lower(), names, otherwise)
    sentence = tr("There is no network called {name}: {choice}", name=name, choice=choice)
    raise NetworkError(" ".join((sentence, *problems())))


def takes_classes(spec: NetworkSpec) -> bool:
    """Whether a network can be built with any number of classes."""
    return "num_classes" in signature(spec.build).parameters


def build(spec: NetworkSpec, **options: Any) -> nn.Module:
    """Build a network in eval mode, untrained or with the weights that the spec's `build` sets.

    Raises:
        NetworkError: A user's build() fails or returns something that is not a torch.nn.Module.
    """
    try:
        module = spec.build(**options)
    except (Exception, SystemExit) as error:  # a user's build() may raise anything
        if not is_networks_fault(spec, error):
            raise
        location = place(error) or tr("its build()")
        raise NetworkError(
            tr(
                "{title} cannot be built: {location}: {reason}.",
                title=spec.title,
                location=location,
                reason=reason(error),
            )
        ) from error
    if not isinstance(module, nn.Module):
        raise NetworkError(
            tr(
                "{title} cannot be built: its build() returns no torch.nn.Module but a {kind}.",
                title=spec.title,
                kind=type(module).__name__,
            )
        )
    refusal = _cannot_be_looked_into(module)
    if refusal:
        raise NetworkError(
            tr("{title} cannot be looked into: {reason}.", title=spec.title, reason=refusal)
        )
    try:
        return _on_cpu_in_float32(module.eval().requires_grad_(False))
    except Exception as error:  # a user's module may raise anything
        if not is_networks_fault(spec, error):
            raise
        raise NetworkError(
            tr(
                "{title} cannot be looked into: {kind} raises {reason}.",
                title=spec.title,
                kind=type(module).__name__,
                reason=reason(error),
            )
        ) from error


def _cannot_be_looked_into(module: nn.Module) -> str:
    """Say why a network has no layers that can be looked at; empty if it may have."""
    for part in module.modules():
        if isinstance(part, LazyModuleMixin) and part.has_uninitialized_params():
            return tr(
                "the sizes of its {kind} are known after a first pass only; let build() "
                "pass an image through the network before it returns it",
                kind=type(part).__name__,
            )
        if isinstance(part, torch.jit.ScriptModule):
            return tr(
                "it is, or holds, a TorchScript network, whose layers run out of sight; "
                "let build() return the Python network"
            )
        if re.search(r"\.quantized(\.|$)", type(part).__module__) or _is_quantised_graph(part):
            return tr(
                "its layers are quantised, so that they compute with whole numbers; let "
                "build() return the network before it was quantised"
            )
    return ""


def _is_quantised_graph(module: nn.Module) -> bool:
    """Whether a module is a graph with operations of torch.ao's quantisation of exported ones."""
    if not isinstance(module, torch.fx.GraphModule):
        return False
    return any("quantized_decomposed" in str(node.target) for node in module.graph.nodes)


def _on_cpu_in_float32(module: nn.Module) -> nn.Module:
    """Bring a network to the CPU, and its numbers to float32: so everything here computes."""
    tensors = (*module.parameters(), *module.buffers())
    is_elsewhere = any(tensor.device.type not in ("cpu", "meta") for tensor in tensors)
    is_other = any(t.is_floating_point() and t.dtype != torch.float32 for t in tensors)
    if is_elsewhere:
        module = module.cpu()
    if is_other:
        module = module.float()
    for part in module.modules():
        if is_elsewhere or is_other:
            # Tensors that are neither parameters nor buffers go where the others go.
            for name, value in vars(part).items():
                if name not in ("_parameters", "_buffers", "_modules"):
                    vars(part)[name] = _in_float32(value)
        if isinstance(part, nn.DataParallel):
            part.device_ids = []  # it then runs what it wraps where that is
    return module


def _in_float32(value: Any) -> Any:
    """Bring a tensor, or those in a list, a tuple or a dictionary, to the CPU and to float32."""
    if isinstance(value, Tensor):
        value = value if value.is_meta else value.cpu()
        return value.float() if value.is_floating_point() else value
    if type(value) in (list, tuple):
        held = type(value)(map(_in_float32, value))
        return value if all(map(operator.is_, held, value)) else held
    if type(value) is dict:
        by_key = {key: _in_float32(each) for key, each in value.items()}
        return value if all(by_key[key] is value[key] for key in value) else by_key
    return value


# A user's files.


def problems() -> tuple[str, ...]:
    """Say what is wrong with the user's files, one sentence for each that failed."""
    return tuple(again(_outcomes[path]) for path in _listed() if _outcomes.get(path))


def place(error: BaseException) -> str:
    """Say where in a user's file an error was raised: "my_net.py, line 7"; empty if nowhere."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) in _outcomes:
        return tr("{file}, line {line}", file=Path(error.filename).name, line=error.lineno)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) in _outcomes:
            return tr("{file}, line {line}", file=Path(frame.filename).name, line=frame.lineno)
    return ""


def reason(error: BaseException) -> str:
    """Describe an error of any kind in a few words; of a path only the file's name is left."""
    lines = [_PATH.sub(r"\g<file>", line) for line in str(error).strip().splitlines()]
    if isinstance(error, NetworkError) and lines:
        return lines[0].rstrip(".")
    words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return words.rstrip(".")


def _run_files() -> None:
    """Run the files that have not been run yet; remove what a failing file has added."""
    with _lock:
        for path in _listed():
            if path in _outcomes:
                continue
            _outcomes[path] = ""  # before it runs, as it may list the networks itself
            before = dict(_specs)
            try:
                _run(path, f"convviz_own_{len(_outcomes)}_{path.stem}")
                if all(_specs[name] is before.get(name) for name in _specs):
                    raise NetworkError(
                        tr(
                            "{file} in {variable} adds no network: let it call "
                            "convviz.networks.register(NetworkSpec(…)).",
                            file=path.name,
                            variable=VARIABLE,
                        )
                    )
            except NetworkError as error:
                _specs.clear()
                _specs.update(before)
                _outcomes[path] = str(error)


def _listed() -> tuple[Path, ...]:
    names = os.environ.get(VARIABLE, "").split(os.pathsep)
    return tuple(Path(name).expanduser().resolve() for name in names if name.strip())


def _run(path: Path, module_name: str) -> None:
    if not path.is_file():
        raise NetworkError(
            tr(
                "{variable} names a file {file}, but there is no such file.",
                variable=VARIABLE,
                file=path.name,
            )
        )
    module_spec = importlib.util.spec_from_file_location(module_name, path)
    if module_spec is None or module_spec.loader is None:
        raise NetworkError(
            tr(
                "{file} in {variable} is no Python file: its name must end in .py.",
                file=path.name,
                variable=VARIABLE,
            )
        )
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_name] = module  # dataclasses and pickles look their module up there
    try:
        module_spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        del sys.modules[module_name]
        location = place(error) or path.name
        raise NetworkError(_failure(location, error)) from error


def _failure(location: str, error: BaseException) -> str:
    """Say what went wrong in a user's file, so that it can be told again to whoever reads it."""
    sentence = in_english(str(error))
    is_ours = isinstance(error, NetworkError) and isinstance(sentence, Told)
    is_whole = sentence.endswith(".") and len(sentence.splitlines()) == 1
    if is_ours and is_whole and not _PATH.search(sentence):
        return tr(
            "{location} in {variable}: {sentence}",
            location=location,
            variable=VARIABLE,
            sentence=sentence,
        )
    return tr(
        "{location} in {variable}: {reason}.",
        location=location,
        variable=VARIABLE,
        reason=reason(error),
    )
