"""Every limit is a variable in one table, which README has and which is checked at the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convviz import limits
from convviz.errors import SettingError
from convviz.limits import LIMITS, Limit

ROOT = Path(__file__).parent.parent


def test_the_readme_has_the_table() -> None:
    assert limits.table() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.claims("convviz.limits.table")
def test_the_table_has_a_row_for_each_limit_with_its_numbers() -> None:
    rows = limits.table().splitlines()[2:]
    assert len(rows) == len(LIMITS) == len({limit.name for limit in LIMITS})
    assert "| `CONVVIZ_SERVER_MEGABYTES` | 2,000 MB | 1 to 1,000,000 |" in limits.table()


@pytest.mark.claims("convviz.limits.Limit.value")
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_takes_its_ends_and_refuses_what_is_beyond(
    limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limit.least <= limit.value <= limit.most
    for value in (limit.least, limit.most):
        monkeypatch.setenv(limit.name, f" {value} ")
        assert limit.value == value
    for text, why in (
        (str(limit.least - 1), "too small"),
        (str(limit.most + 1), "too large"),
        ("-5", "too small"),
        ("many", "no whole number"),
        ("1.5", "no whole number"),
        ("1e3", "no whole number"),
        ("1_0", "no whole number"),
        ("٣", "no whole number"),
        ("9" * 5000, "no whole number"),
    ):
        monkeypatch.setenv(limit.name, text)
        with pytest.raises(SettingError) as caught:
            _ = limit.value
        sentence = str(caught.value)
        assert sentence.startswith(f"{limit.name} is set to ")
        assert why.replace("no whole", "not a whole") in sentence
        assert f"from {limit.least:,} to {limit.most:,}" in sentence
        assert len(sentence) < 400


def test_limits_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.check()
    monkeypatch.setenv("CONVVIZ_VISITOR_MEGABYTES", "199")
    with pytest.raises(SettingError, match="199 MB and CONVVIZ_UPLOAD_MEGABYTES is 200 MB"):
        limits.check()
    monkeypatch.setenv("CONVVIZ_VISITOR_MEGABYTES", "3000")
    with pytest.raises(SettingError, match="2,000 MB and CONVVIZ_VISITOR_MEGABYTES is 3,000 MB"):
        limits.check()


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "convviz", "costs", "alexnet"],
        ["-m", "convviz.preflight"],
        ["-m", "convviz.limits"],
        ["-c", "from convviz.ui import server; server.options()"],
    ],
    ids=lambda command: " ".join(command)[:30],
)
def test_whatever_starts_says_in_one_sentence_that_a_limit_is_bad(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "CONVVIZ_WAITING_RUNS": "lots"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "CONVVIZ_WAITING_RUNS is set to 'lots', which is not a whole number" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_limit_that_a_module_holds_follows_its_variable() -> None:
    code = (
        "from convviz.images import decode; from convviz.datasets import zip_archive;"
        "from convviz.ui.sidebar import image, network; print(decode.MAX_PIXELS,"
        "zip_archive.MAX_FILES, zip_archive.MAX_BYTES, image.MAX_MEGABYTES, network.MAX_MEGABYTES)"
    )
    settings = {
        "CONVVIZ_IMAGE_MEGAPIXELS": "3",
        "CONVVIZ_ZIP_FILES": "7",
        "CONVVIZ_ZIP_MEGABYTES": "8",
        "CONVVIZ_IMAGE_MEGABYTES": "4",
        "CONVVIZ_UPLOAD_MEGABYTES": "9",
    }
    text = subprocess.check_output(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **settings}, text=True
    )
    assert text.split() == ["3000000", "7", "8000000", "4", "9"]


@pytest.mark.parametrize(("setting", "threads"), [("3", 3), ("", None), ("0", None), ("two", None)])
def test_threads_are_as_many_as_cores_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, setting: str, threads: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert limits.threads() == (threads or limits.cores())
