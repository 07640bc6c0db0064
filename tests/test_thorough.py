"""tests/thorough.txt, which says what `make test` leaves to `make thorough`."""

import re
from fnmatch import fnmatchcase

from tests.conftest import ROOT, thorough_lines


def test_every_line_names_a_test_that_is_there() -> None:
    for line in thorough_lines():
        file, _, name = line.partition("::")
        function = re.match(r"\w+", name)
        assert function, line
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {function[0]}(" in text, line


def test_every_file_keeps_tests_that_each_run_makes() -> None:
    lines = thorough_lines()
    for file in {line.partition("::")[0] for line in lines}:
        text = (ROOT / file).read_text(encoding="utf-8")
        names = re.findall(r"^ *def (test_\w+)\(", text, re.MULTILINE)
        whole = [
            name for name in names if any(fnmatchcase(f"{file}::{name}", line) for line in lines)
        ]
        assert len(whole) < len(names), file
