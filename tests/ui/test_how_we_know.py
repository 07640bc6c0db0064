"""Every number's convention names a check that exists, and every entry stands on a page."""

import ast
from pathlib import Path

import pytest

from convviz.ui.how_we_know import CONVENTIONS, Convention

ROOT = Path(__file__).parent.parent.parent
UI = ROOT / "convviz" / "ui"


def names_on_pages() -> dict[str, set[str]]:
    """The entries that each folder of ui draws, from the calls of how_we_know."""
    drawn: dict[str, set[str]] = {}
    for file in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "how_we_know":
                names = {ast.literal_eval(argument) for argument in node.args}
                drawn.setdefault(file.relative_to(UI).parts[0], set()).update(names)
    return drawn


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_a_convention_names_a_check_that_exists(convention: Convention) -> None:
    path = ROOT / convention.test
    assert path.is_file(), convention.test
    assert path.parts[len(ROOT.parts)] in ("tests", "benchmarks")


def test_every_convention_is_drawn_on_a_page_and_every_drawn_one_exists() -> None:
    drawn = set().union(*names_on_pages().values())
    assert drawn == set(CONVENTIONS)
