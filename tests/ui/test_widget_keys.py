"""Keys of widgets that nothing remembers: literals, each once, that begin with their folder's name.

Keys of what outlives a page are members of `keys.Key`; tests/ui/test_keys.py holds these.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

UI = Path(__file__).parents[2] / "convviz" / "ui"
FOLDERS = sorted(init.parent.name for init in UI.glob("*/__init__.py"))
NO_WIDGETS = {"sorted", "min", "max", "groupby"}  # their key= is a function


def literal_keys(file: Path) -> Iterator[tuple[str, int]]:
    """Every key= that is a string, or begins with one, with its line; f-strings up to the brace."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) in NO_WIDGETS:
            continue
        for keyword in node.keywords:
            value = keyword.value
            if keyword.arg == "key" and isinstance(value, ast.JoinedStr):
                value = value.values[0]
            if (
                keyword.arg == "key"
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                yield value.value, node.lineno


def test_a_widget_key_is_used_once() -> None:
    used = Counter(key for file in UI.rglob("*.py") for key, _ in literal_keys(file))
    assert [key for key, count in used.items() if count > 1 and not key.endswith("_")] == []


def test_a_widget_key_begins_with_its_folder() -> None:
    wrong = [
        f"{file.relative_to(UI)}:{line}: {key}"
        for folder in FOLDERS
        for file in sorted((UI / folder).glob("*.py"))
        for key, line in literal_keys(file)
        if not key.startswith(folder)
    ]
    assert wrong == []
