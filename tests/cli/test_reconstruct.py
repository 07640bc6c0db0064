"""python -m convviz reconstruct."""

import json
import signal
from pathlib import Path

import pytest
from PIL import Image

from convviz.cli import main, reconstruct
from convviz.reconstruction.reconstruct import ReconstructionStep

QUICK = ["--network", "googlenet", "--layer", "conv1", "--image-size", "48", "--steps", "3"]


def test_json_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "y.png"
    status = main(["reconstruct", "sample:cat", *QUICK, "--out", str(out), "--json", "-"])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    result = json.loads(captured.out)
    assert {"relative_error", "loss", "steps", "seconds", "seconds_per_step"} <= set(result)
    assert {"precision", "psnr", "ssim"} <= set(result)
    assert result["steps"] == len(result["loss"]) == 3
    assert result["layer"] == "conv1"
    assert Image.open(out).size == (48, 48)


def test_words_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconstruct", "sample:cat", *QUICK]) == 0
    text = capsys.readouterr().out
    assert "relative error 0." in text
    assert "3 steps" in text
    assert "Tiny ImageNet" in text


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    result = []
    for seed in ("4", "4", "5"):
        file = tmp_path / f"{len(result)}.json"
        assert main(["reconstruct", "sample:cat", *QUICK, "--seed", seed, "--json", str(file)]) == 0
        result.append(json.loads(file.read_text())["loss"])
    assert result[0] == result[1] != result[2]


def test_ctrl_c_keeps_the_best_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = reconstruct._line

    def interrupting(step: ReconstructionStep) -> str:
        if step.index == 2:
            signal.raise_signal(signal.SIGINT)
        return line(step)

    monkeypatch.setattr(reconstruct, "_line", interrupting)
    handler = signal.getsignal(signal.SIGINT)
    out = tmp_path / "y.png"
    arguments = [*QUICK[:-1], "1000", "--out", str(out), "--json", "-"]
    assert main(["reconstruct", "sample:cat", *arguments]) == 130
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    assert Image.open(out).size == (48, 48)
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_image_to_go_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "y.png"
    assert main(["reconstruct", "sample:cat", *QUICK, "--out", str(out), "--json", "-"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["reconstruct", "sample:cat", *QUICK, "--start", str(out), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"][0] < first["loss"][0]


@pytest.mark.parametrize(
    "options",
    [
        ["--steps", "0"],
        ["--seconds", "-1"],
        ["--tv", "nan"],
        ["--layer", "conv99"],
        ["--image-size", "1"],
        ["--start", "nowhere.png"],
        ["--out", "y.jpg"],
        ["--precision", "float16"],
    ],
)
def test_what_a_user_can_get_wrong_is_one_sentence(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconstruct", "sample:cat", *QUICK, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("convviz")
    assert captured.err.count("\n") == 1
