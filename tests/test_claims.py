"""Every sentence that the app makes from values is checked by a test against those values.

The list of sentences comes from the code: a *sentence* is an f-string of five words or more with
a value in it that is not raised as an error. The function that holds one is *claimed* by a test
that carries `@pytest.mark.claims("convviz.module.function")` and compares what the sentence says
with numbers that the test computes. In modules named `findings`, whose functions return sentences,
every public function is claimed, whatever its strings look like.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "convviz"
WORDS = 5


def functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    """The outermost functions of a module and of its classes, with their dotted names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{prefix}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}.{node.name}")


def has_sentence(node: ast.AST) -> bool:
    """Whether it makes a sentence from a value, other than one that it raises."""
    if isinstance(node, ast.Raise):
        return False
    if isinstance(node, ast.JoinedStr):
        text = " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
        has_value = any(isinstance(part, ast.FormattedValue) for part in node.values)
        if has_value and len(re.findall(r"[A-Za-z]{2,}", text)) >= WORDS:
            return True
    return any(map(has_sentence, ast.iter_child_nodes(node)))


def functions_with_sentences() -> set[str]:
    found = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for name, node in functions(tree, module):
            is_public = not name.rpartition(".")[2].startswith("_")
            if has_sentence(node) or (file.stem == "findings" and is_public):
                found.add(name)
    return found


def claimed() -> set[str]:
    """The functions that tests claim."""
    names = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "claims"
            ):
                names.update(ast.literal_eval(argument) for argument in node.args)
    return names


def test_every_sentence_is_claimed_by_a_test() -> None:
    assert sorted(functions_with_sentences() - claimed()) == []


def test_what_is_claimed_is_there() -> None:
    everything = {
        name
        for file in PACKAGE.rglob("*.py")
        for name, _ in functions(
            ast.parse(file.read_text(encoding="utf-8")),
            ".".join(file.relative_to(ROOT).with_suffix("").parts),
        )
    }
    assert sorted(claimed() - everything) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('def f(n):\n return f"The layer has {n} empty channels."', True),
        ('def f(n):\n return f"{n} maps"', False),
        ('def f(n):\n raise ValueError(f"The layer has {n} empty channels.")', False),
        ('def f(n):\n return "The layer has no empty channels."', False),
    ],
)
def test_a_sentence_is_told_from_a_label_and_from_an_error(code: str, expected: bool) -> None:
    assert has_sentence(ast.parse(code)) is expected
