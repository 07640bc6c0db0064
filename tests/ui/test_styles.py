"""Each page's looks stand in its folder of ui, and the shell loads them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
UI = ROOT / "convviz/ui"
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def test_every_style_sheet_is_loaded_by_the_shell() -> None:
    named = [
        folder
        for page in PAGES
        for folder in re.findall(r'^ +folder="(\w+)",$', page.read_text("utf-8"), re.MULTILINE)
    ]
    sheets = {file.parent.name for file in UI.rglob("style.css")}
    assert sorted([*named, "sidebar"]) == sorted(sheets)
    others = [file.name for file in UI.glob("*.css")]
    assert others == ["shell.css"]
    loading = [file for file in (*PAGES, *UI.rglob("*.py")) if '.css"' in file.read_text("utf-8")]
    assert {file.name for file in loading} == {"shell.py", "declare.py"}


def test_the_shell_styles_no_widget_of_a_folder() -> None:
    """Keys of widgets in modules of ui itself are the shell's to style."""
    keys = set(re.findall(r"\.st-key-(\w+)", (UI / "shell.css").read_text("utf-8")))
    own = "".join(file.read_text("utf-8") for file in UI.glob("*.py"))
    assert [key for key in sorted(keys) if f'"{key}"' not in own] == []
