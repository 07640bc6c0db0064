"""The audit of what is installed, with a pip-audit that answers what each test lets it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[1] / ".ci" / "audit"
SILENT = "no advisory service answered"

WITH_FIX = {
    "id": "PYSEC-2026-1",
    "fix_versions": ["1.3", "2.0.1"],
    "aliases": [],
    "description": "",
}
WITHOUT_FIX = {"id": "GHSA-abcd", "fix_versions": [], "aliases": [], "description": ""}


def package(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.2", "vulns": list(vulnerabilities)}


def audit(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run the audit with a module `pip_audit` that is this program."""
    (folder / "pip_audit.py").write_text(program, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(AUDIT)],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answering(*packages: dict[str, Any], status: int = 0) -> str:
    text = json.dumps({"dependencies": packages, "fixes": []})
    return f"import sys\nprint({text!r})\nsys.exit({status})\n"


def test_what_an_update_mends_fails_and_is_named(tmp_path: Path) -> None:
    done = audit(
        tmp_path,
        answering(package("good"), package("bad", WITH_FIX), package("sad", WITHOUT_FIX), status=1),
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines == [
        "audit: bad 1.2 has PYSEC-2026-1: update it to 1.3, 2.0.1.",
        "audit: sad 1.2 has GHSA-abcd: no release mends it yet.",
    ]


def test_what_no_release_mends_is_said_and_is_no_failure(tmp_path: Path) -> None:
    done = audit(tmp_path, answering(package("good"), package("sad", WITHOUT_FIX), status=1))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "audit: sad 1.2 has GHSA-abcd: no release mends it yet.",
        "audit: 2 packages looked up, nothing that an update would mend.",
    ]


def test_nothing_known_is_one_line_with_the_number_of_packages(tmp_path: Path) -> None:
    skipped = {"name": "local", "skip_reason": "it is not on the index"}
    done = audit(tmp_path, answering(package("a"), package("b"), skipped))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "audit: 2 packages looked up, nothing that an update would mend."
    ]


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit('requests.exceptions.ConnectionError: no route')",
        "import sys; print('ERROR: could not connect', file=sys.stderr); sys.exit(1)",
        "print('<html>a proxy says no</html>')",
        "print('[]')",
        "print('{}')",
        answering({"name": "a", "skip_reason": "service unavailable"}),
        answering(),
    ],
    ids=["raised", "exit 1", "a page", "a list", "no list", "all skipped", "none"],
)
def test_where_no_service_answers_one_line_says_so(tmp_path: Path, program: str) -> None:
    done = audit(tmp_path, program)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert SILENT in done.stdout
    assert "Traceback" not in done.stderr


def test_a_service_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "pip_audit.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    script = AUDIT.read_text(encoding="utf-8").replace("SECONDS = 120", "SECONDS = 1")
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "audit: no advisory service answered, so known vulnerabilities were not looked up."
    ]


def test_an_audit_that_is_not_installed_fails_and_says_how_to_install_it(tmp_path: Path) -> None:
    program = "raise SystemExit(f'{__file__}: No module named pip_audit')"
    done = audit(tmp_path, program)
    assert done.returncode == 1
    assert "make test installs it" in done.stderr
