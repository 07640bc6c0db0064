"""Check that convviz can run on this machine; one plain sentence if it cannot.

`python -m convviz.preflight` is silent and exits with 0 when all is well; otherwise it says what is
wrong and what to type, and exits with 2. Packages other than the standard library are imported only
after they have been found, and a Python that is too old can still run this module.

The required versions are in one place: requirements.txt, which an installed convviz has as its
metadata.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import reduce
from importlib import import_module, metadata, util
from pathlib import Path

from convviz.language import tr

OLDEST_PYTHON = (3, 11)
_MODULE_OF = {"pillow": "PIL"}  # the others are imported by the name they are installed under


def problem() -> str | None:
    """Return what keeps convviz from running; None if nothing does.

    An old Python is named in English whatever is read, since no page can be drawn with one. The
    last check imports torch and torchvision, which takes a few seconds the first time.

    Returns:
        One sentence with what is wrong and what to type.
    """
    return (
        _python_problem()
        or _limits_problem()
        or _package_problem(_requirements())
        or _torch_problem()
    )


def main() -> int:
    """Write the problem to standard error; return the exit status, 0 or 2."""
    sentence = problem()
    if sentence is None:
        return 0
    sys.stderr.write(sentence + "\n")
    return 2


def _python_problem() -> str | None:
    if sys.version_info >= OLDEST_PYTHON:
        return None
    needed = ".".join(map(str, OLDEST_PYTHON))
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"convviz needs Python {needed} or newer and this is Python {version}; install a newer one "
        f"and make a new environment with it, for example: make clean run PYTHON=python3.12"
    )


def _limits_problem() -> str | None:
    from convviz import limits
    from convviz.errors import SettingError

    try:
        limits.check()
    except SettingError as error:
        return str(error)
    return None


def _requirements_file() -> Path:
    """Return the path of a checkout's file; an installed package has none."""
    return Path(__file__).parent.parent / "requirements.txt"


def _requirements() -> list[str]:
    """Return requirement lines such as "torch>=2.13,<3", of this checkout or this installation.

    What is for some systems only, or an extra, can be done without: such lines have a semicolon.
    """
    if _requirements_file().is_file():
        lines = _requirements_file().read_text(encoding="utf-8").splitlines()
    else:
        try:
            lines = metadata.requires("convviz") or []
        except metadata.PackageNotFoundError:
            lines = []
    requirements = (line.split("#")[0].strip() for line in lines if ";" not in line)
    return [line for line in requirements if line]


def _package_problem(requirements: list[str]) -> str | None:
    missing: list[str] = []
    old: dict[str, str] = {}
    for line in requirements:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        if util.find_spec(_MODULE_OF.get(name, name)) is None:
            missing.append(name)
            continue
        oldest = re.search(r">=\s*([\d.]+)", line)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # it can be imported, but its version is not recorded
        if oldest and _numbers(version) < _numbers(oldest[1]):
            old[name] = tr(
                "{package} {version} (needed: {oldest} or newer)",
                package=name,
                version=version,
                oldest=oldest[1],
            )
    if not missing and not old:
        return None
    in_checkout = _requirements_file().is_file()
    arguments = "-r requirements.txt" if in_checkout else f"--upgrade {' '.join([*missing, *old])}"
    absent, command = ", ".join(missing), f"{_pip()} {arguments}"
    if not old:
        return tr(
            "Some packages that convviz needs are missing: {missing}; type: {command}",
            missing=absent,
            command=command,
        )
    if not missing:
        return tr(
            "Some packages that convviz needs are too old: {old}; type: {command}",
            old=_listed(old.values()),
            command=command,
        )
    return tr(
        "Some packages that convviz needs are missing: {missing}; too old: {old}; type: {command}",
        missing=absent,
        old=_listed(old.values()),
        command=command,
    )


def _listed(texts: Iterable[str]) -> str:
    """Join texts so that all of them can be told again."""
    return reduce(lambda first, second: tr("{first}, {second}", first=first, second=second), texts)


def _torch_problem() -> str | None:
    """Import both: version numbers do not tell whether torchvision's binary fits this torch."""
    command = f"{_pip()} --force-reinstall torch torchvision"
    try:
        import_module("torch")
    except (ImportError, OSError, RuntimeError) as error:
        return tr(
            "PyTorch is installed but cannot be loaded ({error}); type: {command}",
            error=_first_line(error),
            command=command,
        )
    try:
        import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return tr(
            "torch {torch} and torchvision {torchvision} do not work together ({error}): both "
            "must come from the same index, in releases made for each other; type: {command}",
            torch=_version("torch"),
            torchvision=_version("torchvision"),
            error=_first_line(error),
            command=command,
        )
    return None


def _pip() -> str:
    """Return the shortest command that calls pip for the Python that runs this."""
    try:
        python = Path(sys.executable).relative_to(Path.cwd()).as_posix()
    except ValueError:
        python = "python"
    return f"{python} -m pip install"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return tr("of unknown version")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (2, 13, 0) of "2.13.0+cpu"."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


if __name__ == "__main__":
    raise SystemExit(main())
