"""Start Streamlit with a sampler that says which functions take the server's CPU time.

    CONVVIZ_SAMPLES=samples.json python -m benchmarks.sampled run app.py

Every few milliseconds the CPU time that each thread has used since the last look is put down to the
functions that the thread is in. Threads that wait cost nothing, unlike in a profile by the clock.
The file is written anew every second. benchmarks/load.py starts this and prints the table. Linux.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

_EVERY = 0.005  # seconds


class Sampler(threading.Thread):
    """Looks at all threads again and again."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True, name="sampler")
        self._file = file
        self._seconds: Counter[tuple[str, ...]] = Counter()
        self._used: dict[int, float] = {}
        self._names: dict[CodeType, str] = {}
        self._native = 0.0  # of threads that Python knows nothing of, such as OpenMP's

    def run(self) -> None:
        """Sample until the process ends."""
        process, written, python = time.process_time(), time.monotonic(), 0.0
        while True:
            time.sleep(_EVERY)
            python += self._sample()
            now = time.monotonic()
            if now - written > 1:
                total = time.process_time()
                self._native += max(0.0, total - process - python)
                process, written, python = total, now, 0.0
                self._write()

    def _sample(self) -> float:
        """Put down what has been used since the last look, and return its sum."""
        mine, total = threading.get_ident(), 0.0
        frames = sys._current_frames()
        for identity, frame in frames.items():
            try:
                used = time.clock_gettime(time.pthread_getcpuclockid(identity))
            except OSError:
                continue  # the thread has just ended
            spent = used - self._used.get(identity, used if identity == mine else 0.0)
            self._used[identity] = used
            total += max(0.0, spent)
            if spent > 0 and identity != mine:
                self._seconds[self._stack(frame)] += spent
        for gone in self._used.keys() - frames.keys():
            del self._used[gone]
        return total

    def _stack(self, frame: FrameType | None) -> tuple[str, ...]:
        """Name the functions, the outermost first."""
        names: list[str] = []
        while frame is not None:
            code = frame.f_code
            name = self._names.get(code)
            if name is None:
                name = self._names[code] = _name(code)
            names.append(name)
            frame = frame.f_back
        return tuple(reversed(names))

    def _write(self) -> None:
        stacks = [[list(stack), seconds] for stack, seconds in self._seconds.items()]
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"stacks": stacks, "native": self._native}), encoding="utf-8")
        new.replace(self._file)


def _name(code: CodeType) -> str:
    path = Path(code.co_filename)
    parts = path.with_suffix("").parts
    for root in ("site-packages", "python3.11", "python3.12", "python3.13"):
        if root in parts:
            parts = parts[parts.index(root) + 1 :]
            break
    else:
        if "convviz" in parts:
            parts = parts[len(parts) - parts[::-1].index("convviz") - 1 :]
        else:
            parts = parts[-2:]
    return ".".join(parts) + ":" + code.co_qualname


def main() -> None:
    """Sample, and do what `streamlit` does."""
    from streamlit.web.cli import main as streamlit

    Sampler(Path(os.environ["CONVVIZ_SAMPLES"])).start()
    streamlit()


if __name__ == "__main__":
    main()
