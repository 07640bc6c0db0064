"""What the package offers: its rooms' names, and the files that an installation gets."""

import ast
import importlib
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import convviz
from tests.conftest import OWN_PROXIES

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


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout, without fetching anything."""
    source = folder / "source"
    hidden = shutil.ignore_patterns("__pycache__")
    for name in ("convviz", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, source / name, ignore=hidden)
    files = ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE")
    for name in (*files, "setup.py", "MANIFEST.in", "app.py"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = folder.glob("convviz-*.whl")
    return wheel


def test_the_wheel_holds_every_file_of_the_package_and_the_same_pages(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)
    expected = {
        str(file.relative_to(ROOT))
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".po"
    }  # what a catalogue is compiled of stays behind
    start = [ROOT / "app.py", ROOT / ".streamlit/config.toml", *(ROOT / "pages").glob("*.py")]
    expected |= {f"convviz/site/{file.relative_to(ROOT)}" for file in start}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")
    packed = {name for name in names if name.startswith("convviz/")}
    assert packed == expected
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}
    for file in start:  # the same pages, byte for byte
        site = tmp_path / "unpacked/convviz/site" / file.relative_to(ROOT)
        assert site.read_bytes() == file.read_bytes()


@pytest.mark.load
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("packages", ["seen", "installed"])
def test_an_installed_wheel_starts_the_app_and_opens_every_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packages: str
) -> None:
    """In an environment of its own, away from the checkout.

    It sees the packages of this one, or has its own: those that the wheel asks for, and no others.
    """
    wheel = build_wheel(tmp_path)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=packages == "installed")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [python, "-m", "pip", "install", "--quiet", wheel]
    if packages == "seen":
        (folder,) = environment.rglob("site-packages")
        (folder / "seen.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
        install += ["--no-deps", "--no-index"]
    with monkeypatch.context() as outside:
        if packages == "installed":
            for name, value in OWN_PROXIES.items():
                if value is None:
                    outside.delenv(name)
                else:
                    outside.setenv(name, value)
        subprocess.run(install, check=True, cwd=tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = ("PYTHONPATH", "CONVVIZ_HOSTS")
    settings = {name: value for name, value in os.environ.items() if name not in own}
    server = subprocess.Popen(
        [python, "-m", "convviz", "app", "--port", str(port), "--", "--server.headless", "true"],
        cwd=tmp_path,
        env=settings,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        base = f"http://localhost:{port}"
        deadline = time.monotonic() + 60
        while not _answers(f"{base}/_stcore/health"):
            assert server.poll() is None, server.stderr.read() if server.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            page = browser.new_page()
            files = sorted((ROOT / "pages").glob("*.py"))
            for file in files:
                name = file.stem.split("_", 1)[1]
                page.goto(f"{base}/{name}")
                title = name.replace("_", " ")
                expect(page.get_by_role("heading", name=title, exact=True).first).to_be_visible(
                    timeout=60_000
                )
                app = page.get_by_test_id("stApp")
                expect(app).to_have_attribute(
                    "data-test-script-state", "notRunning", timeout=60_000
                )
                expect(page.get_by_test_id("stException")).to_have_count(0)
                expect(page.get_by_text("Something went wrong")).to_have_count(0)
                links = page.locator(".st-key-navigation a")
                expect(links).to_have_count(len(files) + 1)
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def _answers(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
