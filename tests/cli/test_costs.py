"""`python -m convviz costs`, called in this process."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from convviz.cli import costs
from convviz.errors import NetworkError, SettingError


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    costs.add(parser.add_subparsers())
    args = parser.parse_args(["costs", *arguments])
    return costs.run(args)


def test_json_has_the_promised_keys_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("alexnet", "googlenet", "--json", "-") == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(result) == ["alexnet", "googlenet"]
    for network in result.values():
        assert list(network) == [
            *("parameters", "parameters_with_auxiliary"),
            *("encoder_parameters", "decoder_parameters", "auxiliary_parameters"),
            *("macs", "activation_bytes", "layers"),
        ]
        parts = ("encoder", "decoder", "auxiliary")
        everything = network["parameters_with_auxiliary"]
        assert sum(network[f"{part}_parameters"] for part in parts) == everything
        assert sum(row["parameters"] for row in network["layers"]) == everything
        main = [row for row in network["layers"] if row["part"] != "auxiliary"]
        for key in ("parameters", "macs", "activation_bytes"):
            assert sum(row[key] for row in main) == network[key]
    assert result["alexnet"]["decoder_parameters"] == 58_631_144
    assert result["googlenet"]["parameters"] == 6_624_904
    assert result["googlenet"]["parameters_with_auxiliary"] == 13_004_888
    assert result["alexnet"]["parameters"] == result["alexnet"]["parameters_with_auxiliary"]
    first = result["alexnet"]["layers"][0]
    assert (first["name"], first["kernel"], first["output_shape"]) == (
        "features.0",
        [11, 11],
        [64, 55, 55],
    )


def test_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    run("vgg11", "--input-size", "64", "--per-layer")
    out = capsys.readouterr().out
    assert "132,863,336" in out
    assert "VGG11, 64×64 pixels" in out
    assert "features.0" in out


def test_json_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "costs.json"
    run("alexnet", "--json", str(target))
    assert json.loads(target.read_text("utf-8"))["alexnet"]["parameters"] == 61_100_840
    assert "61,100,840" in capsys.readouterr().out
    with pytest.raises(SettingError, match="cannot be written"):
        run("alexnet", "--json", str(tmp_path))


def test_mistakes_get_a_sentence() -> None:
    with pytest.raises(NetworkError, match="alexnet"):
        run("alexnett")
    with pytest.raises(SettingError, match="63×63 or more"):
        run("alexnet", "--input-size", "10")


def test_both_numbers_of_googlenet_stand_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    run("googlenet", "googlenet")
    header, *rows = capsys.readouterr().out.splitlines()
    assert "parameters  with auxiliary" in header
    assert len(rows) == 1  # named twice, counted once
    assert rows[0].split()[3:5] == ["6,624,904", "13,004,888"]
    run("googlenet", "--per-layer")
    assert "auxiliary" in capsys.readouterr().out
