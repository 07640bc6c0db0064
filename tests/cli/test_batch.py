"""A folder at once."""

import csv
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from convviz.cli import main
from convviz.features.capture import input_for
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.weights.load import load

NETWORK = ["--network", "googlenet"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, a broken image in each, a text, and names that need care."""
    root = tmp_path / "set"
    for label, colour in (("=blue", "blue"), ("red", "red")):
        (root / label).mkdir(parents=True)
        for name in ("=1+1.png", "a, b\nc.png", "plain.png"):
            Image.new("RGB", (40, 30), colour).save(root / label / name)
    (root / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (root / "red" / "void.png").write_bytes(b"")
    (root / "red" / "notes.txt").write_text("no image")
    Image.new("RGB", (20, 20), "green").save(root / "@top.png")
    return root


def table(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """Read a table; it has one line for each row and its header."""
    reader = csv.DictReader(io.StringIO(text))
    rows = list(reader)
    assert text.count("\n") == len(rows) + 1
    return list(reader.fieldnames or ()), rows


@pytest.mark.claims("convviz.cli.batch.run")
def test_the_table_has_a_line_for_each_picture(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.csv"
    options = ["--layer", "inception3a", "--layer", "conv1", "--top", "2", "--out", str(out)]
    assert main(["batch", str(folder), *NETWORK, *options]) == 0
    streams = capsys.readouterr()
    assert streams.out == f"{out}: 9 pictures, of which 2 could not be read\n"
    assert streams.err.startswith("left out: red/notes.txt: It is not a picture")
    assert streams.err.count("\n") == 1
    header, rows = table(out.read_text(encoding="utf-8"))
    assert header[:9] == [
        *("file", "label", "reason", "class_1", "index_1", "probability_1"),
        *("class_2", "index_2", "probability_2"),
    ]
    assert header[9:] == [
        *("empty_share:inception3a", "max:inception3a", "max_channel:inception3a"),
        *("empty_share:conv1", "max:conv1", "max_channel:conv1"),
    ]
    by_file = {row["file"]: row for row in rows}
    assert list(by_file) == [
        *("'=blue/=1+1.png", "'=blue/a, bc.png", "'=blue/plain.png", "'@top.png"),
        *("red/=1+1.png", "red/a, bc.png", "red/broken.jpg", "red/plain.png", "red/void.png"),
    ]
    assert by_file["'=blue/plain.png"]["label"] == "'=blue"
    assert by_file["'@top.png"]["label"] == ""
    assert "is empty" in by_file["red/void.png"]["reason"]
    for name in ("red/broken.jpg", "red/void.png"):
        assert by_file[name]["reason"]
        assert not any(by_file[name][column] for column in header[3:])
    network = load("googlenet")
    image = Image.open(folder / "red" / "plain.png").convert("RGB")
    best = predict(network, image, 2)
    row = by_file["red/plain.png"]
    assert (row["label"], row["reason"], row["class_1"]) == ("red", "", best[0].label)
    assert int(row["index_2"]) == best[1].index
    assert float(row["probability_1"]) == pytest.approx(best[0].probability, rel=1e-4)
    outputs: list[torch.Tensor] = []
    handle = network.module.get_submodule("inception3a").register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output)
    )
    with torch.no_grad():
        network.module(input_for(network, image))
    handle.remove()
    maxima = outputs[0][0].amax((1, 2))
    assert float(row["max:inception3a"]) == pytest.approx(float(maxima.max()), rel=1e-4)
    assert int(row["max_channel:inception3a"]) == int(maxima.argmax())
    assert float(row["empty_share:inception3a"]) == pytest.approx(
        float((maxima == 0).float().mean())
    )


def test_the_archive_has_a_row_for_each_picture(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "features.npz"
    arguments = ["batch", str(folder), "--network", "alexnet", "--weights", "random"]
    assert main([*arguments, "--layer", "features.4", "--out", str(out)]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == [
        "AlexNet knows no class with these weights, so there are no predictions."
    ]
    network = load("alexnet", "random")
    with np.load(out) as archive:
        assert set(archive) == {
            *("names", "reasons", "labels", "layers", "features", "maxima"),
            *("top_classes", "top_probabilities"),
        }
        names = archive["names"].tolist()
        broken = [bool(reason) for reason in archive["reasons"].tolist()]
        assert [name for name, bad in zip(names, broken, strict=True) if bad] == [
            *("red/broken.jpg", "red/void.png")
        ]
        labels = archive["labels"].tolist()
        assert labels == [*["=blue"] * 3, "", *["red"] * 5]
        features, maxima = archive["features"], archive["maxima"]
        assert features.shape == maxima.shape == (9, 192)
        assert np.isnan(features).all(1).tolist() == np.isnan(maxima).all(1).tolist() == broken
        image = decode((folder / "@top.png").read_bytes())
        with torch.no_grad():
            output = network.module.features[:5](input_for(network, image))[0]
        row = names.index("@top.png")
        assert np.allclose(features[row], output.mean((1, 2)), atol=1e-5)
        assert np.allclose(maxima[row], output.amax((1, 2)), atol=1e-5)
    both = [*arguments, "--layer", "conv1", "--layer", "features.0", "--layer", "conv2"]
    assert main([*both, "--out", str(out)]) == 0
    with np.load(out) as archive:
        assert archive["layers"].tolist() == ["features.0", "features.3"]
        assert archive["features:features.0"].shape == (9, 64)
        assert archive["maxima:features.3"].shape == (9, 192)


def test_without_out_the_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "red" / "notes.txt").unlink()
    assert main(["batch", str(folder / "red"), *NETWORK, "--top", "1"]) == 0
    streams = capsys.readouterr()
    header, rows = table(streams.out.replace("\r\n", "\n"))
    assert header == ["file", "label", "reason", "class_1", "index_1", "probability_1"]
    assert [row["file"] for row in rows] == [
        *("'=1+1.png", "a, bc.png", "broken.jpg", "plain.png", "void.png")
    ]
    assert {row["label"] for row in rows} == {""}


def test_a_terminal_is_told_how_many_pictures_are_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["batch", str(folder), *NETWORK, "--top", "1"]) == 0
    told = [int(count) for count in re.findall(r"(\d+) of 9 pictures", capsys.readouterr().err)]
    assert told == sorted(told)  # those that come too quickly are not drawn
    assert 0 < told[-1] <= 9


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "The folder cannot be read"),
        ([".", "--out", "table.txt"], "ends neither in .csv nor in .npz"),
        ([".", "--out", "features.npz"], "none is named"),
        ([".", "--top", "0"], "choose 1 or more"),
        ([".", "--layer", "conv99"], "conv99"),
        ([".", "--threshold", "3"], "outside 0 to 1"),
        (["broken"], "Not one picture of the set can be read"),
        (["texts"], "no picture that convviz could use"),
        ([".", "--out", "nowhere/table.csv"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (20, 20)).save("fine.png")
    for name in ("broken", "texts"):
        Path(name).mkdir()
    Path("broken/a.jpg").write_bytes(b"")
    Path("broken/b.jpg").symlink_to("gone.jpg")
    os.mkfifo("broken/c.png")
    Path("texts/a.txt").write_text("no image")
    assert main(["batch", *arguments, *NETWORK]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert sentence in streams.err
    assert streams.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "fine.png", "texts"]
