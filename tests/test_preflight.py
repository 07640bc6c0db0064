"""The preflight says in one sentence what keeps convviz from running.

Each fault is a stub package in front of the real ones, in a process of its own.
"""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from convviz import preflight
from convviz.language import again, speaking

ROOT = Path(__file__).parent.parent
NMS = "operator torchvision::nms does not exist"


def run(stubs: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(stubs)}
    return subprocess.run(
        [sys.executable, "-m", "convviz.preflight"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def stub(folder: Path, name: str, code: str = "") -> None:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(code)


def stub_version(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_silent_where_all_is_well(tmp_path: Path) -> None:
    stub(tmp_path, "torch")
    stub(tmp_path, "torchvision")
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_torchvision_made_for_another_torch_is_named(tmp_path: Path) -> None:
    stub(tmp_path, "torch")
    stub_version(tmp_path, "torch", "2.15.0+cpu")
    stub(tmp_path, "torchvision", f'raise RuntimeError("{NMS}")')
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"torch 2.15.0+cpu and torchvision {metadata.version('torchvision')}" in done.stderr
    assert NMS in done.stderr
    assert "-m pip install --force-reinstall torch torchvision" in done.stderr


def test_a_torch_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    stub(tmp_path, "torch", 'raise OSError("libtorch_cpu.so: cannot open shared object file")')
    done = run(tmp_path)
    assert done.returncode == 2
    assert "PyTorch is installed but cannot be loaded (libtorch_cpu.so" in done.stderr


def test_old_packages_are_named_with_what_is_needed(tmp_path: Path) -> None:
    stub_version(tmp_path, "pillow", "12.3.0")
    stub_version(tmp_path, "streamlit", "1.9.2")
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pillow 12.3.0 (needed: 13 or newer)" in done.stderr
    assert "streamlit 1.9.2 (needed: 1.67 or newer)" in done.stderr
    assert "-m pip install -r requirements.txt" in done.stderr


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = preflight.util.find_spec
    monkeypatch.setattr(
        preflight.util,
        "find_spec",
        lambda name: None if name in ("PIL", "plotly") else find_spec(name),
    )
    sentence = preflight.problem()
    assert sentence is not None
    assert "missing: plotly, pillow; type:" in sentence


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "OLDEST_PYTHON", (4, 0))
    sentence = preflight.problem()
    assert sentence is not None
    assert "convviz needs Python 4.0 or newer and this is Python 3." in sentence


def test_without_a_checkout_the_requirements_are_the_installed_packages_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "__file__", str(tmp_path / "convviz" / "preflight.py"))
    needed = ["plotly>=99", 'absent; extra == "test"', 'elsewhere>=1; sys_platform == "beos"']
    monkeypatch.setattr(preflight.metadata, "requires", lambda _: needed)
    sentence = preflight.problem()
    assert sentence is not None
    assert "plotly" in sentence
    assert "99 or newer" in sentence
    assert sentence.endswith("-m pip install --upgrade plotly")


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("2.13.0+cpu", (2, 13, 0)), ("13", (13,)), ("2.16.0rc1", (2, 16, 0)), ("dev", ())],
)
def test_versions_compare_by_their_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert preflight._numbers(version) == numbers


@pytest.mark.claims(
    "convviz.preflight._package_problem",
    "convviz.preflight._python_problem",
    "convviz.preflight._torch_problem",
)
def test_sentences_give_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 7, "final", 0))
    assert "needs Python 3.11 or newer and this is Python 3.9.7;" in str(
        preflight._python_problem()
    )
    monkeypatch.undo()
    assert preflight._python_problem() is None
    assert preflight._package_problem([]) is None
    version = metadata.version("numpy")
    assert preflight._package_problem([f"numpy>={version}"]) is None
    problem = str(preflight._package_problem(["numpy>=999.1", "no-such-package>=1", "pillow"]))
    assert f"missing: no-such-package; too old: numpy {version} (needed: 999.1 or newer)" in problem

    def fail(name: str) -> None:
        raise ImportError(f"no {name}\nand more")

    monkeypatch.setattr(preflight, "import_module", fail)
    assert "cannot be loaded (no torch);" in str(preflight._torch_problem())
    monkeypatch.setattr(
        preflight, "import_module", lambda name: fail(name) if name == "torchvision" else None
    )
    problem = str(preflight._torch_problem())
    for name in ("torch", "torchvision"):
        assert f"{name} {metadata.version(name)}" in problem
    assert "(no torchvision)" in problem


def test_a_problem_is_said_again_in_the_language_that_is_read(bracketed: None) -> None:
    version = metadata.version("numpy")
    problem = str(preflight._package_problem(["numpy>=999.1", "no-such-package"]))
    with speaking("da"):
        told = again(problem)
    assert told.startswith(
        "⟦Some packages that convviz needs are missing: no-such-package; too old"
    )
    assert f"⟦numpy {version} (needed: 999.1 or newer)⟧" in told
