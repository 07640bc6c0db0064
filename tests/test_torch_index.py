"""`make run TORCH_INDEX=…`: a folder of wheels as the index, a broken one, and none at all."""

import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pip
import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / ".ci" / "torch_index.py"


def make_wheel(folder: Path, name: str, version: str, code: str, needs: str = "") -> None:
    """Make a wheel of one module."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if needs:
        metadata += f"Requires-Dist: {needs}\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", code)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (packages,) = folder.rglob("site-packages")
    (packages / "pip").symlink_to(Path(pip.__file__).parent)
    return folder / "bin" / "python"


def empty(python: Path) -> None:
    """Remove what an earlier test has installed."""
    (packages,) = python.parents[1].rglob("site-packages")
    for folder in packages.glob("torch*"):
        shutil.rmtree(folder)


@pytest.fixture
def indexes(tmp_path: Path) -> Path:
    """Folders of wheels: `cpu`, where a newer torch fits no torchvision, `broken` and `usual`."""
    for name, code in (("cpu", "build = 'cpu'"), ("usual", "build = 'usual'")):
        make_wheel(tmp_path / name, "torch", "2.14.1", code)
        make_wheel(tmp_path / name, "torchvision", "0.29.1", "", "torch==2.14.1")
    make_wheel(tmp_path / "cpu", "torch", "2.14.9", "build = 'does not fit'")
    make_wheel(tmp_path / "broken", "torch", "2.14.1", "build = 'broken'")
    code = "raise ImportError('another torch')"
    make_wheel(tmp_path / "broken", "torchvision", "0.29.1", code, "torch==2.14.1")
    return tmp_path


def run(python: Path, index: Path | str, usual: Path, *arguments: str) -> str:
    """Run the script, with a folder in the place of PyPI; return what it says."""
    none = usual.parent / "constraints.txt"
    none.touch()
    settings = {"TORCH_INDEX": str(index), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(usual)}
    settings["PIP_CONSTRAINT"] = str(none)
    done = subprocess.run(
        [python, SCRIPT, *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    return done.stderr


def build_of(python: Path) -> str:
    code = "import torch, torchvision; print(torch.build, torch.__file__)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.split(" ")[0]


def test_the_pair_comes_from_the_index_and_fits(python: Path, indexes: Path) -> None:
    assert run(python, indexes / "cpu", indexes / "usual") == ""
    assert run(python, indexes / "cpu", indexes / "usual", "check") == ""
    assert build_of(python) == "cpu"


def test_a_pair_that_does_not_import_is_replaced_with_one_sentence(
    python: Path, indexes: Path
) -> None:
    empty(python)
    assert run(python, indexes / "broken", indexes / "usual") == ""
    said = run(python, indexes / "broken", indexes / "usual", "check")
    assert said.splitlines()[0].endswith(
        "do not work together on this machine: the ordinary packages are taken instead."
    )
    assert build_of(python) == "usual"


def test_an_index_that_does_not_answer_is_one_sentence(python: Path, indexes: Path) -> None:
    index = "http://127.0.0.1:9/whl"
    empty(python)
    said = run(python, index, indexes / "usual")
    assert said == (
        f"No torch and torchvision for this Python came from {index}: the ordinary packages are "
        "taken, which on Linux are several GB.\n"
    )
    assert build_of(python) == ""


def test_ordinary_packages_that_do_not_import_are_not_said_to_come_from_the_index(
    python: Path, indexes: Path
) -> None:
    index = "http://127.0.0.1:9/whl"
    empty(python)
    run(python, index, indexes / "usual")
    assert run(python, index, indexes / "usual", "check") == ""
    assert build_of(python) == ""  # nor are they installed once more


def test_an_index_that_comes_too_late_is_told(python: Path, indexes: Path) -> None:
    empty(python)
    run(python, indexes / "cpu", indexes / "usual")
    assert run(python, indexes / "cpu", indexes / "usual", "late") == ""
    assert run(python, indexes / "broken", indexes / "usual", "late") == (
        f"{indexes / 'broken'} was not asked: PyTorch is installed already. Type make clean "
        "first to have it from there.\n"
    )
    (python.parents[1] / ".torch-index").unlink()
    assert "was not asked" in run(python, indexes / "cpu", indexes / "usual", "late")


def test_make_takes_the_index_first_and_checks_after(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile[makefile.index("$(INSTALLED): $(MADE)") :].split("\n\n")[0]
    steps = [line for line in recipe.splitlines() if "torch_index" in line or "-r req" in line]
    assert len(steps) == 3
    assert "check" in steps[2]
    assert "-r requirements.txt" in steps[1]
    assert "torch_index.py late" in makefile[makefile.index("\ninstall: ") :].split("\n\n")[0]
