"""Every sentence that the app makes from values is checked by a test against those values.

The list of sentences comes from the code: a *sentence* is a message of five words or more that is
told with a value in it, or an f-string of that kind, and is not raised as an error. The function
that holds one is *claimed* by a test that carries `@pytest.mark.claims("convviz.module.function")`
and compares what the sentence says with numbers that the test computes. In modules named
`findings`, whose functions return sentences, every public function is claimed, whatever its strings
look like.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

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


def has_sentence(node: ast.AST, constants: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Whether it makes a sentence from a value, other than one that it raises.

    Args:
        node: A function.
        constants: The messages that its module marks for later, by name.
    """
    if isinstance(node, ast.Raise):
        return False
    if isinstance(node, ast.JoinedStr):
        text = " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
        if any(isinstance(part, ast.FormattedValue) for part in node.values) and is_long(text):
            return True
    if isinstance(node, ast.Call) and any(is_long(text) for text in told(node, constants)):
        return True
    return any(has_sentence(child, constants) for child in ast.iter_child_nodes(node))


def is_long(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= WORDS


def told(call: ast.Call, constants: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """The texts, without what is filled in, that a call fills with values and tells."""
    name = getattr(call.func, "id", "")
    if name not in ("tr", "trn", "trp") or (name != "trn" and not call.keywords):
        return []
    first = 1 if name == "trp" else 0
    messages = call.args[first : first + (2 if name == "trn" else 1)]
    texts = [
        constants.get(message.id, "") if isinstance(message, ast.Name) else literal(message)
        for message in messages
    ]
    return [re.sub(r"\{[^{}]*\}", " ", text) for text in texts]


def literal(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def marked_for_later(tree: ast.Module) -> dict[str, str]:
    """The constants of a module that are messages, by name."""
    return {
        target.id: literal(node.value.args[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if getattr(node.value.func, "id", "") == "later"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def functions_with_sentences() -> set[str]:
    found = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for name, node in functions(tree, module):
            is_public = not name.rpartition(".")[2].startswith("_")
            if has_sentence(node, marked_for_later(tree)) or (
                file.stem == "findings" and is_public
            ):
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
        ('def f(n):\n return tr("The layer has {n} empty channels.", n=n)', True),
        ('def f(n):\n return trp("maps", "The layer has {n} empty channels.", n=n)', True),
        ('def f(n):\n return trn("One empty.", "The layer has {count} empty channels.", n)', True),
        ('def f(n):\n return tr("{the_n} {channels} {of_a} {layer}: {empty}", n=n)', False),
        ('def f(n):\n return trn("{count} map", "{count} maps", n)', False),
        ('def f(n):\n return tr("The layer has no empty channels.")', False),
        ('def f(n):\n raise ValueError(tr("The layer has {n} empty channels.", n=n))', False),
        ('T = later("The layer has {n} empty channels.")\ndef f(n):\n return tr(T, n=n)', True),
        ('def f(n):\n raise ValueError(f"The layer has {n} empty channels.")', False),
        ('def f(n):\n return "The layer has no empty channels."', False),
    ],
)
def test_a_sentence_is_told_from_a_label_and_from_an_error(code: str, expected: bool) -> None:
    tree = ast.parse(code)
    assert has_sentence(tree, marked_for_later(tree)) is expected
