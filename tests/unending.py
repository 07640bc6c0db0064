"""Ends the process that runs tests if one of them never ends, so that the others' verdicts come.

pytest-timeout raises an error in a test that takes too long. It does not look at a second try, nor
at fixtures that clean up after such an error; and a browser that was left in the middle of a wait
may never answer again. pytest-xdist takes the process's end for the failure of that test, and goes
on with the others in a new process.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Generator

import pytest

EXIT_STATUS = 70
_TIMES = 3  # two tries, and what each prepares
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep a way to the terminal: while a test runs, what is printed is captured."""
    config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a test from before its fixtures until after them, all its tries together."""
    marker = item.get_closest_marker("timeout")
    seconds = float(marker.args[0] if marker else item.config.getini("timeout") or 0)
    if not seconds:
        return (yield)
    watch = threading.Timer(_TIMES * seconds, _end, [item.config.stash[_STDERR], item.nodeid])
    watch.daemon = True
    watch.start()
    try:
        return (yield)
    finally:
        watch.cancel()


def _end(stderr: int, test: str) -> None:
    os.write(stderr, f"\n{test} does not end:\n".encode())
    faulthandler.dump_traceback(stderr)
    os._exit(EXIT_STATUS)
