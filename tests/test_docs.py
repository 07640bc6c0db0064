"""docs/api.md, what `convviz` offers, and what can be imported are the same; the examples run."""

import ast
import doctest
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import convviz

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
DOCUMENTS = ("ARCHITECTURE.md", "RECIPES.md", "NETWORKS.md", "DEPLOY.md", "LANGUAGES.md")
PUBLIC = set(convviz.__all__) - {"__version__"}
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE))


def imports_for_type_checkers() -> dict[str, str]:
    tree = ast.parse(Path(convviz.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and not node.orelse
                and ast.unparse(node.test) == "TYPE_CHECKING")  # fmt: skip
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_public_name_is_described_and_offered() -> None:
    assert set(SECTIONS) == PUBLIC
    assert imports_for_type_checkers() == convviz._MODULES
    assert [name for name in PUBLIC if not hasattr(convviz, name)] == []
    assert set(dir(convviz)) >= PUBLIC


def test_names_that_are_not_offered_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = convviz.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_a_sentence_and_an_example(name: str) -> None:
    sentence, example = SECTIONS[name].split("```python", 1)
    assert sentence.strip().endswith(".")
    assert f"convviz.{name}" in example


def test_the_examples_run(fresh_registry: None) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
    test = doctest.DocTestParser().get_doctest(code, {}, "docs/api.md", "docs/api.md", 0)
    failures: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        test, out=failures.append
    )
    assert "".join(failures) == ""
    assert (result.failed, result.attempted > 60) == (0, True)


def test_files_that_the_documents_name_exist() -> None:
    """Names in capitals, TITLE, PAGE or CODE, and the page to be added stand for others."""
    text = "".join((ROOT / "docs" / name).read_text("utf-8") for name in DOCUMENTS)
    paths = set(re.findall(r"`((?:convviz|tests|benchmarks|pages|docs)/[\w/.]+)`", text))
    rooms = "|".join(init.parent.name for init in ROOT.glob("convviz/*/__init__.py"))
    paths |= {f"convviz/{path}.py" for path in re.findall(rf"`((?:{rooms})/[a-z_/]+)`", text)}
    named = {path for path in paths if not re.search(r"[Tt]itle|PAGE|CODE|/$", path)}
    assert len(named) > 30
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_field_of_a_networks_description_is_in_the_table() -> None:
    text = (ROOT / "docs" / "NETWORKS.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    described = {name: default for name, _, default, _ in rows}
    specs = fields(convviz.NetworkSpec)
    assert list(described) == [field.name for field in specs]
    for field in specs:
        if field.default is MISSING:
            assert described[field.name] == "–"
        elif not callable(field.default):
            shown = re.match(r"`([^`]*)`", described[field.name])
            assert shown is not None
            assert ast.literal_eval(shown[1]) == field.default, field.name


def test_the_example_of_a_small_network_runs(fresh_registry: None) -> None:
    text = (ROOT / "docs" / "NETWORKS.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    exec(compile(code, "docs/NETWORKS.md", "exec"), {})
    network = convviz.load("small")
    assert network.weights.classes == ("circle", "square", "triangle")
    assert (network.weights.input_size, network.weights.resize) == (32, 32)
