"""The whole command line: its exit status, and what goes to which stream."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convviz import __version__
from convviz.cli import main
from convviz.cli.output import ProgressBar, check_target, table, write, write_json
from convviz.errors import SettingError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments", [[], ["activations"], ["layers"], ["dance"], ["layers", "-x"]]
)
def test_wrong_arguments_give_one_sentence_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("convviz")
    assert streams.err.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["", "activations", "layers", "weights", "reconstruct", "costs"]
)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"] if command else ["--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: convviz {command}".strip())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"convviz {__version__}\n"


def test_an_error_of_the_users_gives_one_sentence_and_status_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["layers", "alexnett"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "alexnet" in streams.err
    assert streams.err.count("\n") == 1


def test_ctrl_c_gives_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("convviz.cli.layers.run", interrupt)
    assert main(["layers", "alexnet"]) == 130
    assert capsys.readouterr().err == "convviz: stopped.\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_args: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("convviz.cli.layers.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["layers", "alexnet"])


def run_convviz(
    *arguments: str, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_is_quick_because_it_imports_no_torch() -> None:
    code = (
        "import sys; from convviz.cli import main; main(['--help']); print('torch' in sys.modules)"
    )
    assert run_convviz("-c", code).stdout.endswith("False\n")


def test_a_network_of_ones_own_from_start_to_end(tmp_path: Path) -> None:
    """ResNet-18 joins by a file; one of its ReLUs runs twice."""
    own = tmp_path / "my_net.py"
    own.write_text(
        "import torch\n"
        "from torchvision.models import resnet18\n"
        "from convviz.networks import NetworkSpec, register\n"
        "register(NetworkSpec(name='resnet18', title='ResNet-18', build=resnet18))\n",
        encoding="utf-8",
    )
    code = (
        "from convviz.cli import main; "
        "main(['layers', 'resnet18']); "
        "main(['activations', 'sample:cat', '--network', 'resnet18', '--layer', 'layer3.1.relu', "
        "'--out', 'grid.png', '--json', '-'])"
    )
    done = run_convviz("-c", code, CONVVIZ_NETWORKS=str(own), PYTHONPATH=str(ROOT), cwd=tmp_path)
    takes_its_place = (
        "resnet18 is ResNet-18 from your own file; it takes the place of torchvision's network of "
        "this name."
    )
    assert done.stderr.splitlines() == [takes_its_place] * 2  # once for each command
    listed, looked = done.stdout.rsplit("\n", 2)[:2]
    assert "layer3.1.relu" in listed
    assert '"shape": [256, 14, 14]' in looked
    assert (tmp_path / "grid.png").stat().st_size > 10_000


class TestOutput:
    def test_a_table_lines_up_and_puts_numbers_to_the_right(self) -> None:
        text = table(("name", "count"), [("a", "1,000"), ("long name", "7")])
        assert text == "name       count\na          1,000\nlong name      7"

    def test_progress_is_silent_unless_stderr_is_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        for stream, expected in ((io.StringIO(), ""), (Terminal(), "\r2.0 of 4.0")):
            monkeypatch.setattr(sys, "stderr", stream)
            with ProgressBar() as progress:
                progress.megabytes(2_000_000, 4_000_000)
            shown = stream.getvalue().replace("fetching: ", "")
            assert shown.startswith(expected)
            assert shown == "" or shown.endswith(" \r")

    def test_targets_are_checked_before_the_work(self, tmp_path: Path) -> None:
        check_target(None)
        check_target("-")
        check_target(str(tmp_path / "new.png"), ".png")
        for target, words in (
            (tmp_path / "x.jpg", "does not end in .png"),
            (tmp_path / "none" / "x.png", "there is no folder"),
        ):
            with pytest.raises(SettingError, match=words):
                check_target(str(target), ".png")
        with pytest.raises(SettingError, match="is a folder"):
            check_target(str(tmp_path))

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="cannot be written"):
            write(str(tmp_path), b"x")

    def test_json_goes_to_a_file_or_to_stdout(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_json(str(tmp_path / "a.json"), {"a": "×"})
        assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{"a": "×"}\n'
        write_json("-", [1])
        assert capsys.readouterr().out == "[1]\n"


NOISY = """
import sys
import torch
from torch import nn
from convviz.networks import NetworkSpec, register

print("loading")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        print("building")
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        print("running", x.shape)
        sys.stdout.write("running\\n")
        return self.conv(x).relu()

register(NetworkSpec(name="noisy", title="Noisy", build=Net, input_size=16))
"""


def test_what_a_users_file_prints_goes_to_stderr(
    own_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    own_file(NOISY)
    look = ["activations", "sample:cat", "--network", "noisy", "--layer", "conv"]
    for words in (["layers", "noisy"], ["costs", "noisy"], look):
        assert main([*words, "--json", "-"]) == 0
        out, err = capsys.readouterr()
        assert isinstance(json.loads(out), (dict, list))
        assert "running" in err
        assert main(words) == 0
        assert "running" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("activations", "sample:cat", "--network", "vgg16", "--layer", "features.1"),
        ("evidence", "sample:cat", "--network", "googlenet"),
        ("reconstruct", "sample:cat", "--network", "alexnet", "--layer", "features.1"),
        ("train", "shapes", "--network", "alexnet"),
    ],
)
def test_every_command_says_size_and_licence_before_it_fetches(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert main([*words, "--weights", "imagenet"]) == 2
    said, failed = capsys.readouterr().err.splitlines()
    name = words[words.index("--network") + 1]
    size = {"alexnet": "244 MB", "vgg16": "553 MB", "googlenet": "52 MB"}[name]
    assert said.startswith(f"To fetch: {name}-")
    assert f", {size}. torchvision, whose code is under the BSD 3-clause licence" in said
    assert "cannot be reached" in failed
