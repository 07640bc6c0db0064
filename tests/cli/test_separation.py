"""How well each stage separates classes, on the command line."""

import json
from pathlib import Path

import pytest
from PIL import Image

from convviz.cli import main
from convviz.datasets.class_folders import from_folder
from convviz.learning.separation import separate
from convviz.learning.separation_findings import probed, separates
from convviz.weights.load import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("red", "blue"):
        (tmp_path / name).mkdir()
        for k in range(6):
            Image.new("RGB", (40 + k, 40), name).save(tmp_path / name / f"{k}.png")
    return tmp_path


def test_numbers_are_those_of_the_package(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *_, step = separate(load("googlenet"), from_folder(folder, folder.name))
    expected = step.separation
    assert expected is not None
    out = folder / "out.json"
    assert main(["separation", str(folder), "--json", str(out)]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    assert streams.out.splitlines()[-2:] == [separates(expected), probed(expected)]
    values = json.loads(out.read_text(encoding="utf-8"))
    assert (values["images"], values["different_images"], values["guessing"]) == (12, 12, 0.5)
    assert (values["folds"], values["image_size"]) == (5, 128)
    assert [each["layer"] for each in values["stages"]] == [
        each.layer.name for each in expected.stages
    ]
    for each, stage in zip(values["stages"], expected.stages, strict=True):
        assert stage.untrained is not None
        assert each["trained"]["linear_probe"]["accuracy"] == sum(stage.answers.linear) / 12
        assert each["untrained"]["class_mean"]["accuracy"] == sum(stage.untrained.mean) / 12


def test_without_the_untrained_encoder_its_columns_are_empty(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["separation", str(folder), "--trained-only", "--json", "-"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert {each["untrained"] for each in stages} == {each["p_value"] for each in stages} == {None}


def test_a_set_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["separation", "nowhere.zip"]) == 2
    assert "nowhere.zip cannot be read" in capsys.readouterr().err
