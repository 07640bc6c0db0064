"""`convviz train`."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from torch import nn

from convviz.cli import main
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
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
    # Below 200 images every one is tested, by a network that has not seen it.
    assert (result["test_images"], result["test_folds"]) == (8, 5)
    assert result["test_accuracy"] * 8 == round(result["test_accuracy"] * 8)
    low, high = result["test_interval"]
    assert 0 <= low <= result["test_accuracy"] <= high <= 1
    assert result["guessing"] == 0.5
    assert result["duplicates"] == result["conflicts"] == []
    assert [each["file"] for each in result["left_out"]] == ["red/broken.png"]
    network = open_saved(out.read_bytes())
    assert network.weights.classes == ("blue", "red")
    assert network.weights.training_set == "colours"


def test_a_divided_folder_and_a_zip_of_it_train_on_the_given_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 ants and 5 bees in train: 2 and 1 of them choose the epoch; val has 3 and 4."""
    root = tmp_path / "hymenoptera"
    counts = {("train", "ants"): 10, ("train", "bees"): 5, ("val", "ants"): 3, ("val", "bees"): 4}
    number = 0
    for (part, name), count in counts.items():
        (root / part / name).mkdir(parents=True)
        for k in range(count):
            number += 1
            colour = (10 * number, 200 if name == "ants" else 20, 50)
            Image.new("RGB", (40, 40), colour).save(root / part / name / f"{k}.jfif", "JPEG")
    (root / "preview.png").write_bytes((root / "train" / "ants" / "0.jfif").read_bytes())
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
    monkeypatch.chdir(root)
    for data in (str(root), ".", str(packed)):
        assert main(["train", data, "--epochs", "1", "--size", "32", "--json", "-"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["classes"] == ["ants", "bees"]
        assert (result["train_images"], result["val_images"]) == (12, 3)
        assert (result["test_images"], result["test_folds"]) == (7, 0)
        assert result["guessing"] == pytest.approx(4 / 7)
        assert [Path(each["file"]).name for each in result["left_out"]] == ["preview.png"]


@pytest.mark.claims(
    "convviz.cli.train.run", "convviz.cli.train._print_plan", "convviz.cli.train._print_result"
)
def test_what_is_printed_is_what_the_json_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = pictures(tmp_path / "colours.zip")
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("red/again.png", archive.read("red/0.png"))
        archive.writestr("blue/wrong.png", archive.read("red/1.png"))
    out = tmp_path / "result.json"
    arguments = ["train", str(data), "--epochs", "1", "--size", "32", "--json", str(out)]
    assert main(arguments) == 0
    said, result = capsys.readouterr().out, json.loads(out.read_text())
    assert "blue 5, red 5" in said
    assert f"{result['train_images']} pictures to learn from, {result['val_images']} to" in said
    assert "10 to test (each by one of 5 further networks" in said
    assert "2 pictures are there more than once, with equal pixels under 4 names" in said
    assert "One picture lies in several classes at once" in said
    assert len(result["duplicates"]) == 2
    assert result["conflicts"] == [["red/1.png", "blue/wrong.png"]]
    trained, frozen = 1024 * 2 + 2, 6_624_904 - 1_025_000
    assert f"{trained:,} of {trained + frozen:,} parameters are trained, {frozen:,} are" in said
    assert (
        f"{100 * result['test_accuracy']:.1f} % of 10 test pictures classified correctly, by 5"
        in said
    )
    # The copy counts once: nine answers, and Wilson's ends are where they are 1.96 errors away.
    for end in result["test_interval"]:
        distance = (end - result["test_accuracy"]) ** 2
        assert distance == pytest.approx(1.959964**2 * end * (1 - end) / 9, abs=1e-6)
    assert "largest class alone would give 50 %" in said
    trained_for = (
        f"trained for 1 epoch in {sum(result['epoch_seconds']):.1f} s, without the reading"
    )
    assert trained_for in said
    assert (
        f"kept is epoch {result['best_epoch']}, with {100 * result['val_accuracy']:.1f} % of"
        in said
    )


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


def test_a_network_that_is_drawn_anew_each_time_is_not_saved_in_part(
    tmp_path: Path, fresh_registry: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
        )

    register(NetworkSpec(name="drawn", title="Drawn", build=build, input_size=32))
    data, out = pictures(tmp_path / "colours.zip"), tmp_path / "part.safetensors"
    train = ["train", str(data), "--network", "drawn", "--only-trained", "--out", str(out)]
    assert main(train) == 2
    assert "the build() of Drawn sets other weights each time" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.zip"], "cannot be read"),
        (
            ["nowhere.zip"],
            "directions, distant-marks, marks-anywhere, imagenette or cifar10",
        ),
        ([str(Path(__file__).parent)], "The folder has no picture that convviz could use"),
        (["cifar10", "--pictures", "9"], "too few for ten classes"),
        (["shapes", "--epochs", "-3"], "number of epochs"),
        (["shapes", "--epochs", "0"], "number of epochs, 0, is out of range"),
        (["shapes", "--epochs", "9" * 400], "out of range"),
        (["shapes", "--seconds", "0"], "time in seconds, 0, is out of range"),
        (["shapes", "--seconds", "nan"], "time in seconds, nan, is out of range"),
        (["shapes", "--seed", "-1"], "seed, -1, is out of range"),
        (["shapes", "--pictures", "0"], "--pictures goes with imagenette or cifar10"),
        (["cifar10", "--pictures", "0"], "too few for ten classes"),
        (["shapes", "--auxiliary"], "--auxiliary goes with --scenario scratch"),
        (["shapes", "--only-trained"], "give --out as well"),
        (
            ["shapes", "--only-trained", "--scenario", "scratch", "--out", "x.safetensors"],
            "--only-trained would leave nothing out",
        ),
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
