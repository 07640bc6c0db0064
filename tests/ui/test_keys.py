"""Global strings have one owner: convviz/ui/keys.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from convviz.ui import keys, state
from convviz.ui.keys import Component, Entry, Key

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for file in (
        ROOT / "app.py",
        *(ROOT / "pages").glob("*.py"),
        *(ROOT / "convviz/ui").rglob("*.py"),
    )
    if file.name != "keys.py"
]
VALUES = {str(member) for kind in (Key, Entry, Component) for member in kind}
TAKES_KEY = {"remember", "put", "write_url", "notice", "one_of"}  # and where: see `named`
STORES = ("session_state", "query_params", "link", "values", "notices")


def test_no_two_members_have_the_same_value() -> None:
    members = [member for kind in (Key, Entry, Component) for member in kind.__members__.values()]
    assert len(members) == len(set(members)) == len(VALUES)


def test_what_is_remembered_has_a_type() -> None:
    assert {member.kind for member in Key} == {str, int, float, bool, tuple}
    assert (Key.IMAGE.kind, Key.THRESHOLD.kind, Key.CHANNEL.kind) == (str, float, int)
    assert Key("tau") is Key.THRESHOLD
    assert f"{Key.FORM_SIDE}torchvision" == "side_torchvision"


def test_a_default_of_another_type_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="is remembered as float, its default is 0"):
        state.remember(Key.THRESHOLD, 0)


def test_every_member_is_in_use() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in FILES)
    members = [
        f"{kind.__name__}.{name}" for kind in (Key, Entry, Component) for name in kind.__members__
    ]
    assert [member for member in members if member not in text] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_is_remembered_is_named_by_a_member(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    wrong = [
        f"line {argument.lineno}: {ast.unparse(argument)}"
        for argument, strict in named(tree)
        if is_literal(argument, strict)
    ]
    assert wrong == []


def is_literal(argument: ast.expr, strict: bool) -> bool:
    """Tell whether an argument is a literal where a member should stand.

    Args:
        argument: It names something.
        strict: Whether nothing but a member will do; otherwise the name of a widget that nothing
            remembers is fine.
    """
    if isinstance(argument, ast.JoinedStr):
        return strict and "Key." not in ast.unparse(argument.values[0])
    literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return literal and (strict or argument.value in VALUES)


def named(tree: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Yield every argument that names a value, and whether it must be a member."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_store(node.value):
            yield node.slice, False
        elif isinstance(node, ast.Compare) and any(map(is_store, node.comparators)):
            yield node.left, False
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name in TAKES_KEY and node.args:
                yield node.args[2 if name == "one_of" else 0], True
            elif name == "ask" and node.args and isinstance(node.args[0], ast.Dict):
                yield from ((key, True) for key in node.args[0].keys if key is not None)
            elif isinstance(node.func, ast.Attribute) and is_store(node.func.value) and node.args:
                yield node.args[0], False
            yield from in_keywords(node)


def in_keywords(call: ast.Call) -> Iterator[tuple[ast.expr, bool]]:
    """Yield widgets' keys, and the names that callbacks get."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "key" in keywords:
        yield keywords["key"], False
    given = keywords.get("args")
    if ast.unparse(keywords.get("on_click", ast.Constant(""))) == "state.put":
        assert isinstance(given, ast.Tuple)
        yield given.elts[0], True


def is_store(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in STORES


def test_the_scan_sees_a_literal() -> None:
    """Every kind of place that it looks at, once."""
    code = """
st.slider("Size", key=state.remember("size", 3))
state.put(f"side_{form}", 3)
one_of("View", VIEWS, "view", "first")
st.button("Next", on_click=state.put, args=("row", 1))
st.session_state["layer"]
"job" in st.query_params
here.link.pop("channel", None)
st.selectbox("Layer", key="layer")
state.ask({"network": "vgg16"})
"""
    found = [
        argument for argument, strict in named(ast.parse(code)) if is_literal(argument, strict)
    ]
    assert len(found) == code.strip().count("\n") + 1
    assert keys.__doc__
