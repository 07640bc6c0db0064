"""Writes the golden files anew: ``python -m tests.golden.make [commands] [traces] [saved]``.

Only for intended changes, each of which is listed where it is described.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.golden import adapter, cases
from tests.golden.networks import fill


def _isolate(folder: Path) -> None:
    """Keep this user's own settings and downloads out."""
    for name in ("CONVVIZ_WEIGHTS", "CONVVIZ_NETWORKS"):
        os.environ.pop(name, None)
    os.environ["CONVVIZ_CACHE"] = str(folder / "cache")
    os.environ["TORCH_HOME"] = str(folder / "torch")


def _save(folder: Path) -> None:
    for name, line in cases.SAVED.items():
        outcome, out = cases.run(line, folder)
        if outcome["status"]:
            sys.exit(outcome["stderr"])
        (cases.FILES / f"{name}.safetensors").write_bytes(out.read_bytes())
    data = adapter.train_decoder(adapter.alexnet_encoder(fill), cases.pack_images(), 64)
    (cases.FILES / f"{cases.PAGE_FILE}.safetensors").write_bytes(data)


def main(what: list[str]) -> None:
    """Write the files that are asked for; all of them if none is."""
    cases.FILES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _isolate(folder)
        if not what or "saved" in what:
            _save(folder)
            names = (*cases.SAVED, cases.PAGE_FILE)
            cases.write("saved.json.gz", {name: cases.opened(name) for name in names})
        if not what or "commands" in what:
            cases.write(
                "commands.json.gz", {name: cases.command(name, folder) for name in cases.COMMANDS}
            )
        if not what or "traces" in what:
            cases.write("traces.json.gz", {name: cases.trace(name) for name in cases.trace_names()})


if __name__ == "__main__":
    main(sys.argv[1:])
