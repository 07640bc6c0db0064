"""Installs torch and torchvision from an index that somebody names, before everything else.

    make run TORCH_INDEX=https://download.pytorch.org/whl/cpu

On Linux the ordinary packages bring several gigabytes of CUDA. An index of CPU builds, or a folder
of wheels, saves a machine without an NVIDIA GPU from them. torchvision is taken from there first,
then a torch that it names, so that both fit; what else they need comes with the other packages.

Reads TORCH_INDEX, and is run three times: without arguments before the ordinary packages are
installed, with `check` after, and with `late` at each start, where an index that was not asked at
the first one is said to come too late. Where the index has no pair that works it says so in one
sentence, and the ordinary packages are taken; it never fails by itself. Uses the standard library
alone.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
# Holds the index that was asked, and "taken" if it gave a pair.
_ASKED = Path(sys.prefix) / ".torch-index"
_PATIENCE = ("--timeout", "15", "--retries", "1")


def main() -> int:
    """Install from the index, or check what was installed; 0, or pip's own status."""
    index = os.environ.get("TORCH_INDEX", "").strip()
    if not index:
        return 0
    if sys.argv[1:] == ["check"]:
        return _check(index) if _asked() == [index, "taken"] else 0
    if sys.argv[1:] == ["late"]:
        if _asked()[:1] != [index]:
            _say(
                f"{index} was not asked: PyTorch is installed already. Type make clean first to "
                "have it from there."
            )
        return 0
    is_taken = _install(index)
    _ASKED.write_text(f"{index}\ntaken\n" if is_taken else f"{index}\n", encoding="utf-8")
    if not is_taken:
        _say(
            f"No torch and torchvision for this Python came from {index}: the ordinary packages "
            "are taken, which on Linux are several GB."
        )
        _pip("uninstall", "--yes", "torch", "torchvision")
    return 0


def _asked() -> list[str]:
    """Return the lines of the note on which index was asked; none if none was."""
    return _ASKED.read_text(encoding="utf-8").splitlines() if _ASKED.is_file() else []


def _install(index: str) -> bool:
    """Install the pair without what it needs; tell whether that worked."""
    # Named in variables, which take the place of what pip's own settings name.
    only = {"PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": index, "PIP_NO_INDEX": "0"}
    only["PIP_FIND_LINKS"] = str(Path(__file__).parent)  # has none
    if Path(index).is_dir():
        only = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(Path(index).resolve())}
    options = ("install", "--no-deps", *_PATIENCE)
    if not _pip(*options, _line("torchvision"), settings=only):
        return False
    importlib.invalidate_caches()
    needs = importlib.metadata.requires("torchvision") or []
    torch = next((need for need in needs if re.match(r"torch\b(?!vision)", need)), _line("torch"))
    return _pip(*options, torch.split(";")[0].strip(), settings=only)


def _check(index: str) -> int:
    """Take the ordinary packages if the pair does not import."""
    tried = subprocess.run(
        [sys.executable, "-c", "import torch, torchvision"], capture_output=True, check=False
    )
    if tried.returncode == 0:
        return 0
    _say(
        f"The torch and torchvision from {index} do not work together on this machine: the "
        "ordinary packages are taken instead."
    )
    lines = (_line("torch"), _line("torchvision"))
    return 0 if _pip("install", "--force-reinstall", "--no-cache-dir", *lines, quiet=False) else 1


def _line(package: str) -> str:
    """Return a package's line in requirements.txt."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if re.match(rf"{package}\b", line))


def _pip(*arguments: str, settings: dict[str, str] | None = None, quiet: bool = True) -> bool:
    """Run pip for the Python that runs this; tell whether it did what it was told."""
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(  # noqa: S603 - made of this project's requirements
        (sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments),
        stdout=output,
        stderr=output,
        env={**os.environ, **(settings or {})},
        check=False,
    )
    return done.returncode == 0


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
