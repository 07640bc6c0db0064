"""What hostile input costs: one process of its own for each test, which reads files one by one."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

_PROGRAM = """
import json, os, resource, sys, time
from pathlib import Path
from convviz.errors import ConvvizError
{setup}

def resident(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024

for path in map(Path, sys.argv[1:]):
    open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
    before, start = resident("VmRSS"), time.process_time()
    try:
        outcome, kind = str(use(path)), "result"
    except ConvvizError as error:
        outcome, kind = str(error), type(error).__name__
    except BaseException as error:
        outcome, kind = repr(error)[:500], "fault"
    row = [outcome, kind, resident("VmHWM") - before, time.process_time() - start]
    print("\\n@" + json.dumps(row), flush=True)
"""


@dataclass(frozen=True)
class Use:
    """What became of one file.

    Attributes:
        name: The file's name.
        outcome: The result as text, or the error's sentence.
        kind: "result", the ConvvizError's class, or "fault" for any other error.
        megabytes: Growth of the process's memory at its peak.
        seconds: CPU time.
    """

    name: str
    outcome: str
    kind: str
    megabytes: float
    seconds: float


def use_each(setup: str, paths: Sequence[Path], *, seconds: float = 170) -> list[Use]:
    """Call `use(path)`, which the setup defines, for each file in one process of its own.

    Args:
        setup: Python code with imports, a function `use`, and whatever warms it up.
        paths: The files.
        seconds: The longest time that all may take.
    """
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(setup=setup), *map(str, paths)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    rows = [json.loads(line[1:]) for line in run.stdout.splitlines() if line.startswith("@")]
    assert len(rows) == len(paths), f"{paths[len(rows)].name} ended it: {run.stderr[-2000:]}"
    return [
        Use(path.name, outcome, kind, peak / 1e6, cpu)
        for path, (outcome, kind, peak, cpu) in zip(paths, rows, strict=True)
    ]


def table(uses: Sequence[Use]) -> str:
    """The measurements as lines, for the tests that print them."""
    return "\n".join(
        f"{use.name:40} {use.kind:12} {use.megabytes:6.0f} MB {use.seconds:7.2f} s  "
        f"{use.outcome[:70]}"
        for use in uses
    )
