"""`convviz train`."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from convviz.cli import main
from convviz.weights.load import open_saved


def pictures(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("red", "blue"):
            for k in range(4):
                file = io.BytesIO()
                Image.new("RGB", (40 + k, 40), name).save(file, "PNG")
                archive.writestr(f"{name}/{k}.png", file.getvalue())
        archive.writestr("red/broken.png", b"no picture")
    return path


def test_trains_on_a_zip_and_writes_a_network_that_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    data = pictures(tmp_path / "colours.zip")
    arguments = ["train", str(data), "--epochs", "3", "--size", "64", "--out", str(out)]
    assert main([*arguments, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["classes"] == ["blue", "red"]
    assert (result["train_images"], result["val_images"]) == (6, 2)
    assert result["scenario"] == "last-layer"
    assert result["trainable_parameters"] == 1024 * 2 + 2
    assert result["epochs"] == 3
    assert [each["file"] for each in result["left_out"]] == ["red/broken.png"]
    network = open_saved(out.read_bytes())
    assert network.weights.classes == ("blue", "red")
    assert network.weights.training_set == "colours"


def test_a_saved_decoder_is_a_choice_of_weights_for_other_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, sizes = pictures(tmp_path / "colours.zip"), {}
    for name, more in (("whole", []), ("decoder", ["--only-trained"])):
        out = tmp_path / f"{name}.safetensors"
        arguments = ["train", str(data), "--epochs", "1", "--size", "64", "--out", str(out), *more]
        assert main(arguments) == 0
        sizes[name] = out.stat().st_size
        capsys.readouterr()
        look = ["activations", "sample:cat", "--network", "googlenet", "--layer", "inception4a"]
        assert main([*look, "--weights", str(out), "--json", "-"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["weights"]["source"].startswith("trained-")
    assert sizes["decoder"] < 20_000 < 20_000_000 < sizes["whole"]
    assert main([*look[:3], "alexnet", *look[4:], "--weights", str(out)]) == 2
    assert "is a trained GoogLeNet, not AlexNet" in capsys.readouterr().err
    assert main([*look, "--weights", str(data.with_suffix(".safetensors"))]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.zip"], "cannot be read"),
        (["nowhere.zip"], "shapes, imagenette or cifar10"),
        (["cifar10", "--pictures", "9"], "too few for ten classes"),
        (["shapes", "--epochs", "-3"], "number of epochs"),
        (["shapes", "--out", "model.pt"], "does not end in .safetensors"),
        (["shapes", "--scenario", "magic"], "invalid choice"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_set_that_cannot_be_fetched_is_a_sentence(
    capsys: pytest.CaptureFixture[str], network_attempts: list[str]
) -> None:
    assert main(["train", "imagenette"]) == 2
    assert "cannot be reached: check the network" in capsys.readouterr().err
    network_attempts.clear()
