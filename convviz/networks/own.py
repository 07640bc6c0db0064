"""A user's own networks: the Python files named in CONVVIZ_NETWORKS.

Any torch.nn.Module that takes one image of three channels can be looked at. Ten lines in a file of
your own make it known::

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

Several files are separated as in PATH. Each is run once, the first time that somebody asks which
networks there are, with its folder last on the module search path, so that it may import its
neighbours. A file that fails adds nothing, and takes nothing away from the others: `problems` says
what is wrong with it, in one sentence that names the line.

Its layers are found by running the network once (see `layers`). What the network returns may be a
tensor, or a tuple, dictionary or dataclass whose first tensor is the prediction.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from convviz.errors import NetworkError

VARIABLE = "CONVVIZ_NETWORKS"

# Each file that was run, by its full path, and the sentence that says what went wrong, if it did.
_outcomes: dict[Path, str] = {}


def join(specs: dict[str, Any]) -> None:
    """Run the files in CONVVIZ_NETWORKS that have not been run yet.

    Args:
        specs: The registry, which the files add to. What a failing file has added is taken out.
    """
    for path in _listed():
        if path in _outcomes:
            continue
        _outcomes[path] = ""  # before the file runs, as it may itself ask which networks there are
        before = set(specs)
        try:
            _run(path, f"convviz_own_{len(_outcomes)}_{path.stem}")
            if before.issuperset(specs):
                raise NetworkError(
                    f"{path.name} in {VARIABLE} adds no network: let it call "
                    "convviz.networks.register(NetworkSpec(…))."
                )
        except NetworkError as error:
            for name in set(specs) - before:
                del specs[name]
            _outcomes[path] = str(error)


def problems() -> tuple[str, ...]:
    """Say what is wrong with the user's files, one sentence for each that failed."""
    return tuple(_outcomes[path] for path in _listed() if _outcomes.get(path))


def place(error: BaseException) -> str:
    """Say where in a user's file an error came up: "my_net.py, line 7", or nothing."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) in _outcomes:
        return f"{Path(error.filename).name}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) in _outcomes:
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return ""


def reason(error: BaseException) -> str:
    """Put an error that is not convviz' own into a few words."""
    lines = str(error).strip().splitlines()
    if isinstance(error, NetworkError) and lines:
        return lines[0].rstrip(".")
    words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return words.rstrip(".")


def _listed() -> tuple[Path, ...]:
    names = os.environ.get(VARIABLE, "").split(os.pathsep)
    return tuple(Path(name).expanduser().resolve() for name in names if name.strip())


def _run(path: Path, module_name: str) -> None:
    if not path.is_file():
        raise NetworkError(f"{VARIABLE} names a file {path.name}, but there is no such file.")
    described = importlib.util.spec_from_file_location(module_name, path)
    if described is None or described.loader is None:
        raise NetworkError(
            f"{path.name} in {VARIABLE} is no Python file: its name must end in .py."
        )
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(described)
    sys.modules[module_name] = module  # dataclasses and pickles look their module up there
    try:
        described.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        del sys.modules[module_name]
        where = place(error) or path.name
        raise NetworkError(f"{where} in {VARIABLE}: {reason(error)}.") from error
