"""python -m convviz reconstruct."""

import json
import re
import signal
from collections.abc import Callable
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


@pytest.mark.claims("convviz.cli.reconstruct._print")
def test_words_for_people_say_the_same_as_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "y.json"
    assert main(["reconstruct", "sample:cat", *QUICK, "--json", str(file)]) == 0
    text, numbers = capsys.readouterr().out, json.loads(file.read_text())
    error = re.search(r"relative error ([\d.]+)\n", text)
    assert error is not None
    assert float(error[1]) == pytest.approx(numbers["relative_error"], rel=0.005)
    assert f"3 steps in {numbers['seconds']:.1f} s, {numbers['precision']};" in text
    assert f"PSNR {numbers['psnr']:.1f} dB, SSIM {numbers['ssim']:.3f}\n" in text
    assert f"with the original of {numbers['ssim_flat_grey']:.2f}, 4 other photographs" in text
    half = numbers["halfway"]
    assert half["step"] == 1
    assert "From step 1 to step 3 the relative error" in text
    assert not numbers["settled"]
    assert "settled" not in text
    assert "Tiny ImageNet" in text
    for prediction in numbers["predictions"]:
        assert f"{prediction['label']} {100 * prediction['probability']:.0f} %" in text


def test_a_silent_layer_has_no_relative_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own_file: Callable[..., Path]
) -> None:
    own_file(
        "import torch\n"
        "from convviz.networks import NetworkSpec, register\n"
        "def build():\n"
        "    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())\n"
        "    module[0].weight.data.fill_(0.0)\n"
        "    module[0].bias.data.fill_(-1.0)\n"
        "    return module\n"
        "register(NetworkSpec(name='silent', title='Silent', build=build, input_size=16))\n"
    )
    arguments = ["--network", "silent", "--layer", "1", "--steps", "2", "--json"]
    assert main(["reconstruct", "sample:cat", *arguments, str(tmp_path / "y.json")]) == 0
    numbers = json.loads((tmp_path / "y.json").read_text())
    assert numbers["relative_error"] is None
    text = capsys.readouterr().out
    assert "relative error undefined" in text
    assert "all of its features are 0" in text


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
