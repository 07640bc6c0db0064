import json
from pathlib import Path

import pytest

from convviz.cli import main
from convviz.cli.options import find_layer
from convviz.errors import NetworkError
from convviz.weights.load import load


def test_a_table_of_all_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "alexnet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "AlexNet, 21 layers for an image of 224 × 224 pixels"
    assert lines[2].split() == ["layer", "title", "kind", "stage", "output"]
    assert lines[3].split() == ["features.0", "conv1", "convolution", "block", "1", "64×55×55"]
    assert len(lines) == 3 + 21


def test_parts_of_layers_are_hidden_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "googlenet"]) == 0
    text = capsys.readouterr().out
    assert "inception4a · 3×3" in text
    assert "conv1.bn" not in text
    assert "--all shows them" in text
    assert main(["layers", "googlenet", "--all"]) == 0
    text = capsys.readouterr().out
    assert "conv1.bn" in text
    assert "--all" not in text


def test_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["layers", "alexnet", "--input-size", "127", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["network"], result["input_size"]) == ("alexnet", 127)
    first = result["layers"][0]
    assert (first["name"], first["title"], first["gate"]) == ("features.0", "conv1", "features.0")
    assert first["shape"] == [64, 31, 31]  # (127 + 2 × 2 − 11) / 4 + 1
    assert main(["layers", "alexnet", "--json", str(tmp_path / "layers.json")]) == 0
    assert "features.0" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "layers.json").read_text(encoding="utf-8"))["layers"]) == 21


@pytest.mark.parametrize("size", ["0", "-5", "7"])
def test_a_size_that_no_image_can_have(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "alexnet", "--input-size", size]) == 2
    assert capsys.readouterr().err.count("\n") == 1


class TestFind:
    def test_by_name_or_title(self) -> None:
        network = load("googlenet")
        for text in ("inception3a.branch4.1", "inception3a · pool projection"):
            assert find_layer(network, text).name == "inception3a.branch4.1"
        assert find_layer(network, "INCEPTION3A").name == "inception3a"

    @pytest.mark.parametrize(
        ("text", "near"),
        [("inception9z", "inception"), ("inception4a · 7×7", "inception4a · "), ("", "googlenet")],
    )
    def test_near_matches(self, text: str, near: str) -> None:
        with pytest.raises(NetworkError, match=f"(?i){near}"):
            find_layer(load("googlenet"), text)
