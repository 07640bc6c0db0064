"""The app in a process of its own, and what that process uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_STREAMLIT = ("-m", "streamlit")


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """The app on a free port of this machine, with an empty cache folder.

    It is started by `with` and stopped at its end.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        launcher: Sequence[str] = _STREAMLIT,
        port: int | None = None,
    ) -> None:
        """Describe a server.

        Args:
            folder: For its cache and its log.
            settings: Environment variables that it gets besides this process's own.
            launcher: What Python is started with, instead of Streamlit itself.
            port: Where it listens; None for a port that is free.
        """
        self.log = folder / "log.txt"
        self._environment = dict(os.environ) | {
            "CONVVIZ_CACHE": str(folder / "cache"),
            "TORCH_HOME": str(folder / "torch"),
            **(settings or {}),
        }
        self._launcher = launcher
        self._port = port
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        port = self._port or free_port()
        self.address = f"127.0.0.1:{port}"
        command = [sys.executable, *self._launcher, "run", "app.py"]
        options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process = None

    @property
    def process_id(self) -> int:
        """The process's number."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used, in all its threads; NaN off Linux."""
        try:
            text = Path(f"/proc/{self.process_id}/stat").read_text(encoding="ascii")
        except OSError:
            return float("nan")
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_bytes(self) -> float:
        """Return the process's resident memory; NaN off Linux."""
        try:
            text = Path(f"/proc/{self.process_id}/statm").read_text(encoding="ascii")
        except OSError:
            return float("nan")
        return float(int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    def settled_bytes(self) -> float:
        """Return the memory once it rests: what pages begin with has then been prepared."""
        before = self.memory_bytes()
        for _ in range(30):
            time.sleep(5)
            now = self.memory_bytes()
            if abs(now - before) < 2e6:
                return now
            before = now
        raise TimeoutError("the server's memory does not come to rest")

    def log_text(self) -> str:
        """Return what the server has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _wait(self) -> None:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        base = self._environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
        path = "/".join(filter(None, (self.address, base, "_stcore/health")))
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                with direct.open(f"http://{path}", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)  # another process starts: there is nothing to wait for
        raise RuntimeError(f"the app did not start:\n{self.log_text()}")
