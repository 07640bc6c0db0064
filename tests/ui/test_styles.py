"""Each page's looks stand in its folder of ui, and the server sends them with the first answer."""

import re
from pathlib import Path

from convviz.ui import shell

ROOT = Path(__file__).parents[2]
UI = ROOT / "convviz/ui"
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def test_every_style_sheet_is_part_of_the_style_of_all_pages() -> None:
    named = [
        folder
        for page in PAGES
        for folder in re.findall(r'^ +folder="(\w+)",$', page.read_text("utf-8"), re.MULTILINE)
    ]
    sheets = {file.parent.name: file.read_text("utf-8") for file in UI.rglob("style.css")}
    assert sorted([*named, "sidebar"]) == sorted(sheets)
    style = shell.shared_style()
    assert [name for name, sheet in sheets.items() if sheet not in style] == []
    others = [file.name for file in UI.glob("*.css")]
    assert others == ["shell.css"]
    loading = [file for file in (*PAGES, *UI.rglob("*.py")) if '.css"' in file.read_text("utf-8")]
    assert {file.name for file in loading} == {"shell.py", "declare.py"}


def test_the_shell_styles_no_widget_of_a_folder() -> None:
    """Keys of widgets in modules of ui itself are the shell's to style."""
    keys = set(re.findall(r"\.st-key-(\w+)", (UI / "shell.css").read_text("utf-8")))
    own = "".join(file.read_text("utf-8") for file in UI.glob("*.py"))
    assert [key for key in sorted(keys) if f'"{key}"' not in own] == []


def test_the_style_sheet_of_a_page_leaves_other_pages_alone() -> None:
    """All pages have all sheets: each rule names something of its page, or asks for the page."""
    own = re.compile(r"\.convviz-|st-key-|_chosen_|_other_|_sample_|[@}]|(from|to|h1),? *$")
    wrong = []
    for file in UI.rglob("style.css"):
        text = re.sub(r"/\*.*?\*/", "", file.read_text("utf-8"), flags=re.DOTALL)
        depth, asks = 0, 0  # of braces, and of the rule that asks for the page
        for head, brace in re.findall(r"([^{};]*)([{};])", text):
            if brace == "{":
                depth += 1
                asks = asks or (depth if "st-key-shell_page_" in head else 0)
                if not asks and not own.search(head):
                    wrong.append((file.parent.name, head.strip()))
            elif brace == "}":
                asks = 0 if depth == asks else asks
                depth -= 1
    assert wrong == []
