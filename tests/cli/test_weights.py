import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from convviz.cli import weights
from convviz.downloads import cache, tickets
from convviz.errors import NetworkError, SettingError, WeightsError
from convviz.networks.catalogue import CATALOGUE, OF_THE_COURSE
from convviz.networks.initial_weights import untrained
from convviz.networks.registry import spec
from convviz.weights import load as loading


def convviz(*words: str) -> int:
    parser = argparse.ArgumentParser()
    weights.add(parser.add_subparsers())
    return weights.run(parser.parse_args(["weights", *words]))


@pytest.mark.parametrize("words", [(), ("status",)])
def test_status_lists_every_network_and_its_sources(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert convviz(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"alexnet", "vgg19_bn", "googlenet"} < set(lines)
    below = lines[lines.index("googlenet") + 1 :][:3]
    assert [line.split()[:2] for line in below] == [
        ["imagenet", "to"],
        ["bundled", "here"],
        ["random", "here"],
    ]
    assert "52 MB" in below[0]


def test_status_names_the_many_that_can_only_be_fetched_in_one_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert convviz("status") == 0
    text = capsys.readouterr().out
    names = [line for line in text.splitlines() if not line.startswith(" ")]
    assert names[-1] == f"{len(CATALOGUE) - len(OF_THE_COURSE)} more of torchvision's networks"
    listed = {word for line in text.splitlines() for word in line.strip(" ,").split(", ")}
    assert {each.name for each in CATALOGUE} <= listed
    assert convviz("status", "vit_h_14") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "to fetch" in line
    assert "MB (from torchvision, under a licence of their own: https://" in line


def test_status_of_one_network_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert convviz("status", "alexnet", "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)
    assert list(rows) == ["alexnet"]
    assert [(row["source"], row["here"]) for row in rows["alexnet"]] == [
        ("imagenet", False),
        ("encoder", True),
        ("random", True),
    ]
    assert rows["alexnet"][0]["fetch_bytes"] == 244_409_434
    assert (rows["alexnet"][1]["bytes"], rows["alexnet"][1]["fetch_bytes"]) == (4_940_480, 0)


def test_status_can_be_written_to_a_file(tmp_path: Path) -> None:
    assert convviz("status", "googlenet", "--json", str(tmp_path / "status.json")) == 0
    row = json.loads((tmp_path / "status.json").read_text())["googlenet"][1]
    assert Path(row["path"]).is_file()
    with pytest.raises(SettingError, match="cannot be written"):
        convviz("status", "--json", str(tmp_path / "no" / "status.json"))


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(NetworkError, match="alexnet"):
        convviz("fetch", "alexnett")
    with pytest.raises(NetworkError):
        convviz("status", "nothing")


def test_fetch_without_a_network_raises_a_sentence_after_size_and_licence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(WeightsError, match=r"download\.pytorch\.org cannot be reached"):
        convviz("fetch", "vgg11")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("To fetch: vgg11-8a719046.pth, 531 MB. torchvision, whose code is under")


def test_fetch_takes_the_encoder_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests: list[tuple[str, str]] = []

    def start(*words: str) -> tickets.Fetch:
        requests.append(words)
        raise WeightsError("no")

    monkeypatch.setattr(loading, "start_fetch", start)
    assert convviz("fetch", "vgg16") == 0
    assert convviz("fetch", "vgg16", "--source", "encoder") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[1]
    assert lines[0].startswith("vgg16: ImageNet encoder, small decoder, 59 MB, sha256 ")
    with pytest.raises(WeightsError, match="no"):
        convviz("fetch", "vgg11")
    with pytest.raises(WeightsError, match="no"):
        convviz("fetch", "vgg16", "--source", "imagenet")
    assert requests == [("vgg11", "imagenet"), ("vgg16", "imagenet")]


def test_fetch_shows_progress_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def follow(ticket: object, progress: Callable[[int, int], None]) -> None:
        progress(1_000_000, 2_000_000)
        raise WeightsError("no")

    monkeypatch.setattr(loading, "start_fetch", lambda *words: None)
    monkeypatch.setattr(tickets, "follow", follow)
    for terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        with pytest.raises(WeightsError, match="no"):
            convviz("fetch", "vgg11")
        text = capsys.readouterr().err
        assert ("1.0 of 2.0 MB" in text) == terminal
        assert "BSD 3-clause licence" in text


def test_what_is_here_is_not_fetched_but_described(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "googlenet.pth"
    torch.save(untrained(spec("googlenet"), 0).state_dict(), path)
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    assert convviz("fetch", "googlenet") == 0
    text = capsys.readouterr().out
    assert text == f"googlenet: Your file googlenet.pth, 52 MB, sha256 {cache.sha256(path)}\n"


def test_clear_says_what_it_removed(capsys: pytest.CaptureFixture[str]) -> None:
    path = cache.prepare() / "x.pth"
    path.write_bytes(bytes(1_500_000))
    cache.record(path, "0" * 64)
    assert convviz("clear") == 0
    assert capsys.readouterr().out == "Removed 1 file, 1.5 MB.\n"
    assert convviz("clear") == 0
    assert capsys.readouterr().out == "There was nothing to remove.\n"
