"""What a page needs before it draws: none of it may load torch, which takes seconds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LIGHT = tuple(
    f"convviz.ui.{name}"
    for name in (
        *("keys", "choice", "state", "errors", "visitor", "widgets", "charts", "formulas"),
        *("exports", "navigation", "sidebar.image", "shell", "architectures.views"),
    )
)


def test_what_every_page_starts_with_loads_no_torch() -> None:
    """One process imports module after module, so that the first offender is named."""
    code = f"""
import importlib, sys
for name in {LIGHT!r}:
    importlib.import_module(name)
    for heavy in ("torch", "torchvision", "safetensors"):
        if heavy in sys.modules:
            sys.exit(name + " loads " + heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
