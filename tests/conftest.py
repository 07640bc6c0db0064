"""What holds for every test: few threads, no network, no trace of this user's own settings."""

import gettext
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from convviz import language
from convviz.limits import LIMITS
from tests import fault_table

os.environ.setdefault("OMP_NUM_THREADS", "2")  # before anything imports torch
pytest_plugins = ["tests.networks_for_tests", "tests.unending"]

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

# Settings of whoever runs the tests; a test that wants one sets it.
OWN_SETTINGS = (
    *("CONVVIZ_CACHE", "CONVVIZ_WEIGHTS", "CONVVIZ_NETWORKS", "CONVVIZ_HOSTS", "CONVVIZ_EMBED"),
    *("CONVVIZ_CLUSTER", "CONVVIZ_CLUSTER_CA", "CONVVIZ_CLUSTER_CERT", "CONVVIZ_CLUSTER_KEY"),
    *("CONVVIZ_CLUSTER_PLAIN", "CONVVIZ_DEVICE"),
    *(limit.name for limit in LIMITS),
)
# Nothing answers at this address, so that programs which tests start stay on this machine too.
NOWHERE = "http://127.0.0.1:9"
PROXIES = {
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "no_proxy": "localhost,127.0.0.1,::1",
    "NO_PROXY": "localhost,127.0.0.1,::1",
    "PIP_RETRIES": "0",
}
# What this user has in their place, for a test that installs packages.
OWN_PROXIES = {name: os.environ.get(name) for name in PROXIES}


# Tests that take minutes: the marker, the make target that runs them, and what they do.
LONG = (
    ("choices", "choices", "play every recorded choice by hand"),
    ("independent", "independent", "count many networks by other code"),
    ("networks", "networks", "look into all of torchvision's classifiers"),
    ("views", "views", "hold every view to what holds for a few in each run"),
    ("walks", "test-walks", "go from what people bring to the grid, in a browser"),
    ("thorough", "thorough", "go through the further cases that tests/thorough.txt names"),
    ("load", "test-load", "run the long tests of load, faults and hostile input"),
)


def thorough_lines() -> list[str]:
    """Return the patterns of tests/thorough.txt, of pytest's names of tests."""
    lines = (ROOT / "tests" / "thorough.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for each kind of long test."""
    for marker, _, what in LONG:
        parser.addoption(
            f"--{marker}",
            action="store_true",
            help=f"also {what}, which takes minutes (marker: {marker})",
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    lines = thorough_lines()
    for item in items:
        if any(fnmatchcase(item.nodeid, line) for line in lines):
            item.add_marker(pytest.mark.thorough)
    for marker, target, _ in LONG:
        if config.getoption(f"--{marker}"):
            continue
        skip = pytest.mark.skip(reason=f"takes minutes: run it with make {target}")
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the long tests of faults have measured, and write it down if all of them ran."""
    if not config.getoption("--load") or not fault_table.ROWS:
        return
    text = fault_table.report(fault_table.ROWS)
    terminalreporter.write(f"\n{text}")
    if not config.getoption("keyword") and not terminalreporter.stats.get("failed"):
        fault_table.REPORT.write_text(text, encoding="utf-8")


def _isolate(patch: pytest.MonkeyPatch, cache: Path) -> None:
    for name in OWN_SETTINGS:
        patch.delenv(name, raising=False)
    for name, value in PROXIES.items():
        patch.setenv(name, value)
    patch.setenv("CONVVIZ_CACHE", str(cache))
    patch.setenv("TORCH_HOME", str(cache / "torch"))  # weights that torch.hub fetched for others


@pytest.fixture(scope="session", autouse=True)
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep this user's settings from what lives as long as the session: a server, say."""
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path_factory.mktemp("session-cache"))
        yield


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the test a cache folder of its own."""
    folder = tmp_path / "convviz-cache"
    _isolate(monkeypatch, folder)
    return folder


class NetworkUsedError(OSError):
    """A test tried to reach another machine; to the code it looks like a missing network."""


@pytest.fixture(autouse=True)
def network_attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stop connections to other machines and fail the test that tried one.

    A test of what happens without a network may try: it looks at the list and clears it.
    """
    attempts: list[str] = []
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(host: Any) -> None:
        if not _is_here(host):
            attempts.append(str(host))
            raise NetworkUsedError(f"a test tried to reach {host}")

    def checked_connect(self: socket.socket, address: Any) -> None:
        check(_host(self, address))
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        check(_host(self, address))
        return connect_ex(self, address)

    def checked_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", checked_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", checked_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", checked_getaddrinfo)
    yield attempts
    assert not attempts, f"the test tried to reach {', '.join(attempts)}"


def _host(used: socket.socket, address: Any) -> Any:
    return address[0] if used.family in (socket.AF_INET, socket.AF_INET6) else None


def _is_here(host: Any) -> bool:
    """Whether the host is this machine; None is (a socket file, or a server's own address)."""
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


class Brackets(gettext.NullTranslations):
    """A catalogue that has every message, and sets brackets around it."""

    def gettext(self, message: str) -> str:
        """Tell a message."""
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Tell one of two forms."""
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        """Tell a word of several meanings."""
        return self.gettext(message)


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Danish be English in brackets, so that one sees what has been told in it.

    What pages keep for all visitors must not be made in it: open a page in English first.
    """
    from convviz.structure import design_costs  # not before the number of threads is set
    from convviz.ui import glossary

    brackets = Brackets()
    kept = (glossary._by_spelling, glossary._pattern, design_costs._count_text)
    # In the test's own monkeypatch: what a test changes after this is undone before it.
    monkeypatch.setattr(language, "_catalogue", lambda code: brackets)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the developers' data folder; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data, which only a developer's checkout has")
    return SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser for browser tests: $CHROMIUM, or what is installed."""
    named = os.environ.get("CHROMIUM")
    usual = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
    for name in [named] if named else usual:
        path = shutil.which(name)
        if path:
            return path
    if named:
        pytest.fail(f"CHROMIUM is set to {named}, which is not a program")
    pytest.skip("needs Chromium: install it, or name another with CHROMIUM=/path/to/chrome")
