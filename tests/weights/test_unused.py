"""What lies in the user's folder and is not used is listed, with the reason."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from convviz.cli import main
from convviz.downloads import cache
from convviz.errors import SettingError
from convviz.networks.network import NetworkSpec
from convviz.weights import findings
from convviz.weights.unused import unused_files

ENDINGS = ".pth, .pt, .ckpt, .bin, .safetensors, .tar, .pkl or the like"


def test_everything_in_the_folder_is_used_or_listed(small: NetworkSpec, folder: Path) -> None:
    state = small.build().state_dict()
    for name in ("small.pth", "small.ckpt", "SMALL.pt", "other.PTH"):
        torch.save(state, folder / name)
    (folder / "notes.txt").write_text("x")
    (folder / "small.onnx").write_bytes(b"x")
    (folder / ".hidden").write_text("x")
    (folder / "more").mkdir()
    (folder / "cifar.tar.gz").write_bytes(b"x")
    # The file of a trained network, without what it would have to say.
    metadata = {"__metadata__": {"convviz": "{}"}}
    text = json.dumps(metadata).encode()
    (folder / "broken.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    found = {file.name: file.reason for file in unused_files({"cifar.tar.gz"})}
    assert found == {
        "SMALL.pt": "is for the same network as small.pth, which is used",
        "broken.safetensors": "is the damaged file of a network that was trained with convviz",
        "more": "is a folder; only files that lie in CONVVIZ_WEIGHTS itself are looked at",
        "notes.txt": f"is no file of weights by its name, which would end in {ENDINGS}",
        "other.PTH": "bears no network's name; rename it to that of its network, such as vgg16.PTH",
        "small.ckpt": "is for the same network as small.pth, which is used",
        "small.onnx": "is a file of another program than PyTorch, such as ONNX or Keras",
    }


def test_torchvisions_own_file_is_used_before_one_by_the_networks_name(
    thin: Callable[[Path], Path], folder: Path
) -> None:
    thin(folder / "alexnet.pth")
    thin(folder / "alexnet-owt-7be5be79.pth")
    assert [(file.name, file.reason) for file in unused_files()] == [
        ("alexnet.pth", "is for the same network as alexnet-owt-7be5be79.pth, which is used")
    ]


def test_nothing_is_listed_without_a_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert unused_files() == ()
    monkeypatch.delenv("CONVVIZ_WEIGHTS")
    assert unused_files() == ()


def test_the_command_lists_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "resnet.pth").write_bytes(b"x")
    (folder / "cifar-10-binary.tar.gz").write_bytes(b"x")  # a set of images
    assert main(["weights", "status", "alexnet"]) == 0
    assert capsys.readouterr().out.endswith(
        "not used, in your CONVVIZ_WEIGHTS folder\n  resnet.pth bears no network's name; rename it "
        "to that of its network, such as vgg16.pth\n"
    )
    assert main(["weights", "status", "alexnet", "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert list(rows) == ["alexnet", "CONVVIZ_WEIGHTS"]
    assert [row["name"] for row in rows["CONVVIZ_WEIGHTS"]] == ["resnet.pth"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no such folder"),
        (lambda path: path.write_bytes(b"x"), "that is a file"),
    ],
)
def test_a_path_that_is_no_folder_ends_every_command(
    make: Callable[[Path], object],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / "vgg16.pth")
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path / "vgg16.pth"))
    with pytest.raises(SettingError, match=f"CONVVIZ_WEIGHTS names 'vgg16.pth', but {reason}: "):
        cache.check_user_folder()
    assert main(["weights"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("convviz: CONVVIZ_WEIGHTS names 'vgg16.pth'")
    assert err.count("\n") == 1
    assert str(tmp_path) not in err


def test_a_folder_that_cannot_be_read_is_an_error_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SettingError, match=r"it cannot be read \(Permission denied\)"):
        cache.check_user_folder()


@pytest.mark.claims(
    "convviz.weights.findings.trained_elsewhere",
    "convviz.weights.findings.second_to",
    "convviz.weights.findings.named_after_none",
)
def test_reasons_name_what_they_are_about() -> None:
    assert "a trained network called lenet, which" in findings.trained_elsewhere("lenet")
    assert findings.second_to("a.pth").endswith("as a.pth, which is used")
    assert findings.named_after_none(".bin").endswith("such as vgg16.bin")
