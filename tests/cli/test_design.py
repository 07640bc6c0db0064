"""The command `design`: a design's costs as a table and as JSON, and its Python file."""

import json
from pathlib import Path

import pytest

from convviz.cli import main

TEXT = "input 3x8x8\nconv 4 3x3 /2 p1\nrelu  # half the side\n\nauxiliary 0.3\ngap\nfc 7\n"


def test_json_has_each_line_and_the_totals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(TEXT, encoding="utf-8")
    assert main(["design", str(file), "--json", "-"]) == 0
    written = json.loads(capsys.readouterr().out)
    head = 4 * 128 + 128 + 2048 * 1024 + 1024 + 1024 * 7 + 7
    assert written["name"] == "mine"
    assert written["parameters"] == 4 * 27 + 4 + 35
    assert written["parameters_with_auxiliary"] == 4 * 27 + 4 + 35 + head
    assert written["macs"] == 16 * 4 * 27 + 28
    assert [block["line"] for block in written["blocks"]] == [1, 2, 3, 5, 6, 7]
    conv = written["blocks"][1]
    assert conv["text"] == "conv 4 3x3 /2 p1"
    assert conv["output"] == [4, 4, 4]
    assert conv["parameters"] == 112
    assert conv["macs"] == 16 * 4 * 27
    assert conv["receptive_field"] == 3
    assert conv["jump"] == 2
    assert conv["left_over"] == [1, 1]
    assert written["blocks"][-1]["output"] == [7]


def test_the_table_has_a_row_for_each_line_and_the_file_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = tmp_path / "lenet.py"
    assert main(["design", "start:lenet5", "--torch", str(code)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split()[:3] == ["line", "block", "output"]
    assert "61,706" in rows[-1]  # as is often quoted of it
    assert "class LeNet5(nn.Module):" in code.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"input 3x3x3\nconv 8 5x5\n", "Line 2: a 5\xc3\x975 kernel on a 3\xc3\x973 map"),
        (b"input 3x3x3\n\ncnov 8 5x5\n", "Line 3: there is no block"),
        (b"input 3x3x3\nDense(10)\n", "Line 2: there is no block called \xe2\x80\x9cdense(10)"),
        (b"input 224\nfc 10\n", "write channels, height and width, such as 3x224x224"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"", "Line 1: the text has no block"),
        (b"#" * 300_000, "larger than 200 kB"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str | bytes
) -> None:
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    assert main(["design", str(file), "--json", "-"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(words).encode("latin-1").decode() in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["no-such-file.txt", ".", "start:lenet", "start:", "start:  lenet", "a\0b"]
)
def test_what_is_no_file_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", name]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "  " not in printed
