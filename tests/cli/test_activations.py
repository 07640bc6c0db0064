import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from convviz.cli import main
from convviz.features.activations import activations
from convviz.features.capture import input_for
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.weights.load import load

CAT = ["activations", "sample:cat", "--network", "googlenet", "--layer"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json", "-"]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    result: dict[str, Any] = json.loads(streams.out)
    return result


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    return streams.err


def test_json_has_the_promised_keys_and_the_right_numbers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(sample("cat").read())
    arguments = ["activations", str(picture), "--network", "googlenet", "--layer", "inception4a"]
    result = printed(capsys, *arguments, "--threshold", "0.1")
    assert list(result) == ["network", "weights", "layer", "shape", "empty", "max", "seconds"]
    network = load("googlenet")
    expected = activations(network, decode(sample("cat").read()), "inception4a")
    assert result["network"] == "googlenet"
    assert result["weights"] == {"source": "bundled", "sha256": network.weights.sha256}
    assert result["layer"] == "inception4a"
    assert result["shape"] == list(expected.maps.shape)
    assert result["max"] == expected.maximum.tolist()
    assert 0 < len(result["empty"]) < 512
    assert result["empty"] == [i for i in range(512) if expected.empty(0.1)[i]]
    assert result["seconds"] > 0


def test_the_grid_is_written_and_described(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out, file = tmp_path / "grid.png", tmp_path / "numbers.json"
    options = ["--out", str(out), "--json", str(file), "--order", "strength"]
    assert main([*CAT, "inception4a", *options, "--contrast", "shared"]) == 0
    text = capsys.readouterr().out
    assert "GoogLeNet, inception4a, 512×8×8" in text
    assert "of 512 channels" in text
    assert "source bundled, sha256" in text
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width > 500
    assert json.loads(file.read_text(encoding="utf-8"))["layer"] == "inception4a"


def test_the_image_holds_the_channels_that_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes, written = {}, set()
    for show in ("all", "hide", "only"):
        out = tmp_path / f"{show}.png"
        options = ["--out", str(out), "--order", "salience", "--show", show]
        assert main([*CAT, "inception4a", *options]) == 0
        with Image.open(out) as picture:
            sizes[show] = picture.height
        written.add(out.read_bytes())
    capsys.readouterr()
    assert sizes["all"] >= sizes["hide"] > sizes["only"]
    assert len(written) == 3
    options = ["--out", str(tmp_path / "none.png"), "--show", "only"]
    words = "There is no channel to draw: leave --show out"
    assert words in refused(capsys, "activations", *CAT[1:], "fc", *options)


def test_a_layer_may_be_given_by_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    for title in ("inception4a · 3×3", "Inception4a 3x3"):
        assert printed(capsys, *CAT, title)["layer"] == "inception4a.branch2.1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nothere.jpg", "--network", "googlenet", "--layer", "conv1"],
            "nothere.jpg cannot be read",
        ),
        ([".", "--network", "googlenet", "--layer", "conv1"], "cannot be read"),
        (
            [__file__, "--network", "googlenet", "--layer", "conv1"],
            "WebP, AVIF, HEIC, GIF, BMP",
        ),
        (["a\0b", "--network", "googlenet", "--layer", "conv1"], "null character"),
        (["sample:dog", "--network", "googlenet", "--layer", "conv1"], "cat, coffee"),
        (["sample:cat", "--network", "gogglenet", "--layer", "conv1"], "googlenet"),
        (["sample:cat", "--network", "googlenet", "--layer", "conv7"], "conv1"),
        ([*CAT[1:], "conv1", "--threshold", "2"], "outside 0 to 1"),
        ([*CAT[1:], "conv1", "--threshold", "much"], "invalid float"),
        ([*CAT[1:], "conv1", "--order", "size"], "invalid choice"),
        ([*CAT[1:], "conv1", "--weights", "good"], "weights called"),
        ([*CAT[1:], "conv1", "--out", "grid.gif"], "does not end in .png"),
        ([*CAT[1:], "conv1", "--out", "/no/folder/grid.png"], "no folder"),
        ([*CAT[1:], "conv1", "--json", "/no/folder/a.json"], "no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, "activations", *arguments)


def test_what_a_picture_had_to_go_through_is_said_beside_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cells.png"
    Image.fromarray(np.arange(4_096, dtype=np.uint16).reshape(64, 64)).save(path)
    arguments = ["--network", "alexnet", "--layer", "conv1", "--weights", "random", "--json", "-"]
    assert main(["activations", str(path), *arguments]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert said.err.startswith(f"{path}: The file's values go from 0 to 4,095, 6.2 % of")


def test_a_picture_with_too_many_pixels_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "large.png"
    Image.new("1", (6000, 6000)).save(picture)
    arguments = ["activations", str(picture), "--network", "googlenet", "--layer", "conv1"]
    assert "large.png: The picture, 6000 × 6000" in refused(capsys, *arguments)


@pytest.mark.claims("convviz.cli.activations._print")
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_class_scores_are_told_with_their_signs(
    capsys: pytest.CaptureFixture[str], threshold: float
) -> None:
    network, image = load("googlenet"), decode(sample("cat").read())
    with torch.no_grad():
        scores = network.module(input_for(network, image))[0]
    result = printed(capsys, *CAT, "fc", "--threshold", str(threshold))
    assert result["max"] == pytest.approx(scores.tolist(), abs=1e-4)
    assert min(result["max"]) < 0
    count = int((scores.abs() <= threshold * scores.abs().max()).sum())
    assert len(result["empty"]) == count
    assert main([*CAT, "fc", "--threshold", str(threshold)]) == 0
    text = capsys.readouterr().out
    assert "GoogLeNet, fc, 200" in text
    assert ("0.3 of the layer's largest absolute value" in text) == (threshold > 0)
    assert ("Empty: " in text) == (count > 0)
    expected = f"{count} of 200 channels" if count else "None of the 200 channels is empty"
    assert expected in text
