"""`design … --train`: a design, or two, are trained, compared, saved and opened again."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from convviz.cli import main
from convviz.cli import train as train_command
from convviz.datasets.labelled_set import partition
from convviz.datasets.shapes import shapes
from convviz.weights.load import open_saved

SMALL = "input 3x32x32\nconv 4 3x3 /2\nrelu\nmaxpool 3x3\ngap\nfc 6\n"
OTHER = SMALL.replace("conv 4", "conv 8")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setattr(train_command, "read_data", lambda *_: shapes(per_class=8))
    monkeypatch.setattr("convviz.cli.design_training.read_data", lambda *_: shapes(per_class=8))
    for name, text in (("mine", SMALL), ("other", OTHER)):
        (tmp_path / f"{name}.txt").write_text(text)
    return str(tmp_path / "mine.txt"), str(tmp_path / "other.txt")


def test_a_trained_design_opens_by_its_file_alone(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    command = ["design", files[0], "--train", "shapes", "--epochs", "1", "--seeds", "1"]
    assert main([*command, "--out", str(out), "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    training = result["training"]
    assert result["parameters"] == 4 * 28 + 6 * 5
    assert training["classes"][0] == "disc"
    (design,) = training["designs"]
    assert (design["name"], design["parameters"]) == ("mine", 142)
    assert (len(design["test_accuracy"]), training["verdict"]) == (1, "")
    assert design["runs"][0]["epochs"] == 1
    look = ["activations", "sample:cat", "--layer", "conv1", "--weights", str(out), "--json", "-"]
    assert main(look) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["network"].startswith("design-mine-")
    assert shown["weights"]["source"].startswith("trained-")
    assert main([*look, "--network", "alexnet"]) == 2
    assert "is the trained design “mine”, not AlexNet" in capsys.readouterr().err
    assert main(["activations", "sample:cat", "--layer", "conv1"]) == 2
    assert "give --network NAME" in capsys.readouterr().err


def test_every_command_takes_the_network_from_a_design_s_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*command: str) -> str:
        assert main(list(command)) == 0
        return capsys.readouterr().out

    monkeypatch.setattr(train_command, "read_data", lambda *_: shapes(per_class=8))
    monkeypatch.setattr("convviz.cli.design_training.read_data", lambda *_: shapes(per_class=8))
    monkeypatch.setattr("convviz.cli.separation.read_data", lambda *_: shapes(per_class=8))
    (tmp_path / "mine.txt").write_text(SMALL)
    out = str(tmp_path / "mine.safetensors")
    command = ["design", str(tmp_path / "mine.txt"), "--train", "shapes", "--epochs", "1"]
    said(*command, "--seeds", "1", "--out", out)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (32, 32), "red").save(pictures / "red.png")
    table = said("batch", str(pictures), "--weights", out, "--layer", "conv1")
    assert table.splitlines()[0].endswith("max_channel:conv1")
    result = json.loads(said("separation", "shapes", "--weights", out, "--json", "-"))
    name = result["network"]
    assert result["weights"].startswith("trained-")
    trained = said("train", "shapes", "--weights", out, "--epochs", "1", "--json", "-")
    assert json.loads(trained)["test_accuracy"] >= 0
    values = json.loads(said("costs", out, "--json", "-"))
    assert {each["parameters"] for each in values.values()} == {142}
    listed = json.loads(said("layers", out, "--json", "-"))
    assert [each["name"] for each in listed["layers"]][:2] == ["conv1", "relu1"]
    assert {listed["network"]} == set(values)
    assert name
    monkeypatch.setattr("convviz.networks.registry._unlisted", OrderedDict())
    for command in ("layers", "costs"):
        assert main([command, listed["network"]]) == 2
        assert "known from its file alone" in capsys.readouterr().err
        assert main([command, str(tmp_path / "none.safetensors")]) == 2
        assert "none.safetensors cannot be read" in capsys.readouterr().err
        assert main([command, str(tmp_path / "mine.txt")]) == 2
        assert "give the network's name" in capsys.readouterr().err
    assert main(["batch", str(pictures)]) == 2
    assert "No network is named" in capsys.readouterr().err


@pytest.mark.claims("convviz.cli.design_training.print_result")
def test_two_designs_are_compared(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", *files, "--train", "shapes", "--epochs", "1", "--seeds", "2"]) == 0
    text = capsys.readouterr().out
    assert "Guessing the largest class gives" in text
    dataset = shapes(per_class=8)
    first = partition(dataset).folds[0]  # too few for a part of their own
    learned, chosen, tested = map(len, (first.train, first.validation, first.test))
    assert f"{dataset.name}: {learned} pictures to learn from, {chosen} to choose" in text
    assert f"by, {tested} to test" in text
    assert "mine" in text
    assert "other" in text
    assert "seeds" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--seconds", "5"], "--seconds goes with --train DATA"),
        (["--out", "x.safetensors"], "--out goes with --train DATA"),
        (["--train", "shapes", "--seconds", "5", "--epochs", "2"], "and not both"),
        (["--train", "shapes", "--seeds", "0"], "number of seeds, 0, is out of range"),
        (["--train", "shapes", "--rate", "7"], "learning rate, 7, is out of range"),
        (["--train", "shapes", "--out", "x.png"], ".safetensors"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    files: tuple[str, str],
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["design", files[0], *options]) == 2
    assert sentence in capsys.readouterr().err


def test_several_designs_are_for_training(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", *files]) == 2
    assert "--train" in capsys.readouterr().err
    assert main(["design", files[0], *files, "--train", "shapes"]) == 2
    assert "one design, or two" in capsys.readouterr().err


def test_the_python_file_is_the_network_whose_weights_are_written(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ten = SMALL.replace("fc 6", "fc 10")
    Path(files[0]).write_text(ten)
    code, out = tmp_path / "mine.py", tmp_path / "mine.safetensors"
    command = ["design", files[0], "--train", "shapes", "--epochs", "1", "--seeds", "1"]
    assert main([*command, "--torch", str(code), "--out", str(out), "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["parameters"] == 4 * 28 + 6 * 5  # as many outputs as there are classes
    assert result["parameters"] == result["training"]["designs"][0]["parameters"]
    assert result["blocks"][-1]["text"] == "fc 6"
    made: dict[str, Any] = {}
    exec(code.read_text(), made)  # written just now
    network = made["load_weights"](made["Mine"](), str(out)).eval()
    opened = open_saved(out.read_bytes()).module
    image = torch.rand(2, 3, 32, 32)
    assert torch.equal(network(image), opened(image))
    assert main([*command, "--torch", str(code)]) == 0
    assert (
        "“mine” has 142 parameters here in the place of 162, since it gets 6 outputs, one for each "
        "class, in the place of 10."
    ) in capsys.readouterr().out
