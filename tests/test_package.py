"""What the package offers: its rooms' names, and the files that an installation gets."""

import ast
import importlib
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import convviz

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "convviz"
ROOMS = sorted(init.parent for init in PACKAGE.glob("*/__init__.py"))


def public_names(init: Path) -> set[str]:
    """What the room defines in its __init__ or takes up from its own modules."""
    names = set()
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(module=str(module)) if module.startswith(
                f"convviz.{init.parent.name}"
            ):
                names |= {alias.asname or alias.name for alias in node.names}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_offers_exactly_its_public_names(room: Path) -> None:
    module = importlib.import_module(f"convviz.{room.name}")
    offered = getattr(module, "__all__", [])
    assert set(offered) == public_names(room / "__init__.py")
    assert [name for name in offered if not hasattr(module, name)] == []


def test_the_version_is_the_same_everywhere() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert version == convviz.__version__


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source / "convviz", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    expected = {
        str(file.relative_to(ROOT))
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    (wheel,) = tmp_path.glob("convviz-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packed = {name for name in names if name.startswith("convviz/")}
    assert packed == expected
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}
