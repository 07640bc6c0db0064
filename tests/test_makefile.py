"""What `make run` opens: an address to listen on, and the names that the app answers to."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def commands(target: str, *words: str, **settings: str) -> str:
    """The commands that make would run."""
    own = ("HOST", "CONVVIZ_HOSTS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # of a make around this
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        ["make", "--dry-run", target, *words],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("target", ["run", "dev"])
@pytest.mark.parametrize(
    ("words", "settings", "address", "hosts"),
    [
        ((), {}, "localhost", "localhost"),
        (("HOST=0.0.0.0",), {}, "0.0.0.0", "0.0.0.0"),
        ((), {"HOST": "192.0.2.7"}, "192.0.2.7", "192.0.2.7"),
        (("CONVVIZ_HOSTS=a.example,b.example",), {}, "0.0.0.0", "a.example,b.example"),
        ((), {"CONVVIZ_HOSTS": "a.example"}, "0.0.0.0", "a.example"),
        (("HOST=192.0.2.7",), {"CONVVIZ_HOSTS": "a.example"}, "192.0.2.7", "a.example"),
    ],
)
def test_address_and_names_open_together(
    target: str, words: tuple[str, ...], settings: dict[str, str], address: str, hosts: str
) -> None:
    started = commands(target, *words, **settings)
    assert f"--server.address {address}" in started
    assert f'CONVVIZ_HOSTS="{hosts}"' in started


def test_every_target_that_make_help_names_can_be_read() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = [line.split()[1] for line in helped.stdout.splitlines()]
    assert {"run", "test", "check", "audit", "test-load"} <= set(targets)
    for target in targets:
        assert commands(target)
