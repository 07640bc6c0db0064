"""python -m convviz amplify."""

import json
from pathlib import Path

import pytest
from PIL import Image

from convviz.cli import main

QUICK = ["--network", "googlenet", "--layer", "conv1", "--octaves", "2", "--steps", "2"]


def test_json_picture_and_words_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "y.png", tmp_path / "y.json"
    arguments = ["amplify", "sample:cat", *QUICK, "--out", str(out), "--json", str(file)]
    assert main(arguments) == 0
    numbers = json.loads(file.read_text())
    assert numbers["after"] > numbers["before"]
    assert (numbers["layer"], numbers["channel"], numbers["steps"]) == ("conv1", None, 4)
    assert (numbers["octaves"], numbers["answers"][-1]) == (2, [4, numbers["after"]])
    side = Image.open(out).width
    assert numbers["smallest_side"] == round(side / 1.4)
    said = capsys.readouterr().out
    assert f"{numbers['before']:.3g} before, {numbers['after']:.3g} after" in said
    assert f"4 steps in 2 octaves, {numbers['smallest_side']} to {side} pixels" in said


def test_a_channel_and_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["amplify", "sample:cat", *QUICK, "--channel", "3", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["channel"] == 3
    assert main(["amplify", "sample:cat", *QUICK, "--channel", "99999"]) == 2
    assert "no channel 99999" in capsys.readouterr().err
