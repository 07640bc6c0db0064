"""The design's rules that a machine can hold: who may import whom."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "convviz"
MODULES = sorted(PACKAGE.rglob("*.py"))
PAGES = [*ROOT.glob("app.py"), *sorted((ROOT / "pages").glob("*.py"))]

# Which rooms of the package a room may import; everyone may import the first five.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "formatting": set(),
    "language": set(),
    "limits": set(),
    "plain_text": set(),
    "preflight": set(),
    "work_clock": set(),
    "downloads": set(),
    "images": set(),
    "networks": set(),
    "jobs": set(),
    "structure": {"networks"},
    "weights": {"downloads", "networks", "structure"},
    "datasets": {"downloads", "images"},
    "features": {"datasets", "images", "networks", "structure"},
    "lessons": {"networks", "structure"},
    "reconstruction": {"features", "images", "networks", "structure"},
    "learning": {
        *("datasets", "features", "images", "lessons", "networks", "structure", "weights"),
    },
    "sprites": {"features", "images"},
    "figures": {"features", "learning", "lessons", "networks", "structure"},
    "notebook": {"features", "images", "networks", "sprites", "structure", "weights"},
}
_CORE = set(MAY_IMPORT)
MAY_IMPORT |= {
    "cli": _CORE - {"figures", "lessons"} | {"sprites"},
    "ui": _CORE,
    "__main__": {"cli"},
    "__init__": _CORE - {"figures", "lessons"},  # for type checkers alone: see below
}
_EVERYONES = {
    *("errors", "formatting", "language", "limits", "plain_text", "work_clock", "__version__"),
}
MAY_DRAW_PAGES = {"ui"}  # rooms that may import streamlit
MAY_PLOT = {"figures"}  # rooms that may import plotly


def folder_of(page: Path) -> str:
    """A page's folder in ui: the first word of the page's name; app.py is Home."""
    return "home" if page.name == "app.py" else page.stem.split("_")[1].lower()


# The parts of ui, in groups: a part may import those of its group and of the groups before it.
# Only page folders may not import each other.
PAGE_FOLDERS = {folder_of(page) for page in PAGES}
UI_GROUPS = (
    {
        *("keys", "choice", "state", "errors", "visitor", "widgets", "formulas", "how_we_know"),
        *(
            "charts",
            "colour_scales",
            "scrolling",
            "findings",
            "byte_store",
            "glossary",
            "answers",
            "shared_work",
            "tables",
        ),
    },
    {
        *("cache", "jobs", "exports", "downloads", "predictions", "navigation", "questions"),
        *("page_questions", "camera", "handed_on"),
    },
    {"components"},
    {
        *("datasets", "auxiliary_settings", "design_task", "sidebar", "forget", "login", "tools"),
        *("commands", "language", "worksheet"),
    },
    {"warm_up", "shell", "uploads", "sent_words", "sent_frames", "server"},
    PAGE_FOLDERS,
)


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Every module the file imports, wherever in it, as an absolute dotted name with its line."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *([node.module] if node.module else [])))
            yield base, node.lineno
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def importers(files: list[Path], package: str) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for name, line in imports(file)
        if name.split(".")[0] == package
    ]


def test_arrows_between_the_rooms_run_one_way() -> None:
    wrong = []
    for file in MODULES:
        room = room_of(file)
        allowed = MAY_IMPORT[room] | {room} | _EVERYONES
        for name, line in imports(file):
            parts = name.split(".")
            if parts[0] == "convviz" and len(parts) > 1 and parts[1] not in allowed:
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert sorted(set(wrong)) == []


def test_arrows_between_the_parts_of_ui_run_one_way() -> None:
    group = {part: number for number, parts in enumerate(UI_GROUPS) for part in parts}
    files = {
        file: file.relative_to(PACKAGE / "ui").with_suffix("").parts[0]
        for file in MODULES
        if room_of(file) == "ui" and file != PACKAGE / "ui/__init__.py"
    }
    assert set(files.values()) == set(group)
    wrong = []
    for file, part in files.items():
        for name, line in imports(file):
            if not name.startswith("convviz.ui."):
                continue
            other = name.split(".")[2]
            if group[other] > group[part] or (part != other and {part, other} <= PAGE_FOLDERS):
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=folder_of)
def test_a_page_imports_the_shell_and_its_folder_of_ui(page: Path) -> None:
    own = "home|server" if page.name == "app.py" else folder_of(page)
    language = r"convviz\.language(\.later)?"  # marks the heading
    allowed = re.compile(rf"streamlit|{language}|convviz\.ui(\.(shell|{own})(\..+)?)?")
    names = {name for name, _ in imports(page)}
    assert f"convviz.ui.{folder_of(page)}" in names
    assert [name for name in sorted(names) if not allowed.fullmatch(name)] == []


def test_only_the_ui_room_knows_streamlit() -> None:
    rest = [file for file in MODULES if room_of(file) not in MAY_DRAW_PAGES]
    assert importers(rest, "streamlit") == []


def test_only_the_figures_room_knows_plotly() -> None:
    rest = [file for file in MODULES if room_of(file) not in MAY_PLOT]
    assert importers(rest + PAGES, "plotly") == []


@pytest.mark.parametrize("package", ["torch", "torchvision", "numpy"])
def test_pages_leave_arithmetic_to_the_package(package: str) -> None:
    assert importers(PAGES, package) == []


def test_app_stays_with_pages_alone() -> None:
    """A pages/ folder beside st.navigation breaks deep links."""
    users = [
        file.name
        for file in (*PAGES, *MODULES)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "navigation"
    ]
    assert users == []


def test_every_browser_component_has_a_name_that_no_other_has() -> None:
    """Streamlit replaces a component by a later one of the same name, for the whole server.

    That no two members of Component have the same value is held by tests/ui/test_keys.py.
    """
    names = Counter(
        ast.unparse(node.args[0])
        for file in (*MODULES, *PAGES)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and file != PACKAGE / "ui/components/declare.py"
        and ast.unparse(node.func) in {"st.components.v2.component", "declare"}
    )
    assert len(names) >= 8
    assert [name for name in names if not name.startswith("Component.")] == []
    assert [name for name, count in names.items() if count > 1] == []


def test_hooks_are_set_in_two_modules_only() -> None:
    setters = {
        file.relative_to(PACKAGE).as_posix()
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and re.fullmatch(r"register_(\w+_)?hook", node.attr)
    }
    assert setters <= {"structure/trace.py", "features/capture.py"}


def test_one_class_sees_every_operation() -> None:
    classes = [
        file.relative_to(PACKAGE).as_posix()
        for file, node in classes_of(MODULES)
        if any("TorchDispatchMode" in ast.unparse(base) for base in node.bases)
    ]
    assert classes == ["structure/trace.py"]


def test_a_public_class_has_a_name_that_no_other_has() -> None:
    files: dict[str, list[str]] = {}
    for file, node in classes_of(MODULES):
        files.setdefault(node.name, []).append(file.relative_to(PACKAGE).as_posix())
    repeated = {name: where for name, where in files.items() if len(where) > 1}
    assert {name: where for name, where in repeated.items() if not name.startswith("_")} == {}


def classes_of(files: list[Path]) -> Iterator[tuple[Path, ast.ClassDef]]:
    """Every class at the top of a module."""
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield file, node


def test_room_faces_are_empty() -> None:
    """Names come from their modules; networks' face is an interface, cli's is the command."""
    faces = [
        file.parent.name
        for file in PACKAGE.glob("*/__init__.py")
        if not all(isinstance(node, ast.Expr) for node in ast.parse(file.read_text("utf-8")).body)
    ]
    assert sorted(faces) == ["cli", "networks"]


def test_a_module_of_the_core_has_a_name_that_no_other_has() -> None:
    names = Counter(
        file.stem
        for file in MODULES
        if room_of(file) in _CORE - {"figures"}
        and file.name != "__init__.py"
        and file.parent != PACKAGE
    )
    repeated = {name for name, count in names.items() if count > 1}
    assert repeated - {"progress", "findings", "config"} == set()


def test_no_module_is_called_utils() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}
    assert [str(file.relative_to(ROOT)) for file in MODULES if file.name in vague] == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, convviz, convviz.errors, convviz.preflight; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert set(loaded) & {"torch", "torchvision", "numpy", "PIL", "streamlit", "plotly"} == set()


def test_importing_the_core_never_loads_streamlit_or_plotly() -> None:
    """One process imports module after module, so that the first offender is named."""
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in MODULES
        if room_of(file) not in {*MAY_DRAW_PAGES, *MAY_PLOT, "__main__"}
    ]
    code = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
    for heavy in ("streamlit", "plotly"):
        if heavy in sys.modules:
            sys.exit(name + " loads " + heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
